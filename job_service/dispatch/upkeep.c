#include "job_service/dispatch/upkeep.h"

#include <inttypes.h>
#include <stdio.h>

#include "job_service/dispatch/counts.h"

enum { BATCH = 500 };
#define BATCH_TEXT "500"

bool upkeep_beat(struct pg *pg, const struct upkeep_rules *rules, struct err *err)
{
    return pg_query(pg,
                    "INSERT INTO jobs.dispatcher (name, looked_at) VALUES ($1, clock_timestamp())"
                    " ON CONFLICT (name) DO UPDATE SET looked_at = excluded.looked_at",
                    1, &rules->name, NULL, err);
}

/* Removes what is older than ms; what another dispatcher is removing is left to it. */
static bool remove_old(struct pg *pg, const char *sql, uint64_t ms, uint64_t *ret_count,
                       struct err *err)
{
    char text[24];
    const char *params[] = {text};
    OWNED_ROWS rows = NULL;

    (void)snprintf(text, sizeof text, "%" PRIu64, ms);
    if (!pg_query(pg, sql, 1, params, &rows, err))
        return false;
    *ret_count = pg_affected(rows);
    return true;
}

static bool end_transactions(struct pg *pg, const struct upkeep_rules *rules, struct err *err)
{
    uint64_t count;

    if (!remove_old(pg,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE usename = 'jobs_api' AND datname = current_database()"
                    " AND xact_start < now() - $1::bigint * interval '1 ms'",
                    rules->transaction_ms, &count, err))
        return false;
    counts_ended_sessions(count);
    return true;
}

bool upkeep_run(struct pg *pg, const struct upkeep_rules *rules, bool *ret_more, struct err *err)
{
    uint64_t jobs, keys, dispatchers;

    if (!end_transactions(pg, rules, err) ||
        !remove_old(pg,
                    "DELETE FROM jobs.job WHERE id IN (SELECT id FROM jobs.job"
                    "  WHERE state IN ('finished', 'failed', 'cancelled')"
                    "  AND changed_at < now() - $1::bigint * interval '1 ms'"
                    "  ORDER BY changed_at LIMIT " BATCH_TEXT " FOR UPDATE SKIP LOCKED)",
                    rules->keep_ms, &jobs, err) ||
        !remove_old(pg,
                    "DELETE FROM jobs.idempotency i USING (SELECT owner, key FROM jobs.idempotency"
                    "  WHERE at < now() - $1::bigint * interval '1 ms'"
                    "  ORDER BY at LIMIT " BATCH_TEXT " FOR UPDATE SKIP LOCKED) old"
                    " WHERE i.owner = old.owner AND i.key = old.key",
                    rules->keep_keys_ms, &keys, err) ||
        !remove_old(pg,
                    "DELETE FROM jobs.dispatcher WHERE looked_at <"
                    " now() - $1::bigint * interval '1 ms'",
                    rules->keep_keys_ms, &dispatchers, err))
        return false;
    counts_removed(jobs, keys);
    *ret_more = jobs == BATCH || keys == BATCH;
    return true;
}
