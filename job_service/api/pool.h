/*
 * Database workers: take exchanges, answer them, give them back. Submits of a moment go to the
 * database in one transaction, so that accepting costs a part of a commit.
 */
#ifndef JOB_SERVICE_API_POOL_H
#define JOB_SERVICE_API_POOL_H

#include <stddef.h>

#include "common/postgres/pg.h"
#include "job_service/api/exchange.h"
#include "job_service/form/kinds.h"

enum { POOL_WORKERS_MAX = 16, POOL_BATCH = 100, POOL_QUEUE_MAX = 20000 };

struct pool_rules {
    const struct pg_settings *database;
    const struct kinds *kinds;
    unsigned workers;
    void (*give_back)(struct exchange *exchange); /* answered; any thread */
    void (*count)(struct buf *out);               /* appends what the api counts, for /metrics */
};

struct pool;

/* Starts the workers, which connect when there is work. rules are borrowed. */
struct pool *pool_start(const struct pool_rules *rules, struct err *err);

/* Takes the exchange; one too many, or after pool_drain(), is answered with 503 at once. */
void pool_put(struct pool *pool, struct exchange *exchange);

/* Long polls are answered as things stand, and no further ones begin. */
void pool_drain(struct pool *pool);
/* Ends the threads. All that is or comes in is answered with 503; then nothing may come any more.
 */
void pool_stop(struct pool *pool);
void pool_release(struct pool *pool);

size_t pool_waiting(struct pool *pool); /* long polls */
size_t pool_queued(struct pool *pool);

#endif
