#include "job_service/logs/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"

enum {
    TURN_MS = 200,
    SCAN_MS = 50,      /* between two looks at what is due */
    FLUSH_MS = 500,    /* how long bytes wait for more */
    RETRY_MS = 1000,   /* between two attempts to reach the database */
    BATCH = 64,        /* containers in one transaction */
    AGAIN_MS = 1000,   /* between two looks at a log that another dispatcher ends */
    FORGET_MS = 10000, /* between two looks at a job of which nothing is to be read */
};

static const char out_of_time[] = "not complete long after the job's end";

/* The database. */

/* The session, opened when need be; one that cannot be is not tried at once again. */
static bool reach(struct logs *logs)
{
    struct err err = {0};

    if (logs->pg != NULL && !(pg_is_alive(logs->pg) && pg_is_quiet(logs->pg))) {
        pg_close(logs->pg);
        logs->pg = NULL;
    }
    if (logs->pg != NULL)
        return true;
    if (logs->failed_ms != 0 && machine_ms() - logs->failed_ms < RETRY_MS)
        return false;
    if (pg_connect(&logs->pg, logs->rules.database, 0, &err)) {
        logs->failed_ms = 0;
        return true;
    }
    logs->failed_ms = machine_ms();
    if (!atomic_load(&logs->stopping))
        log_warn("logs wait for the database: %s", err.text);
    return false;
}

/* After a failed statement: true if it was about this one alone, and the session goes on. */
static bool goes_on(struct logs *logs, const struct err *err)
{
    if (err->status != STATUS_REFUSED || !pg_is_alive(logs->pg)) {
        pg_close(logs->pg);
        logs->pg = NULL;
        logs->failed_ms = machine_ms();
        if (err->status != STATUS_CANCELLED)
            log_warn("logs wait for the database: %s", err->text);
        return false;
    }
    log_warn("%s", err->text);
    return true;
}

/* Jobs. */

static struct job *find_job(struct logs *logs, const char *id)
{
    for (struct job *job = logs->jobs; job != NULL; job = job->next)
        if (strcmp(job->id, id) == 0)
            return job;
    return NULL;
}

static struct job *make_job(struct logs *logs, const char *id)
{
    struct job *job = find_job(logs, id);

    if (job != NULL)
        return job;
    job = calloc(1, sizeof *job);
    if (job == NULL)
        return NULL;
    job->logs = logs;
    (void)snprintf(job->id, sizeof job->id, "%s", id);
    /* The last, so that those that wait for a stream have their turns. */
    struct job **last = &logs->jobs;
    while (*last != NULL)
        last = &(*last)->next;
    *last = job;
    atomic_fetch_add(&logs->waiting, 1);
    return job;
}

static void free_job(struct job *job)
{
    while (job->sources != NULL) {
        struct source *source = job->sources;
        job->sources = source->next;
        step_drop(source);
        buf_release(&source->pod_json);
        free(source);
    }
    atomic_fetch_sub(&job->logs->waiting, 1);
    free(job);
}

static bool has_source(const struct job *job, const struct logs_source *wanted)
{
    for (const struct source *source = job->sources; source != NULL; source = source->next)
        if (strcmp(source->uid, wanted->uid) == 0 &&
            strcmp(source->container, wanted->container) == 0)
            return true;
    return false;
}

/* A row of the job; those that are known already stay as they are. */
static void add_source(void *context, const struct logs_source *found, const struct store_row *row)
{
    struct job *job = context;
    struct source **at = &job->sources;

    while (*at != NULL && (*at)->number < row->number)
        at = &(*at)->next;
    if (*at != NULL && (*at)->number == row->number)
        return;
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return; /* the next look finds it */
    source->job = job;
    source->number = row->number;
    source->counted = found->counted;
    source->step = row->ended ? STEP_DONE : STEP_BEGIN;
    (void)snprintf(source->space, sizeof source->space, "%s", found->space);
    (void)snprintf(source->pod, sizeof source->pod, "%s", found->pod);
    (void)snprintf(source->uid, sizeof source->uid, "%s", found->uid);
    (void)snprintf(source->container, sizeof source->container, "%s", found->container);
    (void)snprintf(source->label, sizeof source->label, "%s", found->label);
    source->next = *at;
    *at = source;
    if (row->over) /* who saw it may be gone before it acted on that */
        step_tell_over(job);
}

static bool load_job(struct job *job, struct err *err)
{
    struct logs *logs = job->logs;
    bool ended = false, complete = false;
    double since_s = 0;

    if (!store_each(logs->pg, job->id, add_source, job, err) ||
        !store_log_state(logs->pg, job->id, &ended, &complete, &since_s, err))
        return false;
    if (job->closed && job->patience_ms == 0) {
        double left_s = (double)logs->rules.patience_s - since_s;
        job->patience_ms = machine_ms() + (left_s < 0 ? 1 : 1 + (uint64_t)(left_s * 1000));
    }
    job->over = ended;
    if (ended && logs->rules.ended != NULL)
        logs->rules.ended(logs->rules.context, job->id, complete);
    return true;
}

/* Commands. */

static bool obey(struct logs *logs, const struct command *command, struct err *err)
{
    struct job *job = make_job(logs, command->job);

    if (job == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (job->over || (command->close && job->closed))
        return true;
    if (command->close) {
        job->closed = true;
        job->has_missing = command->has_missing;
        (void)snprintf(job->missing, sizeof job->missing, "%s", command->missing);
    } else if (has_source(job, &command->source)) {
        return true;
    } else if (!store_add(logs->pg, &command->source, err)) {
        job->over = err->status == STATUS_REFUSED;
        return false;
    }
    job->due_ms = 0;
    if (load_job(job, err))
        return true;
    job->over = err->status == STATUS_REFUSED;
    if (err->status != STATUS_REFUSED && command->close)
        job->closed = false; /* the command comes again */
    return false;
}

static void obey_all(struct logs *logs)
{
    for (;;) {
        struct err err = {0};
        pthread_mutex_lock(&logs->lock);
        struct command *command = logs->first;
        pthread_mutex_unlock(&logs->lock);
        if (command == NULL || !reach(logs))
            return;
        /* One about a job that is gone is dropped; all others are tried until they are done. */
        if (!obey(logs, command, &err) && !goes_on(logs, &err))
            return;
        pthread_mutex_lock(&logs->lock);
        logs->first = command->next;
        if (logs->first == NULL)
            logs->last = &logs->first;
        pthread_mutex_unlock(&logs->lock);
        atomic_fetch_sub(&logs->waiting, 1);
        free(command);
    }
}

/* Bytes into the database. */

static struct source *current(const struct job *job)
{
    struct source *source = job->sources;
    while (source != NULL && source->step == STEP_DONE)
        source = source->next;
    return source;
}

static bool wants_flush(const struct source *source, uint64_t now)
{
    if (source == NULL || !source->open || source->reading.pending.len == 0)
        return false;
    if (source->stream == NULL)
        return true;
    return (source->held || now - source->stored_ms >= FLUSH_MS) &&
           !reading_may_be_message(&source->reading);
}

static int by_job(const void *a, const void *b)
{
    return strcmp((*(struct source *const *)a)->job->id, (*(struct source *const *)b)->job->id);
}

/* Appends what each has; which were not as expected is said in done. */
static bool append_all(struct logs *logs, struct source **sources, size_t count, bool *done,
                       struct err *err)
{
    if (count > 1 && !pg_run(logs->pg, "BEGIN", err))
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct reading *reading = &sources[i]->reading;
        if (!store_append(logs->pg, sources[i]->job->id, sources[i]->number, reading->stored,
                          reading->pending.data, reading->pending.len, &done[i], err))
            return false;
    }
    return count == 1 || pg_run(logs->pg, "COMMIT", err);
}

static bool settle(struct source *source, bool done, struct err *err)
{
    struct reading *reading = &source->reading;

    source->stored_ms = machine_ms();
    if (done)
        reading_stored(reading, reading->stored + reading->pending.len);
    else if (!step_resync(source, err))
        return false;
    if (source->held && source->stream != NULL) {
        source->held = false;
        kube_resume(source->stream);
    }
    return true;
}

static bool flush_batch(struct logs *logs, struct source **sources, size_t count)
{
    bool done[BATCH] = {false};
    struct err err = {0};

    if (append_all(logs, sources, count, done, &err)) {
        for (size_t i = 0; i < count; i++)
            if (!settle(sources[i], done[i], &err))
                return goes_on(logs, &err);
        return true;
    }
    if (count == 1) {
        if (!goes_on(logs, &err))
            return false;
        step_drop(sources[0]);
        return true;
    }
    if (err.status != STATUS_REFUSED || !pg_is_alive(logs->pg))
        return goes_on(logs, &err);
    /* One of them is at fault, such as one whose job is gone: each by itself. */
    err = (struct err){0};
    if (!pg_run(logs->pg, "ROLLBACK", &err))
        return goes_on(logs, &err);
    for (size_t i = 0; i < count; i++)
        if (!flush_batch(logs, &sources[i], 1))
            return false;
    return true;
}

/* In the order of the jobs' ids, so that two dispatchers do not lock each other out. */
static bool flush(struct logs *logs)
{
    struct source *sources[BATCH];
    uint64_t now = machine_ms();
    size_t count;

    logs->full = false;
    do {
        count = 0;
        for (struct job *job = logs->jobs; job != NULL && count < BATCH; job = job->next) {
            struct source *source = current(job);
            if (wants_flush(source, now))
                sources[count++] = source;
        }
        if (count == 0)
            return true;
        if (!reach(logs))
            return false;
        qsort(sources, count, sizeof *sources, by_job);
        if (!flush_batch(logs, sources, count))
            return false;
    } while (count == BATCH);
    return true;
}

/* What is due. */

static bool may_start(const struct logs *logs, const struct source *source)
{
    return source->step == STEP_END || source->open ||
           atomic_load(&logs->streams) < logs->rules.streams;
}

/* The end of a job's log, when its containers have ended. */
static bool end_log(struct job *job, struct err *err)
{
    if (!store_end_log(job->logs->pg, job->id, job->has_missing ? job->missing : NULL, err))
        return false;
    job->due_ms = machine_ms() + AGAIN_MS;
    return load_job(job, err);
}

static bool advance_job(struct job *job, uint64_t now, struct err *err)
{
    struct source *source = current(job);

    if (job->patience_ms != 0 && now >= job->patience_ms)
        for (struct source *one = source; one != NULL; one = one->next)
            step_give_up(one, out_of_time);
    if (source != NULL)
        return !may_start(job->logs, source) || step_take(source, err);
    if (now < job->due_ms)
        return true;
    if (job->closed)
        return end_log(job, err);
    /* Another dispatcher may have ended the log, or the job may be gone. */
    job->due_ms = now + FORGET_MS;
    return load_job(job, err);
}

static bool advance(struct logs *logs)
{
    uint64_t now = machine_ms();
    struct job **at = &logs->jobs;

    while (*at != NULL) {
        struct job *job = *at;
        struct err err = {0};
        if (!reach(logs))
            return false;
        if (!job->over && !advance_job(job, now, &err)) {
            if (!goes_on(logs, &err))
                return false;
            job->over = true; /* the job's row is gone */
        }
        if (job->over) {
            *at = job->next;
            free_job(job);
        } else {
            at = &job->next;
        }
    }
    return true;
}

void *follow_all(void *context)
{
    struct logs *logs = context;

    while (!atomic_load(&logs->stopping)) {
        uint64_t now = machine_ms();
        obey_all(logs);
        if (logs->full || now >= logs->next_ms) {
            logs->next_ms = now + SCAN_MS;
            (void)(flush(logs) && advance(logs));
        }
        now = machine_ms();
        (void)kube_turn(logs->kube, logs->next_ms > now ? (int)(logs->next_ms - now) : 0);
    }
    while (logs->jobs != NULL) {
        struct job *job = logs->jobs;
        logs->jobs = job->next;
        free_job(job);
    }
    pg_close(logs->pg);
    logs->pg = NULL;
    return NULL;
}
