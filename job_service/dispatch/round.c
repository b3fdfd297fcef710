#include "job_service/dispatch/round.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/machine.h"

enum {
    IDS_MAX = SEEN_MAX * (JOB_ID_TEXT + 1) + 3,
    AGAIN_MS = 3000,
    FAILED_MS = 1000,
    FAILED_MAX = 8
};

/* Looking at one job. */

/* The Workflow of the row's attempt, unless it is another than the row's. */
static const struct workflow *find_workflow(struct seen *seen, const struct row *row)
{
    size_t count;
    const struct workflow *list = seen_workflows(seen, row->id, &count);

    for (size_t i = 0; i < count; i++)
        if (list[i].attempt == row->attempt &&
            (row->uid[0] == '\0' || strcmp(list[i].uid, row->uid) == 0))
            return &list[i];
    return NULL;
}

static size_t find_pods(struct round *round, struct seen *seen, const struct row *row)
{
    size_t count, kept = 0;
    const struct pod *list = seen_pods(seen, row->id, &count);

    for (size_t i = 0; i < count && kept < ROUND_PODS; i++)
        if (list[i].attempt == row->attempt || list[i].attempt == 0)
            round->pods[kept++] = list[i];
    return kept;
}

static size_t slot_of(const char *job)
{
    uint64_t hash = 1469598103934665603u;

    for (const char *p = job; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    return hash % ROUND_RECENT;
}

/* NULL: to be done at once, for a change of the row alone is seen at once. */
static struct recent *recent_of(struct round *round, const char *job, enum action_kind kind)
{
    struct recent *one = &round->recent[slot_of(job)];

    if (kind == ACT_FOLLOW || kind == ACT_FINISH || kind == ACT_FAIL || kind == ACT_CANCELLED)
        return NULL;
    if (one->kind != kind || strcmp(one->job, job) != 0) {
        one->due_ms = 0;
        one->kind = kind;
        memcpy(one->job, job, sizeof one->job);
    }
    return one;
}

static bool is_due(struct recent *one)
{
    uint64_t now = machine_ms();

    if (one == NULL)
        return true;
    if (now < one->due_ms)
        return false;
    one->due_ms = now + AGAIN_MS;
    return true;
}

static bool mind_output(struct round *round, struct view *view, struct err *err)
{
    const struct row *row = view->row;
    const struct workflow *workflow = view->workflow;

    if (row->state >= JOB_FINISHED && row->uid[0] == '\0')
        return row->log_ended || rows_end_log(round->work.pg, row->id, err);
    if (!output_follow(round->output, view, err))
        return false;
    if (decide_log_over(view))
        return output_close(round->output, view, err);
    if (row->state >= JOB_FINISHED || workflow == NULL)
        return true;
    view->over_limit = output_is_over(round->output, row->id);
    return !view->by_record || workflow->phase < WORKFLOW_SUCCEEDED ||
           output_told(round->work.pg, view, round->rules, &view->told, &view->record, err);
}

static bool look(struct round *round, struct seen *seen, const struct row *row, bool complete,
                 struct err *err)
{
    const struct kind *kind = kinds_find(round->work.kinds, row->kind);
    struct view view = {.row = row,
                        .workflow = find_workflow(seen, row),
                        .pods = round->pods,
                        .pod_count = find_pods(round, seen, row),
                        .complete = complete,
                        .by_record = kind != NULL && kind_result(kind) == NULL,
                        .now = time(NULL)};
    struct action action;

    if (!mind_output(round, &view, err))
        return false;
    decide(&view, round->rules, &action);
    if (action.kind == ACT_NOTHING)
        return true;
    struct recent *recent = recent_of(round, row->id, action.kind);
    if (!is_due(recent) || act(&round->work, &view, &action, err))
        return true;
    if (recent != NULL)
        recent->due_ms = machine_ms() + FAILED_MS;
    return false;
}

/* All jobs. */

static void add_id(struct buf *ids, const char *id)
{
    buf_printf(ids, "%s%s", ids->len == 1 ? "" : ",", id);
}

/* The jobs of all objects, as an array of the database. */
static bool add_ids(const struct seen *seen, struct buf *ids, struct err *err)
{
    buf_add_text(ids, "{");
    for (size_t i = 0; i < seen->workflow_count; i++)
        add_id(ids, seen->workflows[i].job);
    for (size_t i = 0; i < seen->pod_count; i++)
        if (!seen->pods[i].of_argo)
            add_id(ids, seen->pods[i].job);
    buf_add_text(ids, "}");
    return buf_ok(ids, err);
}

static bool read_rows(struct round *round, const struct seen *seen, bool logless, struct rows *ret,
                      struct err *err)
{
    OWNED_BUF(ids, IDS_MAX);

    return add_ids(seen, &ids, err) && rows_read(round->work.pg, ids.data, logless, ret, err);
}

static size_t first_after(const struct rows *rows, const char *id)
{
    size_t i = 0;

    while (i < rows->count && strcmp(rows->list[i].id, id) <= 0)
        i++;
    return i;
}

/*
 * A job for which the API always fails, or of which the database takes no answer, holds up no
 * other: some such are passed over. After more, or when the API asks for a pause, the round is
 * over, and the next one goes on behind it.
 */
static bool look_at_all(struct round *round, struct seen *seen, const struct rows *rows,
                        bool complete, struct err *err)
{
    size_t first = first_after(rows, round->last);
    unsigned failed = 0;

    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->list[(first + i) % rows->count];
        struct err why = {0};
        round->work.api_failed = false;
        if (look(round, seen, row, complete, &why))
            continue;
        memcpy(round->last, row->id, sizeof round->last);
        bool of_job =
            round->work.api_failed || why.status == STATUS_REFUSED || why.status == STATUS_BUG;
        if (!of_job || round->work.cluster->retry_after_s > 0 || ++failed == FAILED_MAX) {
            *err = why;
            return false;
        }
        log_warn("%s", why.text);
    }
    return true;
}

bool round_quick(struct round *round, struct seen *seen, struct err *err)
{
    struct rows rows;
    bool done = read_rows(round, seen, false, &rows, err);

    done = done && look_at_all(round, seen, &rows, false, err);
    rows_release(&rows);
    return done;
}

/* What no row wants. */

static bool is_wanted(const struct rows *rows, const struct workflow *workflow)
{
    const struct row *row = rows_find(rows, workflow->job);

    return row != NULL && row->attempt == workflow->attempt &&
           (row->uid[0] == '\0' ? row->state < JOB_FINISHED : strcmp(row->uid, workflow->uid) == 0);
}

static bool delete_strays(struct round *round, struct seen *fresh, const struct rows *rows,
                          struct err *err)
{
    int64_t now = time(NULL);

    for (size_t i = 0; i < fresh->workflow_count; i++) {
        const struct workflow *workflow = &fresh->workflows[i];
        if (!is_wanted(rows, workflow) && decide_stray(workflow->created, now, round->rules) &&
            is_due(recent_of(round, workflow->job, ACT_CLEAN)) &&
            !act_on_stray_workflow(&round->work, workflow, err))
            return false;
    }
    for (size_t i = 0; i < fresh->pod_count; i++) {
        const struct pod *pod = &fresh->pods[i];
        const struct row *row = rows_find(rows, pod->job);
        bool wanted = pod->of_argo || pod->leaving ||
                      (row != NULL && (pod->attempt == 0 || pod->attempt == row->attempt));
        if (!wanted && decide_stray(pod->waits_since, now, round->rules) &&
            !act_on_stray_pod(&round->work, pod, err))
            return false;
    }
    return true;
}

struct inputs {
    struct buf ids; /* of jobs that have inputs, old enough to be strays */
    const struct decide_rules *rules;
    int64_t now;
};

static void note_inputs(void *context, const char *id, int64_t created)
{
    struct inputs *inputs = context;

    if (decide_stray(created, inputs->now, inputs->rules))
        add_id(&inputs->ids, id);
}

/* Inputs of jobs that are over and of which nothing else is left. */
static bool delete_stray_inputs(struct round *round, struct seen *fresh, struct err *err)
{
    struct inputs inputs = {.rules = round->rules, .now = time(NULL)};
    struct rows rows = {0};
    char id[JOB_ID_TEXT + 1];
    size_t count;

    buf_init(&inputs.ids, IDS_MAX);
    buf_add_text(&inputs.ids, "{");
    bool done = cluster_list_inputs(round->work.cluster, note_inputs, &inputs, err);
    buf_add_text(&inputs.ids, "}");
    done = done && buf_ok(&inputs.ids, err) &&
           rows_read(round->work.pg, inputs.ids.data, false, &rows, err);
    for (size_t at = 1; done && at + JOB_ID_TEXT < inputs.ids.len; at += JOB_ID_TEXT + 1) {
        memcpy(id, inputs.ids.data + at, JOB_ID_TEXT);
        id[JOB_ID_TEXT] = '\0';
        const struct row *row = rows_find(&rows, id);
        if (row == NULL || row->state >= JOB_FINISHED)
            if ((void)seen_workflows(fresh, id, &count), count == 0)
                done = act_on_stray_inputs(&round->work, id, err);
    }
    rows_release(&rows);
    buf_release(&inputs.ids);
    return done;
}

static bool compare(struct round *round, struct seen *fresh, struct err *err)
{
    struct rows rows;
    bool done = read_rows(round, fresh, true, &rows, err);

    done = done && delete_strays(round, fresh, &rows, err);
    done = done && look_at_all(round, fresh, &rows, false, err);
    done = done && delete_stray_inputs(round, fresh, err);
    rows_release(&rows);
    return done;
}

bool round_thorough(struct round *round, struct seen *seen, struct err *err)
{
    struct seen fresh = {0};
    struct rows rows;
    char version[OBJECT_UID];
    bool done = read_rows(round, seen, false, &rows, err);

    for (unsigned i = 0; i < SOURCES && done; i++)
        done = cluster_list(round->work.cluster, (enum cluster_source)i, &fresh, version, err);
    done = done && look_at_all(round, &fresh, &rows, true, err);
    rows_release(&rows);
    done = done && compare(round, &fresh, err);
    seen_release(&fresh);
    return done;
}
