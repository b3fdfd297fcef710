#include "job_service/dispatch/act.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json_in.h"
#include "common/log.h"
#include "job_service/dispatch/counts.h"
#include "job_service/dispatch/manifest.h"
#include "job_service/form/strict_json.h"

enum { PARAMETER_VALUES_MAX = 1024 };

/* Counted as done, or as too late. */
static bool told(bool asked, const bool *done, enum action_kind kind)
{
    if (asked && *done)
        counts_action(kind);
    else if (asked)
        counts_fenced(kind);
    return asked;
}

static bool fail_job(struct work *work, const struct row *row, enum cause cause, const char *reason,
                     struct err *err)
{
    char line[REASON_TEXT];
    bool done;

    (void)snprintf(line, sizeof line, "%s", reason);
    err_make_printable(line);
    if (!rows_fail(work->pg, row, cause, line, &done, err))
        return false;
    if (done) {
        counts_failed(cause);
        log_info("job %s: failed (%s): %s", row->id, cause_name(cause), line);
    }
    return told(true, &done, ACT_FAIL);
}

/* An answer that says nothing about the job. */
static bool later(struct work *work, struct err *err)
{
    counts_api_failed();
    work->api_failed = true;
    if (err->status != STATUS_BUG)
        err->status = STATUS_TRANSIENT;
    return false;
}

/* What a job was asked for, checked again: the api that wrote it may be in other hands. */
struct asked {
    const struct kind *kind;
    struct buf parameters, file;
};

static void asked_release(struct asked *asked)
{
    buf_release(&asked->parameters);
    buf_release(&asked->file);
}

/* *ret_fit false: *err says why the job cannot be run. */
static bool read_asked(struct work *work, const struct row *row, struct asked *ret, bool *ret_fit,
                       struct err *err)
{
    OWNED_BUF(stored, ROWS_FILE_MAX);
    struct cJSON *tree = NULL;

    buf_init(&ret->parameters, KIND_TEXT_MAX);
    buf_init(&ret->file, ROWS_FILE_MAX);
    ret->kind = kinds_find(work->kinds, row->kind);
    if (!rows_asked(work->pg, row->id, &stored, &ret->file, err))
        return false;
    *ret_fit = false;
    if (ret->kind == NULL) {
        (void)err_set(err, STATUS_INPUT, "the dispatcher knows no kind '%s'", row->kind);
        return true;
    }
    if (ret->file.len / 4 * 3 > MANIFEST_FILE_MAX) {
        (void)err_set(err, STATUS_INPUT, "its file has more than %d KiB", MANIFEST_FILE_MAX >> 10);
        return true;
    }
    bool done = strict_json_read(stored.data, stored.len, PARAMETER_VALUES_MAX, &tree, err) &&
                kind_parameters(ret->kind, tree, &ret->parameters, err);
    cJSON_Delete(tree);
    *ret_fit = done;
    return done || err->status != STATUS_TRANSIENT;
}

/* Resuming. */

/* *ret_done: they are there. */
static bool make_inputs(struct work *work, const struct row *row, const struct asked *asked,
                        bool *ret_done, struct err *err)
{
    OWNED_BUF(manifest, MANIFEST_MAX);
    struct err why = {0};

    if (!manifest_inputs(&manifest, row->id, asked->file.data, err))
        return false;
    switch (cluster_create_inputs(work->cluster, manifest.data, &why)) {
    case CLUSTER_DONE:
    case CLUSTER_CONFLICT: /* of an earlier look: nobody else makes any, and they do not change */
        *ret_done = true;
        return true;
    case CLUSTER_REFUSED:
        *ret_done = false;
        return fail_job(work, row, CAUSE_REFUSED, why.text, err);
    case CLUSTER_QUOTA:
    case CLUSTER_GONE:
    case CLUSTER_LATER:
    default:
        *err = why;
        return later(work, err);
    }
}

static bool resume(struct work *work, const struct row *row, const struct workflow *workflow,
                   struct err *err)
{
    OWNED_BUF(patch, 1024);
    struct asked asked = {0};
    struct err why = {0};
    bool fit = false, done = true;

    bool read = read_asked(work, row, &asked, &fit, &why);
    bool ok = !read                         ? (*err = why, false)
              : !fit                        ? fail_job(work, row, CAUSE_REFUSED, why.text, err)
              : kind_takes_file(asked.kind) ? make_inputs(work, row, &asked, &done, err)
                                            : true;
    asked_release(&asked);
    if (!ok || !fit || !done)
        return ok;
    manifest_resume(&patch, row->uid);
    if (!buf_ok(&patch, err))
        return false;
    why = (struct err){0};
    switch (cluster_patch_workflow(work->cluster, workflow->name, patch.data, &why)) {
    case CLUSTER_DONE:
        return told(rows_follow(work->pg, row, JOB_PENDING, "", &done, err), &done, ACT_RESUME);
    case CLUSTER_GONE:
    case CLUSTER_CONFLICT:
        return true; /* its absence is found by reconciliation */
    case CLUSTER_REFUSED:
        return fail_job(work, row, CAUSE_REFUSED, why.text, err);
    case CLUSTER_QUOTA:
    case CLUSTER_LATER:
    default:
        *err = why;
        return later(work, err);
    }
}

/* Creating. */

static bool adopt(struct work *work, const struct row *row, const struct workflow *workflow,
                  struct err *err)
{
    struct row stored = *row;
    bool done;

    if (strcmp(workflow->digest, row->digest) != 0)
        return fail_job(work, row, CAUSE_CONFLICT,
                        "a workflow of its name is there, and is another job's", err);
    if (!rows_store_uid(work->pg, row, workflow->uid, &done, err))
        return false;
    (void)told(true, &done, ACT_ADOPT);
    if (!done)
        return true;
    (void)snprintf(stored.uid, sizeof stored.uid, "%s", workflow->uid);
    return resume(work, &stored, workflow, err);
}

/* The answer holds a Workflow of the name that was asked for. */
static bool adopt_answer(struct work *work, const struct row *row, const struct buf *answer,
                         struct err *err)
{
    struct workflow workflow;
    char name[WORKFLOW_NAME];
    cJSON *object = json_parse("a workflow", answer->data, answer->len, err);

    if (object == NULL)
        return later(work, err);
    object_name(name, row->id, row->attempt);
    const char *said = cJSON_GetStringValue(json_find(object, "metadata.name"));
    bool named = said != NULL && strcmp(said, name) == 0;
    bool ours = named && workflow_read(object, work->kinds, &workflow);
    cJSON_Delete(object);
    if (!named) {
        (void)err_set(err, STATUS_TRANSIENT, "the answer is not the workflow that was asked for");
        return later(work, err);
    }
    if (!ours)
        return fail_job(work, row, CAUSE_CONFLICT, "what has its workflow's name is none of ours",
                        err);
    return adopt(work, row, &workflow, err);
}

static bool requeue(struct work *work, const struct row *row, struct err *err)
{
    bool done;

    work->quota_full = true;
    if (!rows_requeue(work->pg, row, work->requeue_s,
                      "the cluster's quota of workflows is used up; it waits again", &done, err))
        return false;
    log_info("job %s: queued again: a quota of the cluster is used up", row->id);
    if (!done)
        counts_fenced(ACT_CREATE);
    return true;
}

static bool create_workflow(struct work *work, const struct row *row, const struct asked *asked,
                            struct err *err)
{
    const struct manifest_job job = {.id = row->id,
                                     .digest = row->digest,
                                     .attempt = row->attempt,
                                     .kind = asked->kind,
                                     .parameters = asked->parameters.data};
    OWNED_BUF(manifest, MANIFEST_MAX);
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char name[WORKFLOW_NAME];
    struct err why = {0};

    if (!manifest_workflow(&manifest, &job, err))
        return false;
    object_name(name, row->id, row->attempt);
    enum cluster_answer is = cluster_create_workflow(work->cluster, manifest.data, &answer, &why);
    if (is == CLUSTER_DONE) {
        counts_action(ACT_CREATE);
        return adopt_answer(work, row, &answer, err);
    }
    if (is == CLUSTER_CONFLICT) {
        /* Of a quota's conflict it says the same: whether there is one decides. */
        why = (struct err){0};
        is = cluster_get_workflow(work->cluster, name, &answer, &why);
        if (is == CLUSTER_DONE)
            return adopt_answer(work, row, &answer, err);
        if (is == CLUSTER_GONE)
            return true;
    }
    if (is == CLUSTER_QUOTA)
        return requeue(work, row, err);
    if (is == CLUSTER_REFUSED)
        return fail_job(work, row, CAUSE_REFUSED, why.text, err);
    *err = why;
    return later(work, err);
}

static bool create(struct work *work, const struct row *row, struct err *err)
{
    struct asked asked = {0};
    struct err why = {0};
    bool fit = false;

    bool read = read_asked(work, row, &asked, &fit, &why);
    bool ok = !read  ? (*err = why, false)
              : !fit ? fail_job(work, row, CAUSE_REFUSED, why.text, err)
                     : create_workflow(work, row, &asked, err);
    asked_release(&asked);
    return ok;
}

/* Ending. */

/* What is not there, or is another by now, needs no end. */
static bool ended(struct work *work, enum cluster_answer is, const struct err *why, struct err *err)
{
    if (is == CLUSTER_DONE || is == CLUSTER_GONE || is == CLUSTER_CONFLICT)
        return true;
    *err = *why;
    return later(work, err);
}

static bool delete_workflow(struct work *work, const struct workflow *workflow, bool as_seen,
                            enum cluster_answer *ret, struct err *err)
{
    OWNED_BUF(options, 1024);
    struct err why = {0};

    manifest_delete(&options, workflow->uid, as_seen ? workflow->version : NULL);
    if (!buf_ok(&options, err))
        return false;
    *ret = cluster_delete_workflow(work->cluster, workflow->name, options.data, &why);
    return ended(work, *ret, &why, err);
}

static bool delete_pods(struct work *work, const struct view *view, bool all, struct err *err)
{
    for (size_t i = 0; i < view->pod_count; i++) {
        const struct pod *pod = &view->pods[i];
        struct err why = {0};
        bool alive = pod->state == POD_PENDING || pod->state == POD_RUNNING;
        if (pod->of_argo || pod->leaving || !(all || alive))
            continue;
        if (!ended(work, cluster_delete_pod(work->cluster, pod, &why), &why, err))
            return false;
    }
    return true;
}

static bool stop_job(struct work *work, const struct view *view, struct err *err)
{
    const struct workflow *workflow = view->workflow;
    OWNED_BUF(patch, 1024);
    struct err why = {0};

    if (workflow != NULL && !workflow->shut_down && workflow->phase <= WORKFLOW_RUNNING) {
        manifest_shut_down(&patch, workflow->uid);
        if (!buf_ok(&patch, err) ||
            !ended(work, cluster_patch_workflow(work->cluster, workflow->name, patch.data, &why),
                   &why, err))
            return false;
    }
    return delete_pods(work, view, false, err);
}

static bool drop(struct work *work, const struct view *view, struct err *err)
{
    enum cluster_answer is;
    bool done;

    if (!delete_workflow(work, view->workflow, true, &is, err))
        return false;
    if (is == CLUSTER_CONFLICT)
        return true; /* it was resumed meanwhile */
    return told(rows_cancelled(work->pg, view->row, &done, err), &done, ACT_DROP);
}

static bool clean(struct work *work, const struct view *view, struct err *err)
{
    const struct kind *kind = kinds_find(work->kinds, view->row->kind);
    enum cluster_answer is;
    struct err why = {0};

    if (!delete_pods(work, view, true, err))
        return false;
    if (kind == NULL || kind_takes_file(kind))
        if (!ended(work, cluster_delete_inputs(work->cluster, view->row->id, &why), &why, err))
            return false;
    return view->workflow == NULL || delete_workflow(work, view->workflow, false, &is, err);
}

static bool nudge(struct work *work, const struct view *view, struct err *err)
{
    OWNED_BUF(patch, 1024);
    struct err why = {0};

    manifest_nudge(&patch, view->workflow->uid, view->now);
    return buf_ok(&patch, err) &&
           ended(work,
                 cluster_patch_workflow(work->cluster, view->workflow->name, patch.data, &why),
                 &why, err);
}

static bool finish(struct work *work, const struct row *row, const char *number, struct err *err)
{
    bool done;

    if (!rows_finish(work->pg, row, number, &done, err))
        return false;
    if (done)
        log_info("job %s: finished", row->id);
    return told(true, &done, ACT_FINISH);
}

static bool again(struct work *work, const struct row *row, const char *reason, struct err *err)
{
    bool done;

    if (!rows_again(work->pg, row, reason, &done, err))
        return false;
    if (done)
        log_warn("job %s: attempt %u: %s", row->id, row->attempt, reason);
    return told(true, &done, ACT_AGAIN);
}

static bool carry_out(struct work *work, const struct view *view, const struct action *action,
                      struct err *err)
{
    bool done = true;

    switch (action->kind) {
    case ACT_CREATE:
        return create(work, view->row, err);
    case ACT_ADOPT:
        return adopt(work, view->row, view->workflow, err);
    case ACT_RESUME:
        return resume(work, view->row, view->workflow, err);
    case ACT_FOLLOW:
        return told(rows_follow(work->pg, view->row, action->state, action->step, &done, err),
                    &done, ACT_FOLLOW);
    case ACT_FINISH:
        return finish(work, view->row, action->number, err);
    case ACT_FAIL:
        return fail_job(work, view->row, action->cause, action->reason, err);
    case ACT_CANCELLED:
        return told(rows_cancelled(work->pg, view->row, &done, err), &done, ACT_CANCELLED);
    case ACT_AGAIN:
        return again(work, view->row, action->reason, err);
    case ACT_NUDGE:
        return nudge(work, view, err);
    case ACT_STOP:
        return stop_job(work, view, err);
    case ACT_DROP:
        return drop(work, view, err);
    case ACT_CLEAN:
        return clean(work, view, err);
    case ACT_NOTHING:
    case ACTIONS:
    default:
        return true;
    }
}

bool act(struct work *work, const struct view *view, const struct action *action, struct err *err)
{
    if (!carry_out(work, view, action, err))
        return err_prefix(err, "job %s: %s", view->row->id, action_name(action->kind));
    /* The others count themselves: the row may have refused them. */
    if (action->kind == ACT_NUDGE || action->kind == ACT_STOP || action->kind == ACT_CLEAN)
        counts_action(action->kind);
    return true;
}

bool act_on_stray_workflow(struct work *work, const struct workflow *workflow, struct err *err)
{
    enum cluster_answer is;

    if (!delete_workflow(work, workflow, false, &is, err))
        return false;
    log_info("%s: deleted, no job wants it", workflow->name);
    counts_stray();
    return true;
}

bool act_on_stray_pod(struct work *work, const struct pod *pod, struct err *err)
{
    struct err why = {0};

    if (!ended(work, cluster_delete_pod(work->cluster, pod, &why), &why, err))
        return false;
    log_info("%s: deleted, no job wants it", pod->name);
    counts_stray();
    return true;
}

bool act_on_stray_inputs(struct work *work, const char *id, struct err *err)
{
    struct err why = {0};

    if (!ended(work, cluster_delete_inputs(work->cluster, id, &why), &why, err))
        return false;
    log_info("inputs of job %s: deleted, no job wants them", id);
    counts_stray();
    return true;
}
