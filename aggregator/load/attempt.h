/*
 * One attempt at a load's transaction: connecting, the steps that all loads share, and when to try
 * again.
 */
#ifndef AGGREGATOR_LOAD_ATTEMPT_H
#define AGGREGATOR_LOAD_ATTEMPT_H

#include "aggregator/load/load.h"

struct attempt {
    const struct load_request *request;
    struct total_stream *totals; /* to load, `keys` of them */
    uint64_t keys;
    struct pg *pg;
    struct target target;
    char shard[16], shards[16];

    struct run_facts *runs; /* to claim, in this order */
    size_t count;
    const struct run_facts *run; /* the one at hand */
    const char *run_id;

    bool already_applied;
    bool outcome_unknown; /* the connection broke before COMMIT was answered */
};

typedef void attempt_sql(struct buf *out, const struct sql_target *target);

/* The connection and the target stay until attempt_end(). */
struct attempt attempt_of(const struct load_request *request, const char *run_id);
void attempt_end(struct attempt *at);

/* Connects, begins a transaction and opens the target in it. */
bool attempt_connect(struct attempt *at, uint64_t wait_ms, struct err *err);

bool attempt_query(struct attempt *at, attempt_sql *build, int count, const char *const *params,
                   struct pg_rows **ret, struct err *err);

/* Claims at->run in the ledger. Waits for a concurrent load of it until its transaction ends. */
bool attempt_claim(struct attempt *at, bool *ret_claimed, struct err *err);

/* Loads into one target take turns. */
bool attempt_lock(struct attempt *at, struct err *err);

/* Stages the totals, merges them and commits. */
bool attempt_finish(struct attempt *at, struct err *err);

/*
 * Does `work`, in the transaction that attempt_connect() began, until it is done or trying again
 * here does not help. *first says what is to be loaded, and gets what the last attempt found out.
 * *ret_unknown: the answer to a COMMIT was lost on the way.
 */
typedef bool attempt_work(struct attempt *at, struct err *err);
bool attempt_settle(struct attempt *first, attempt_work *work, unsigned *ret_attempts,
                    bool *ret_unknown, struct err *err);

#endif
