#include "aggregator/totals/text.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/stop.h"

enum { PIECE = 1 << 19, ROOM = PIECE + TEXT_ROW_MAX };

struct job {
    const struct order *order;
    const struct text_rules *rules;

    pthread_mutex_t lock; /* all below */
    pthread_cond_t turned;
    size_t begun, written; /* buckets */
    bool failed;
    struct err err;
};

static bool write_piece(const struct text_rules *rules, struct buf *text, struct err *err)
{
    if (!buf_ok(text, err) || !rules->write(rules->context, text->data, text->len, err))
        return false;
    buf_clear(text);
    return !stop_requested() || stop_err(err);
}

bool text_of_stream(struct total_stream *totals, const struct text_rules *rules, struct err *err)
{
    OWNED_BUF(text, ROOM);
    struct total total;
    int got;

    if (!totals->rewind(totals, err))
        return false;
    while ((got = totals->next(totals, &total, err)) == 1) {
        rules->put(rules->context, &text, &total);
        if (text.len >= PIECE && !write_piece(rules, &text, err))
            return false;
    }
    return got == 0 && write_piece(rules, &text, err);
}

/* Waits until all buckets before this one are written. */
static bool write_in_turn(struct job *job, size_t bucket, struct buf *text, bool ends)
{
    struct err err = {0};

    pthread_mutex_lock(&job->lock);
    while (!job->failed && job->written != bucket)
        (void)pthread_cond_wait(&job->turned, &job->lock);
    bool done = !job->failed;
    pthread_mutex_unlock(&job->lock);

    const bool wrote = done && write_piece(job->rules, text, &err);
    if (!done || (wrote && !ends))
        return done;
    pthread_mutex_lock(&job->lock);
    if (!wrote) {
        job->failed = true;
        job->err = err;
    }
    job->written++;
    (void)pthread_cond_broadcast(&job->turned);
    pthread_mutex_unlock(&job->lock);
    return wrote;
}

static bool put_bucket(struct job *job, size_t bucket, struct buf *text)
{
    struct order_place place = {.bucket = bucket};
    struct total total;

    while (order_read(job->order, &place, &total)) {
        job->rules->put(job->rules->context, text, &total);
        if (text->len >= PIECE && !write_in_turn(job, bucket, text, false))
            return false;
    }
    return write_in_turn(job, bucket, text, true);
}

static void *put_buckets(void *context)
{
    struct job *job = context;
    OWNED_BUF(text, ROOM);
    size_t bucket;

    do {
        pthread_mutex_lock(&job->lock);
        bucket = job->begun++;
        pthread_mutex_unlock(&job->lock);
    } while (bucket < order_bucket_count(job->order) && put_bucket(job, bucket, &text));
    return NULL;
}

/* The caller is one of the threads, so that one that cannot be started is not missed. */
bool text_of_order(const struct order *order, unsigned threads, const struct text_rules *rules,
                   struct err *err)
{
    struct job job = {.order = order, .rules = rules};
    pthread_t *others = calloc(threads, sizeof *others);
    unsigned started = 0;

    if (others == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    (void)pthread_mutex_init(&job.lock, NULL);
    (void)pthread_cond_init(&job.turned, NULL);
    while (started + 1 < threads && started + 1 < order_bucket_count(order) &&
           pthread_create(&others[started], NULL, put_buckets, &job) == 0)
        started++;
    (void)put_buckets(&job);
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(others[i], NULL);
    (void)pthread_mutex_destroy(&job.lock);
    (void)pthread_cond_destroy(&job.turned);
    free(others);
    if (job.failed)
        *err = job.err;
    return !job.failed;
}
