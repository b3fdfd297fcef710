#include "job_service/dispatch/decide.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *job_state_name(enum job_state state)
{
    static const char *const names[JOB_STATES] = {"queued",   "submitting", "pending",  "running",
                                                  "finished", "failed",     "cancelled"};

    return names[state];
}

const char *action_name(enum action_kind kind)
{
    static const char *const names[ACTIONS] = {"nothing", "create", "adopt",     "resume", "follow",
                                               "finish",  "fail",   "cancelled", "again",  "nudge",
                                               "stop",    "drop",   "clean"};

    return names[kind];
}

static void put(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

static void fail(struct action *ret, enum cause cause, const char *reason)
{
    ret->kind = ACT_FAIL;
    ret->cause = cause;
    put(ret->reason, sizeof ret->reason, reason);
}

static bool passed(int64_t since, int64_t now, unsigned seconds)
{
    return now - since >= (int64_t)seconds;
}

static bool is_alive(const struct pod *pod)
{
    return pod->state == POD_PENDING || pod->state == POD_RUNNING;
}

static bool any_alive(const struct view *view)
{
    for (size_t i = 0; i < view->pod_count; i++)
        if (is_alive(&view->pods[i]))
            return true;
    return false;
}

/* Pods of people's code belong to no Workflow: nobody else ends them. */
static bool any_to_delete(const struct view *view)
{
    for (size_t i = 0; i < view->pod_count; i++)
        if (is_alive(&view->pods[i]) && !view->pods[i].of_argo && !view->pods[i].leaving)
            return true;
    return false;
}

static bool has_ended(const struct workflow *workflow)
{
    return workflow->phase == WORKFLOW_SUCCEEDED || workflow->phase == WORKFLOW_FAILED;
}

/* Argo calls a suspended Workflow Running, too; that it did nothing is seen by its nodes. */
static bool never_ran(const struct workflow *workflow)
{
    return workflow->suspended && workflow->nodes == 0 && !has_ended(workflow);
}

/* Argo has not begun with it and, as it is shut down, makes no pod of it. */
static bool never_will(const struct view *view)
{
    const struct workflow *workflow = view->workflow;

    return view->pod_count == 0 &&
           (never_ran(workflow) || (workflow->phase == WORKFLOW_NEW && workflow->shut_down));
}

/* The way to the number. */

/* A number as JSON has it, finite as a double; not one so small that it would be 0, either: the
 * database refuses both. */
static bool is_number(const char *text)
{
    const char *p = text + (text[0] == '-');
    const char *dot = strchr(p, '.');

    if (!isdigit((unsigned char)p[0]) || (p[0] == '0' && isdigit((unsigned char)p[1])) ||
        p[strspn(p, "0123456789.eE+-")] != '\0' || (dot != NULL && !isdigit((unsigned char)dot[1])))
        return false;
    char *end;
    errno = 0;
    double value = strtod(text, &end);
    return *end == '\0' && isfinite(value) && (errno != ERANGE || value != 0);
}

static void finish(struct action *ret, const char *number)
{
    if (!is_number(number)) {
        fail(ret, CAUSE_BAD_RESULT, "its result is not a number");
        return;
    }
    ret->kind = ACT_FINISH;
    put(ret->number, sizeof ret->number, number);
}

static void finish_by_record(const struct view *view, const struct decide_rules *rules,
                             struct action *ret)
{
    char text[REASON_TEXT];

    if (view->told == TOLD_RECORD && view->record.cause == RUN_DONE) {
        (void)snprintf(text, sizeof text, "%.17g", view->record.perf);
        finish(ret, text);
    } else if (view->told == TOLD_RECORD) {
        (void)snprintf(text, sizeof text, "run: %s", view->record.why);
        fail(ret, cause_of_record(view->record.cause), text);
    } else if (view->told == TOLD_NOTHING ||
               passed(view->workflow->ended, view->now, rules->log_s)) {
        fail(ret, CAUSE_NO_RESULT, "the end of its output, which tells the number, is lost");
    }
}

static void decide_success(const struct view *view, const struct decide_rules *rules,
                           struct action *ret)
{
    char reason[REASON_TEXT];

    /* Its pods have ended: one that seems to live has news, such as that it was evicted. */
    if (any_alive(view) && !passed(view->workflow->ended, view->now, rules->settle_s))
        return;
    /* What the kubelet was ending says Succeeded all the same, at times. */
    for (size_t i = 0; i < view->pod_count; i++)
        if (view->pods[i].evicted && view->pods[i].state == POD_DONE) {
            enum cause cause = cause_of_pod(&view->pods[i], reason);
            fail(ret, cause, reason);
            return;
        }
    if (view->by_record)
        finish_by_record(view, rules, ret);
    else if (view->workflow->has_output)
        finish(ret, view->workflow->output);
    else
        fail(ret, CAUSE_NO_RESULT, "its workflow ended without the number");
}

/* The way to a cause. */

static bool is_run(const struct pod *pod)
{
    return !pod->of_argo && strcmp(pod->step, "run") == 0;
}

static void fail_by_pod(const struct view *view, const struct pod *pod, struct action *ret)
{
    char reason[REASON_TEXT];
    enum cause cause = cause_of_pod(pod, reason);

    if (is_run(pod) && view->told == TOLD_RECORD && cause_of_record(view->record.cause) == cause &&
        view->record.why[0] != '\0')
        (void)snprintf(reason, sizeof reason, "run: %s", view->record.why);
    fail(ret, cause, reason);
}

static void decide_failure(const struct view *view, const struct decide_rules *rules,
                           struct action *ret)
{
    const struct workflow *workflow = view->workflow;
    const struct pod *pod = cause_find(view->pods, view->pod_count);
    char reason[REASON_TEXT];

    if (workflow->error && workflow->nodes == 0) {
        (void)snprintf(reason, sizeof reason, "Argo refused the workflow: %s", workflow->message);
        fail(ret, CAUSE_ENGINE, reason);
        return;
    }
    bool settled = passed(workflow->ended, view->now, rules->settle_s);
    if (pod != NULL && (settled || !is_run(pod) || view->told != TOLD_NOT_YET)) {
        fail_by_pod(view, pod, ret);
        return;
    }
    if (!settled)
        return;
    if (workflow->shut_down) {
        fail(ret, CAUSE_LOST, "its workflow was shut down by somebody");
        return;
    }
    enum cause cause = cause_of_workflow(workflow, reason);
    fail(ret, cause, reason);
}

/* A job that runs. */

static void follow(const struct view *view, struct action *ret)
{
    const struct row *row = view->row;
    bool runs = view->workflow->runs || row->state == JOB_RUNNING;
    const char *step = view->workflow->step[0] != '\0' ? view->workflow->step : row->step;

    ret->state = runs ? JOB_RUNNING : JOB_PENDING;
    put(ret->step, sizeof ret->step, runs ? step : "");
    if (ret->state != row->state || strcmp(ret->step, row->step) != 0)
        ret->kind = ACT_FOLLOW;
}

static bool is_late(const struct view *view)
{
    int64_t began = 0;

    for (size_t i = 0; i < view->pod_count; i++) {
        int64_t started = view->pods[i].started;
        if (started != 0 && (began == 0 || started < began))
            began = started;
    }
    return view->row->deadline_s != 0 && began != 0 &&
           view->now - began > (int64_t)view->row->deadline_s;
}

static const struct pod *find_imageless(const struct view *view, const struct decide_rules *rules)
{
    for (size_t i = 0; i < view->pod_count; i++)
        if (view->pods[i].state == POD_PENDING && cause_waits_for_image(&view->pods[i]) &&
            passed(view->pods[i].waits_since, view->now, rules->image_s))
            return &view->pods[i];
    return NULL;
}

/* When the last of its pods ended; 0 where one has not, or there are none. */
static int64_t all_ended(const struct view *view)
{
    int64_t last = 0;

    if (any_alive(view))
        return 0;
    for (size_t i = 0; i < view->pod_count; i++)
        if (view->pods[i].ended > last)
            last = view->pods[i].ended;
    return last;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* After a lack of memory, above all, a Workflow may stay Running for good. */
static void decide_running(const struct view *view, const struct decide_rules *rules,
                           struct action *ret)
{
    const struct pod *broken = cause_find(view->pods, view->pod_count);
    int64_t ended = all_ended(view);

    if (ended != 0 && passed(ended, view->now, rules->give_up_s)) {
        if (broken != NULL)
            fail_by_pod(view, broken, ret);
        else
            fail(ret, CAUSE_ENGINE, "its pods have ended, and its workflow does not go on");
    } else if (ended != 0 &&
               passed(later(ended, view->workflow->nudged), view->now, rules->nudge_s)) {
        ret->kind = ACT_NUDGE;
    } else {
        follow(view, ret);
    }
}

static void decide_resumed(const struct view *view, const struct decide_rules *rules,
                           struct action *ret)
{
    const struct workflow *workflow = view->workflow;
    const struct pod *imageless = find_imageless(view, rules);

    if (view->over_limit) {
        fail(ret, CAUSE_LOG_LIMIT, "a container printed more than is kept");
    } else if (workflow->phase == WORKFLOW_SUCCEEDED) {
        decide_success(view, rules, ret);
    } else if (workflow->phase == WORKFLOW_FAILED) {
        decide_failure(view, rules, ret);
    } else if (is_late(view)) {
        fail(ret, CAUSE_DEADLINE, "it ran longer than its deadline allows");
    } else if (imageless != NULL) {
        fail_by_pod(view, imageless, ret);
    } else if (workflow->phase == WORKFLOW_RUNNING) {
        decide_running(view, rules, ret);
    } else if (view->row->state != JOB_SUBMITTING &&
               passed(later(view->row->changed, workflow->created), view->now, rules->engine_s)) {
        fail(ret, CAUSE_ENGINE, "Argo does not begin with its workflow");
    } else {
        follow(view, ret);
    }
}

/* Asked for the end of a job whose Workflow may have begun. */
static void decide_cancel(const struct view *view, const struct decide_rules *rules,
                          struct action *ret)
{
    const struct workflow *workflow = view->workflow;
    bool overdue = passed(view->row->changed, view->now, rules->give_up_s);

    if (never_will(view)) {
        ret->kind = ACT_DROP;
    } else if (!has_ended(workflow) && !workflow->shut_down) {
        ret->kind = ACT_STOP;
    } else if (any_to_delete(view)) {
        ret->kind = ACT_STOP;
    } else if (has_ended(workflow)) {
        if (!any_alive(view) || overdue)
            ret->kind = ACT_CANCELLED;
    } else if (overdue) {
        ret->kind = ACT_CLEAN;
    } else if (passed(later(view->row->changed, workflow->nudged), view->now, rules->nudge_s)) {
        ret->kind = ACT_NUDGE;
    }
}

/* The Workflow of a stored uid is not to be seen. */
static void decide_absent(const struct view *view, const struct decide_rules *rules,
                          struct action *ret)
{
    if (!view->complete)
        return;
    if (view->pod_count > 0) {
        if (any_to_delete(view))
            ret->kind = ACT_STOP;
        else if (!any_alive(view))
            ret->kind = ACT_CLEAN;
    } else if (view->row->cancel_asked) {
        ret->kind = ACT_CANCELLED;
    } else if (view->row->attempt >= rules->attempts) {
        fail(ret, CAUSE_LOST, "its workflow vanished before it ended, each time it was tried");
    } else {
        ret->kind = ACT_AGAIN;
        put(ret->reason, sizeof ret->reason, "its workflow vanished before it ended");
    }
}

static void decide_unstored(const struct view *view, struct action *ret)
{
    if (view->row->cancel_asked)
        ret->kind = ACT_CANCELLED;
    else if (view->workflow == NULL)
        ret->kind = ACT_CREATE;
    else if (strcmp(view->workflow->digest, view->row->digest) != 0)
        fail(ret, CAUSE_CONFLICT, "a workflow of its name is there, and is another job's");
    else
        ret->kind = ACT_ADOPT;
}

/* What is left of a job that is over, or that nobody knows. */
static void decide_rest(const struct view *view, const struct decide_rules *rules,
                        struct action *ret)
{
    const struct workflow *workflow = view->workflow;
    int64_t since = view->row->changed;
    bool ended = workflow == NULL || has_ended(workflow) || never_will(view);

    if (workflow == NULL && view->pod_count == 0)
        return;
    if ((!ended && !workflow->shut_down) || any_to_delete(view))
        ret->kind = ACT_STOP;
    else if (passed(since, view->now, rules->log_s) ||
             (view->row->log_ended && (ended || passed(since, view->now, rules->give_up_s))))
        ret->kind = ACT_CLEAN;
}

bool decide_log_over(const struct view *view)
{
    return view->row->state >= JOB_FINISHED && !view->row->log_ended && !any_alive(view) &&
           (view->workflow == NULL || has_ended(view->workflow) || never_will(view));
}

bool decide_stray(int64_t created, int64_t now, const struct decide_rules *rules)
{
    return passed(created, now, rules->stray_s);
}

void decide(const struct view *view, const struct decide_rules *rules, struct action *ret)
{
    const struct row *row = view->row;
    const struct workflow *workflow = view->workflow;

    *ret = (struct action){.kind = ACT_NOTHING};
    if (row->state == JOB_QUEUED)
        return;
    if (row->state >= JOB_FINISHED)
        decide_rest(view, rules, ret);
    else if (row->uid[0] == '\0')
        decide_unstored(view, ret);
    else if (workflow == NULL)
        decide_absent(view, rules, ret);
    else if (row->cancel_asked)
        decide_cancel(view, rules, ret);
    else if (never_ran(workflow))
        ret->kind = ACT_RESUME;
    else
        decide_resumed(view, rules, ret);
}
