/* What becomes of one container: read, looked at, read again, ended. */
#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"
#include "job_service/logs/follow.h"

enum {
    IDLE_S = 300, /* of silence, after which its pod is looked at */
    READ_S = 600, /* for a second reading */
    LOOK_S = 30,  /* for a Pod object */
    POD_MAX = 2 << 20,
    PAUSE_MS = 100, /* after the first failure; doubled until PAUSE_MAX_MS */
    PAUSE_MAX_MS = 5000,
    MISMATCHES_MAX = 3, /* readings that do not fit, before that is how it is */
    NOT_FOUND = 404,
};

static void go_to(struct source *source, enum step step, uint64_t pause_ms)
{
    source->step = step;
    source->due_ms = machine_ms() + pause_ms;
    source->job->logs->next_ms = 0;
}

static void note(struct source *source, const char *why)
{
    if (why != source->why)
        (void)err_quote(source->why, sizeof source->why, why, strlen(why));
}

/* Later, and later still each time, but for bytes that came meanwhile. */
static void go_later(struct source *source, enum step step, unsigned retry_after_s)
{
    uint64_t pause_ms = (uint64_t)PAUSE_MS << (source->failures < 6 ? source->failures : 6);

    if (pause_ms > PAUSE_MAX_MS)
        pause_ms = PAUSE_MAX_MS;
    if (pause_ms < 1000 * (uint64_t)retry_after_s)
        pause_ms = 1000 * (uint64_t)retry_after_s;
    source->failures++;
    go_to(source, step, pause_ms);
}

static void decide(struct source *source, bool complete, const char *why)
{
    source->complete = complete;
    note(source, why);
    go_to(source, STEP_END, 0);
}

static bool is_counted(const struct source *source, bool within_lines)
{
    return source->counted && source->reading.at == source->reading.top &&
           reading_is_counted(&source->reading, within_lines);
}

static void go_on_without_fit(struct source *source, const char *why)
{
    note(source, why);
    if (source->cut_off != NULL)
        decide(source, false, source->cut_off);
    else if (++source->mismatches >= MISMATCHES_MAX)
        decide(source, false, why);
    else
        go_later(source, STEP_LOOK, 0);
}

void step_tell_over(struct job *job)
{
    if (!job->limit_told && job->logs->rules.over_limit != NULL)
        job->logs->rules.over_limit(job->logs->rules.context, job->id);
    job->limit_told = true;
}

/* Another dispatcher ended it, and may be gone before it acted on that. */
static void ended_by_another(struct source *source, const struct store_row *row)
{
    if (row->over)
        step_tell_over(source->job);
    step_drop(source);
}

static void end_over(struct source *source)
{
    char why[FOLLOW_WHY_MAX];

    (void)snprintf(why, sizeof why, LOGS_LIMIT ": it printed more than %llu bytes",
                   (unsigned long long)source->reading.limit);
    decide(source, false, why);
    step_tell_over(source->job);
}

/* The node said why there is no output; it must not pass for it. */
static bool is_message(struct source *source)
{
    char said[FOLLOW_WHY_MAX - 16];

    if (!reading_is_message(&source->reading))
        return false;
    (void)err_quote(said, sizeof said, source->reading.pending.data, source->reading.pending.len);
    reading_discard(&source->reading);
    note(source, said);
    return true;
}

/*
 * A second reading that ended as it should. One that brought more than was known proves nothing:
 * the next one has to agree with it.
 */
static void judge(struct source *source, uint64_t before)
{
    const struct reading *reading = &source->reading;

    if (reading->differs || reading->at < reading->top) {
        go_on_without_fit(source, "the node has only a part of it, in a file begun anew");
        return;
    }
    if (reading->at > before) {
        go_to(source, STEP_LOOK, 0);
        return;
    }
    source->expected_known = true;
    if (is_counted(source, true))
        decide(source, true, "");
    else
        decide(source, source->cut_off == NULL, source->cut_off == NULL ? "" : source->cut_off);
}

/* Readings. */

static enum kube_taken take_log(void *context, const char *bytes, size_t len)
{
    struct source *source = context;

    switch (reading_take(&source->reading, bytes, len)) {
    case READING_TAKEN:
        return KUBE_TAKEN;
    case READING_FULL:
        source->held = source->job->logs->full = true;
        kube_wake(source->job->logs->kube); /* it is stored at once */
        return KUBE_HOLD;
    default:
        return KUBE_END;
    }
}

static void end_reading(void *context, const struct kube_end *end)
{
    struct source *source = context;
    struct reading *reading = &source->reading;
    uint64_t before = reading->top;
    bool second = source->step == STEP_CHECK, found = end->status >= 200 && end->status < 300;

    source->stream = NULL;
    source->held = false;
    atomic_fetch_sub(&source->job->logs->streams, 1);
    reading_end(reading);
    if (source->giving_up)
        return;
    if (reading->top > before)
        source->failures = 0;
    if (end->err.status != STATUS_DONE)
        note(source, end->err.text);
    if (reading->over)
        end_over(source);
    else if (found && end->whole && is_message(source))
        go_on_without_fit(source, source->why);
    else if (second && found && (end->whole || reading->differs))
        judge(source, before);
    else if (reading->differs)
        go_on_without_fit(source, "the node has another file by now");
    else if (found && end->whole)
        go_to(source, STEP_LOOK, 0);
    else
        go_later(source, STEP_LOOK, end->retry_after_s);
}

static bool start(struct source *source, const struct kube_stream_rules *rules)
{
    struct err err = {0};

    source->stream = kube_stream_start(source->job->logs->kube, rules, &err);
    if (source->stream != NULL) {
        atomic_fetch_add(&source->job->logs->streams, 1);
        return true;
    }
    note(source, err.text);
    go_later(source, source->step, 0);
    return false;
}

static void read_log(struct source *source)
{
    char path[KUBE_PATH_MAX];
    const struct kube_stream_rules rules = {.path = path,
                                            .idle_s = IDLE_S,
                                            .whole_s = source->step == STEP_CHECK ? READ_S : 0,
                                            .take = take_log,
                                            .ended = end_reading,
                                            .context = source};

    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/pods/%s/log?container=%s%s",
                   source->space, source->pod, source->container,
                   source->step == STEP_CHECK ? "" : "&follow=true");
    reading_begin(&source->reading);
    if (start(source, &rules))
        atomic_fetch_add(&source->job->logs->readings, 1);
}

/* The pod. */

static enum kube_taken take_pod(void *context, const char *bytes, size_t len)
{
    struct source *source = context;
    struct err ignored = {0};

    buf_add(&source->pod_json, bytes, len);
    return buf_ok(&source->pod_json, &ignored) ? KUBE_TAKEN : KUBE_END;
}

static void go_on_without_pod(struct source *source)
{
    if (is_counted(source, true)) {
        source->expected_known = true;
        decide(source, true, "");
    } else {
        decide(source, false, source->cut_off == NULL ? "its pod is gone" : source->cut_off);
    }
}

static void use_pod(struct source *source, const struct pod_state *pod)
{
    source->cut_off = pod->cut_off;
    switch (pod->container) {
    case CONTAINER_ENDED:
        if (!is_counted(source, false)) {
            go_to(source, STEP_CHECK, 0);
            return;
        }
        source->expected_known = true;
        decide(source, true, "");
        return;
    case CONTAINER_NEVER_RUNS:
        source->expected_known = source->reading.top == 0;
        if (pod->cut_off != NULL || source->reading.top > 0)
            decide(source, false,
                   pod->cut_off != NULL ? pod->cut_off : "how it ended is not known");
        else
            decide(source, true, "");
        return;
    default:
        go_later(source, STEP_FOLLOW, 0);
    }
}

static void end_look(void *context, const struct kube_end *end)
{
    struct source *source = context;
    struct pod_state pod = {0};

    source->stream = NULL;
    atomic_fetch_sub(&source->job->logs->streams, 1);
    if (source->giving_up)
        return;
    bool is_pod = end->err.status == STATUS_DONE &&
                  pod_state_read(source->pod_json.data, source->pod_json.len, source->uid,
                                 source->container, &pod);
    if (end->status == NOT_FOUND || (is_pod && !pod.is_it)) {
        go_on_without_pod(source);
    } else if (is_pod) {
        use_pod(source, &pod);
    } else {
        note(source,
             end->err.status == STATUS_DONE ? "its pod cannot be understood" : end->err.text);
        go_later(source, STEP_LOOK, end->retry_after_s);
    }
    buf_release(&source->pod_json);
}

static void look(struct source *source)
{
    char path[KUBE_PATH_MAX];
    const struct kube_stream_rules rules = {
        .path = path, .whole_s = LOOK_S, .take = take_pod, .ended = end_look, .context = source};

    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/pods/%s", source->space, source->pod);
    buf_release(&source->pod_json);
    buf_init(&source->pod_json, POD_MAX);
    (void)start(source, &rules);
}

/* The database. */

void step_drop(struct source *source)
{
    source->giving_up = true;
    if (source->stream != NULL)
        kube_end_stream(source->stream);
    source->giving_up = false;
    source->step = STEP_DONE;
    if (source->open)
        reading_release(&source->reading);
    source->open = false;
}

void step_give_up(struct source *source, const char *why)
{
    char text[FOLLOW_WHY_MAX];

    source->giving_up = true;
    if (source->stream != NULL)
        kube_end_stream(source->stream);
    source->giving_up = false;
    (void)snprintf(text, sizeof text, "%s%s%.180s", why, source->why[0] != '\0' ? ": " : "",
                   source->why);
    if (source->step != STEP_END && source->step != STEP_DONE)
        decide(source, false, text);
}

static bool begin(struct source *source, struct err *err)
{
    struct logs *logs = source->job->logs;
    struct store_row row = {0};
    char digest[SHA256_HEX + 1];
    bool exists = false;
    uint64_t stored = 0;

    if (!store_begin(logs->pg, source->job->id, source->number, source->label, err) ||
        !store_look(logs->pg, source->job->id, source->number, &row, &exists, err))
        return false;
    if (!exists || row.ended) {
        ended_by_another(source, &row);
        return true;
    }
    if (!row.begun) {
        /* Another dispatcher has added one that comes before. */
        source->job->due_ms = 0;
        go_later(source, STEP_BEGIN, 1);
        return true;
    }
    if (row.stored > 0 &&
        !store_digest(logs->pg, source->job->id, source->number, &stored, digest, err))
        return false;
    reading_open(&source->reading, LOGS_CONTAINER_MAX);
    source->open = true;
    if (row.stored > 0)
        reading_resume(&source->reading, stored, digest);
    go_to(source, STEP_FOLLOW, 0);
    return true;
}

bool step_resync(struct source *source, struct err *err)
{
    struct store_row row = {0};
    bool exists = false;

    if (!store_look(source->job->logs->pg, source->job->id, source->number, &row, &exists, err))
        return false;
    if (!exists || row.ended)
        ended_by_another(source, &row);
    else if (source->open)
        reading_stored(&source->reading, row.stored);
    return true;
}

static void count_end(struct logs *logs, const struct source *source, uint64_t stored)
{
    uint64_t expected = source->expected_known ? source->reading.top : stored;

    atomic_fetch_add(&logs->stored, stored);
    atomic_fetch_add(&logs->expected, expected);
    atomic_fetch_add(source->complete ? &logs->complete : &logs->incomplete, 1);
}

static bool end(struct source *source, struct err *err)
{
    struct logs *logs = source->job->logs;
    struct store_row row = {0};
    bool exists = true, done = false;

    /* Given up before it was read here: an earlier dispatcher may have stored some of it. */
    if (!source->open && !store_look(logs->pg, source->job->id, source->number, &row, &exists, err))
        return false;
    if (!exists || row.ended) {
        ended_by_another(source, &row);
        return true;
    }
    uint64_t stored = source->open ? source->reading.stored : row.stored;
    if (source->open && source->reading.pending.len > 0)
        return true; /* until it is stored */
    if (!store_end(logs->pg, source->job->id, source->number, stored, source->complete,
                   source->complete ? NULL : source->why,
                   source->expected_known ? &source->reading.top : NULL, &done, err))
        return false;
    if (done) {
        count_end(logs, source, stored);
        if (!source->complete)
            log_warn("the log of job %s is not complete: %s: %s", source->job->id, source->label,
                     source->why);
        step_drop(source);
        return true;
    }
    if (!step_resync(source, err))
        return false;
    /* Another dispatcher is ahead: what it stored is read, too, before that is the end. */
    if (source->step != STEP_DONE && source->complete)
        go_later(source, STEP_LOOK, 0);
    return true;
}

bool step_take(struct source *source, struct err *err)
{
    if (source->stream != NULL || machine_ms() < source->due_ms)
        return true;
    switch (source->step) {
    case STEP_BEGIN:
        return begin(source, err);
    case STEP_FOLLOW:
    case STEP_CHECK:
        read_log(source);
        return true;
    case STEP_LOOK:
        look(source);
        return true;
    case STEP_END:
        return end(source, err);
    default:
        return true;
    }
}
