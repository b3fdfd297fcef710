#include "job_service/api/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/pause.h"
#include "job_service/api/answer.h"
#include "job_service/api/submit.h"
#include "job_service/db/calls.h"

enum {
    POLL_MS = 200,        /* between two looks at what long polls wait for, at least */
    POLL_SHARE = 5,       /* of the time that a look takes, the pause after it */
    RETRY_MS = 500,       /* between two attempts to reach the database */
    CHANGED_MAX = 5000,   /* jobs in one look */
    BUSY_S = 5,           /* how long a locked owner's submit is tried */
    HEARTBEAT_MS = 15000, /* of an event stream that has nothing to tell */
    BUSY_MS = 5,          /* pause before the next try */
    BATCH_BYTES = 16 << 20,
    GATHER_US = 300, /* how long a batch waits for those that the last one makes expect */
};

struct queue {
    struct exchange *first, **last;
    size_t count;
};

struct worker {
    struct pool *pool;
    pthread_t thread;
    struct pg *pg;
    uint64_t failed_ms; /* when the database could not be reached, or 0 */
};

struct pool {
    const struct pool_rules *rules;
    pthread_mutex_t lock;
    pthread_cond_t work, tick, gathered;
    struct queue asks, submits, waits;
    bool submitting; /* by one worker at a time, so that batches grow while it commits */
    size_t expected; /* submits in the next batch, if clients go on as they do */
    bool draining, stopping;
    struct worker workers[POOL_WORKERS_MAX], watcher;
    unsigned started;
    bool watching;
};

static void put(struct queue *queue, struct exchange *exchange)
{
    exchange->next = NULL;
    *queue->last = exchange;
    queue->last = &exchange->next;
    queue->count++;
}

static struct exchange *take(struct queue *queue)
{
    struct exchange *exchange = queue->first;

    queue->first = exchange->next;
    if (queue->first == NULL)
        queue->last = &queue->first;
    queue->count--;
    return exchange;
}

static void queue_init(struct queue *queue)
{
    *queue = (struct queue){.last = &queue->first};
}

/* The worker's session, opened when need be; one that was lost is not tried at every request. */
static bool reach(struct worker *worker, struct err *err)
{
    if (worker->pg != NULL && !(pg_is_alive(worker->pg) && pg_is_quiet(worker->pg))) {
        pg_close(worker->pg);
        worker->pg = NULL;
    }
    if (worker->pg != NULL)
        return true;
    if (worker->failed_ms != 0 && machine_ms() - worker->failed_ms < RETRY_MS)
        return err_set(err, STATUS_TRANSIENT, "the database could not be reached a moment ago");
    if (pg_connect(&worker->pg, worker->pool->rules->database, 0, err)) {
        worker->failed_ms = 0;
        return true;
    }
    worker->failed_ms = machine_ms();
    log_warn("%s", err->text);
    /* Whatever it is, it may be mended while the service runs. */
    err->status = STATUS_TRANSIENT;
    return false;
}

static void fail(struct worker *worker, struct exchange *exchange, const struct err *err)
{
    answer_failure(exchange, err);
    worker->pool->rules->give_back(exchange);
}

static void wait_for_change(struct pool *pool, struct exchange *exchange)
{
    if (exchange->stream)
        exchange->until_ms = machine_ms() + HEARTBEAT_MS;
    else if (exchange->until_ms == 0)
        exchange->until_ms = machine_ms() + 1000 * (uint64_t)exchange->asked.wait_s;
    exchange->changed = false;
    pthread_mutex_lock(&pool->lock);
    put(&pool->waits, exchange);
    pthread_cond_signal(&pool->tick);
    pthread_mutex_unlock(&pool->lock);
}

/*
 * Whether the token may submit: before the body is read, and before it is told what is wrong with
 * a job. Who may not is answered.
 */
static void judge(struct worker *worker, struct exchange *exchange)
{
    struct err err = {0};

    if (!reach(worker, &err) || !answer_may_submit(worker->pg, exchange, &err))
        answer_failure(exchange, &err);
    worker->pool->rules->give_back(exchange);
}

static void ask(struct worker *worker, struct exchange *exchange)
{
    struct err err = {0};
    bool wait = false;

    if (exchange->judging) {
        judge(worker, exchange);
        return;
    }
    if (exchange->asked.match.route == ROUTE_METRICS) {
        /* Told without a database too: then most of all. */
        exchange->status = 200;
        exchange->type = "text/plain; version=0.0.4";
        worker->pool->rules->count(&exchange->answer);
        bool up = reach(worker, &err) && answer_metrics(worker->pg, exchange, &err);
        buf_printf(&exchange->answer,
                   "# HELP database_up Whether the database answers.\n# TYPE database_up gauge\n"
                   "database_up %d\n",
                   up);
        worker->pool->rules->give_back(exchange);
    } else if (!reach(worker, &err)) {
        fail(worker, exchange, &err);
    } else if (!answer_one(worker->pg, exchange, &wait, &err)) {
        log_error("%s", err.text);
        fail(worker, exchange, &err);
    } else if (wait) {
        wait_for_change(worker->pool, exchange);
    } else {
        worker->pool->rules->give_back(exchange);
    }
}

/* Gives back what is answered; what found its owner locked is tried again for a while. */
static void finish_submits(struct pool *pool, struct exchange **exchanges, size_t count)
{
    bool again = false;

    for (size_t i = 0; i < count; i++) {
        struct exchange *exchange = exchanges[i];
        if (!exchange->busy) {
            pool->rules->give_back(exchange);
        } else if (machine_seconds() - exchange->began > BUSY_S) {
            exchange_problem(exchange, PROBLEM_UNAVAILABLE,
                             "the owner's jobs are locked by another session; try again");
            exchange->retry_after_s = 2;
            pool->rules->give_back(exchange);
        } else {
            pthread_mutex_lock(&pool->lock);
            put(&pool->submits, exchange);
            pthread_mutex_unlock(&pool->lock);
            again = true;
        }
    }
    if (again)
        pause_for(BUSY_MS);
}

/* All at once; where that fails, one by one, so that only the one at fault is refused. */
static void submit_together(struct worker *worker, struct exchange **exchanges, struct job **jobs,
                            size_t count)
{
    struct err err = {0};

    if (count == 0)
        return;
    if (reach(worker, &err) && submit_all(worker->pg, exchanges, jobs, count, &err)) {
        finish_submits(worker->pool, exchanges, count);
        return;
    }
    bool lost = worker->pg == NULL || !pg_is_alive(worker->pg);
    if (worker->pg != NULL)
        log_error("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        if (lost || count == 1)
            fail(worker, exchanges[i], &err);
        else
            submit_together(worker, &exchanges[i], &jobs[i], 1);
    }
}

/* Checks jobs outside of the lock, then hands over what is fine. */
static void submit_batch(struct worker *worker, struct exchange *list)
{
    struct exchange *exchanges[POOL_BATCH];
    struct job *jobs[POOL_BATCH];
    size_t count = 0;

    while (list != NULL) {
        struct exchange *exchange = list;
        list = exchange->next;
        jobs[count] = submit_prepare(exchange, worker->pool->rules->kinds);
        if (jobs[count] == NULL)
            judge(worker, exchange);
        else
            exchanges[count++] = exchange;
    }
    submit_together(worker, exchanges, jobs, count);
    for (size_t i = 0; i < count; i++)
        submit_release(jobs[i]);
}

/*
 * Clients that were answered together come again together. Without a pause the first of them would
 * be a batch alone, and the others wait for two commits. Call it with the lock held.
 */
static void gather(struct pool *pool)
{
    struct timespec until;

    if (pool->submits.count >= pool->expected)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += GATHER_US * 1000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (!pool->stopping && pool->submits.count < pool->expected &&
           pthread_cond_timedwait(&pool->gathered, &pool->lock, &until) == 0)
        ;
}

/* The same. */
static void submit_some(struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct queue batch;

    pool->submitting = true;
    gather(pool);
    queue_init(&batch);
    for (size_t bytes = 0;
         pool->submits.count > 0 && batch.count < POOL_BATCH && bytes < BATCH_BYTES;) {
        bytes += pool->submits.first->body.len;
        put(&batch, take(&pool->submits));
    }
    pthread_mutex_unlock(&pool->lock);
    submit_batch(worker, batch.first);
    pthread_mutex_lock(&pool->lock);
    pool->expected = batch.count + pool->submits.count;
    if (pool->expected > POOL_BATCH)
        pool->expected = POOL_BATCH;
    pool->submitting = false;
}

static void *work_on(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        if (pool->submits.count > 0 && !pool->submitting) {
            submit_some(worker);
        } else if (pool->asks.count > 0) {
            struct exchange *exchange = take(&pool->asks);
            pthread_mutex_unlock(&pool->lock);
            ask(worker, exchange);
            pthread_mutex_lock(&pool->lock);
        } else if (pool->stopping) {
            break;
        } else {
            pthread_cond_wait(&pool->work, &pool->lock);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    pg_close(worker->pg);
    return NULL;
}

/* Long polls. */

static void mark_changed(void *context, const char *id)
{
    for (struct exchange *exchange = context; exchange != NULL; exchange = exchange->next)
        if (strcmp(exchange->asked.match.id, id) == 0)
            exchange->changed = true;
}

/* Marks those whose job has changed. Where this fails, the next look finds them. */
static void find_changed(struct worker *watcher, struct exchange *list)
{
    OWNED_BUF(ids, CHANGED_MAX * 48);
    OWNED_BUF(versions, CHANGED_MAX * 24);
    OWNED_BUF(offsets, CHANGED_MAX * 24);
    struct err err = {0};

    for (struct exchange *exchange = list; exchange != NULL; exchange = exchange->next) {
        const char *between = ids.len == 0 ? "{" : ",";
        struct buf *seen = exchange->stream ? &offsets : &versions;
        struct buf *unasked = exchange->stream ? &versions : &offsets;
        buf_printf(&ids, "%s%s", between, exchange->asked.match.id);
        buf_printf(seen, "%s%llu", between, (unsigned long long)exchange->seen);
        buf_printf(unasked, "%sNULL", between);
    }
    buf_add_text(&ids, "}");
    buf_add_text(&versions, "}");
    buf_add_text(&offsets, "}");
    (void)(buf_ok(&ids, &err) && buf_ok(&versions, &err) && buf_ok(&offsets, &err) &&
           reach(watcher, &err) &&
           calls_changed(watcher->pg, ids.data, versions.data, offsets.data, mark_changed, list,
                         &err));
}

static void *watch(void *argument)
{
    struct worker *watcher = argument;
    struct pool *pool = watcher->pool;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        struct queue looked;
        struct timespec until;
        if (pool->waits.count == 0) {
            pthread_cond_wait(&pool->tick, &pool->lock);
            continue;
        }
        queue_init(&looked);
        for (size_t left = pool->waits.count; left > 0 && looked.count < CHANGED_MAX; left--)
            put(&looked, take(&pool->waits));
        bool draining = pool->draining;
        pthread_mutex_unlock(&pool->lock);
        uint64_t began = machine_ms();
        if (!draining)
            find_changed(watcher, looked.first);
        uint64_t now = machine_ms(), pause = POLL_SHARE * (now - began);
        pthread_mutex_lock(&pool->lock);
        while (looked.count > 0) {
            struct exchange *exchange = take(&looked);
            exchange->draining = draining;
            exchange->over = draining || exchange->until_ms <= now;
            if (!exchange->over && !exchange->changed) {
                put(&pool->waits, exchange);
                continue;
            }
            put(&pool->asks, exchange);
            pthread_cond_signal(&pool->work);
        }
        now += pause > POLL_MS ? pause : POLL_MS;
        until = (struct timespec){(time_t)(now / 1000), (long)(now % 1000) * 1000000L};
        /* Those that begin to wait meanwhile do not shorten the pause. */
        while (!pool->draining && !pool->stopping &&
               pthread_cond_timedwait(&pool->tick, &pool->lock, &until) == 0)
            ;
    }
    pthread_mutex_unlock(&pool->lock);
    pg_close(watcher->pg);
    return NULL;
}

/* Starting and ending. */

static bool start_thread(struct worker *worker, struct pool *pool, void *(*body)(void *),
                         struct err *err)
{
    worker->pool = pool;
    int errnum = pthread_create(&worker->thread, NULL, body, worker);
    return errnum == 0 || err_errno(err, errnum, "cannot start a database worker");
}

struct pool *pool_start(const struct pool_rules *rules, struct err *err)
{
    pthread_condattr_t monotonic;
    struct pool *pool = calloc(1, sizeof *pool);

    if (pool == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    pool->rules = rules;
    queue_init(&pool->asks);
    queue_init(&pool->submits);
    queue_init(&pool->waits);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->tick, &monotonic);
    pthread_cond_init(&pool->gathered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    bool done = start_thread(&pool->watcher, pool, watch, err);
    pool->watching = done;
    for (; done && pool->started < rules->workers; pool->started += done)
        done = start_thread(&pool->workers[pool->started], pool, work_on, err);
    if (done)
        return pool;
    pool_stop(pool);
    pool_release(pool);
    return NULL;
}

void pool_put(struct pool *pool, struct exchange *exchange)
{
    bool refused;

    pthread_mutex_lock(&pool->lock);
    refused = pool->stopping || pool->asks.count + pool->submits.count >= POOL_QUEUE_MAX;
    exchange->draining = pool->draining;
    exchange->over = exchange->over || pool->draining;
    if (!refused) {
        bool submit = route_submits(exchange->asked.match.route) && !exchange->judging;
        put(submit ? &pool->submits : &pool->asks, exchange);
        if (!submit || !pool->submitting)
            pthread_cond_signal(&pool->work);
        else if (pool->submits.count == pool->expected)
            pthread_cond_signal(&pool->gathered);
    }
    pthread_mutex_unlock(&pool->lock);
    if (refused) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "too many requests wait; try again");
        exchange->retry_after_s = 2;
        pool->rules->give_back(exchange);
    }
}

void pool_drain(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->draining = true;
    pthread_cond_broadcast(&pool->tick);
    pthread_mutex_unlock(&pool->lock);
}

void pool_stop(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->stopping = pool->draining = true;
    pthread_cond_broadcast(&pool->tick);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    if (pool->watching)
        (void)pthread_join(pool->watcher.thread, NULL);
    for (unsigned i = 0; i < pool->started; i++)
        (void)pthread_join(pool->workers[i].thread, NULL);
    /* What a worker put back when the watcher had ended already. */
    while (pool->waits.count > 0) {
        struct exchange *exchange = take(&pool->waits);
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the service is ending");
        pool->rules->give_back(exchange);
    }
}

void pool_release(struct pool *pool)
{
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->tick);
    pthread_cond_destroy(&pool->gathered);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

size_t pool_waiting(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t count = pool->waits.count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}

size_t pool_queued(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t count = pool->asks.count + pool->submits.count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}
