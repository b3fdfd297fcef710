#include "aggregator/load/attempt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/load/copy_row.h"
#include "aggregator/load/table_checks.h"
#include "aggregator/load/table_merge.h"
#include "aggregator/load/transaction.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/progress.h"
#include "common/stop.h"

enum {
    SQL_MAX = 64 * 1024,
    COPY_CHUNK = 64 * 1024,
    ATTEMPTS_MAX = 8,
    PAUSE_FIRST_MS = 50,
    RECONNECT_MS = 30000, /* added to --wait-db when the answer to COMMIT was lost */
};

struct attempt attempt_of(const struct load_request *request, const char *run_id)
{
    struct attempt at = {.request = request, .run_id = run_id};

    (void)snprintf(at.shard, sizeof at.shard, "%" PRIu32, request->shard.index);
    (void)snprintf(at.shards, sizeof at.shards, "%" PRIu32, request->shard.count);
    return at;
}

void attempt_end(struct attempt *at)
{
    target_release(&at->target);
    pg_close(at->pg);
}

bool attempt_connect(struct attempt *at, uint64_t wait_ms, struct err *err)
{
    const struct load_request *request = at->request;
    return pg_connect(&at->pg, &request->database, wait_ms, err) &&
           transaction_begin(at->pg, request->database.lock_timeout_ms, err) &&
           target_open(&at->target, at->pg, &request->target, err);
}

/* The steps. */

bool attempt_query(struct attempt *at, attempt_sql *build, int count, const char *const *params,
                   struct pg_rows **ret, struct err *err)
{
    OWNED_BUF(sql, SQL_MAX);
    build(&sql, &at->target.sql);
    return buf_ok(&sql, err) && pg_query(at->pg, sql.data, count, params, ret, err);
}

bool attempt_claim(struct attempt *at, bool *ret_claimed, struct err *err)
{
    OWNED_ROWS rows = NULL;
    struct run_facts run = *at->run;
    char room[FACTS][FACT_ROOM];
    const char *params[FACTS];
    int count = 0;

    run.target = at->target.name;
    run.seconds = machine_seconds() - at->request->started;
    machine_usage(&run.usage);
    for (const struct fact *fact = facts; fact < facts + FACTS; fact++)
        if (fact->column != NULL && fact->made == NULL) {
            params[count] = fact_value(fact, &run, 6, room[count]);
            count++;
        }
    if (!attempt_query(at, sql_claim, count, params, &rows, err))
        return false;
    *ret_claimed = pg_affected(rows) == 1;
    return true;
}

bool attempt_lock(struct attempt *at, struct err *err)
{
    const char *params[] = {at->target.name};

    return pg_query(at->pg,
                    "SELECT pg_catalog.pg_advisory_xact_lock("
                    "pg_catalog.hashtextextended('aggregator.load.' || $1::text, 0))",
                    1, params, NULL, err);
}

static bool send_rows(struct attempt *at, struct buf *chunk, struct err *err)
{
    struct total total;
    int got;

    copy_header(chunk);
    if (!at->totals->rewind(at->totals, err))
        return false;
    while ((got = at->totals->next(at->totals, &total, err)) == 1) {
        copy_row(chunk, &total, at->target.sql.statistics);
        if (!buf_ok(chunk, err))
            return false;
        if (chunk->len >= COPY_CHUNK) {
            if (!pg_copy_put(at->pg, chunk->data, chunk->len, err))
                return false;
            buf_clear(chunk);
        }
        progress_add(1);
    }
    copy_trailer(chunk);
    return got == 0 && buf_ok(chunk, err) && pg_copy_put(at->pg, chunk->data, chunk->len, err);
}

static bool stage(struct attempt *at, struct err *err)
{
    OWNED_BUF(sql, SQL_MAX);
    OWNED_BUF(chunk, COPY_CHUNK * 4);
    uint64_t rows;

    sql_copy_staging(&sql, &at->target.sql);
    if (!attempt_query(at, sql_create_staging, 0, NULL, NULL, err) || !buf_ok(&sql, err) ||
        !pg_copy_begin(at->pg, sql.data, err) || !send_rows(at, &chunk, err) ||
        !pg_copy_end(at->pg, &rows, err))
        return false;
    if (rows != at->keys)
        return err_set(err, STATUS_BUG, "%" PRIu64 " rows were staged instead of %" PRIu64, rows,
                       at->keys);
    return pg_run(at->pg, "ANALYZE pg_temp.aggregator_staging", err);
}

static bool check_cut_keys(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;
    OWNED_BUF(sql, SQL_MAX);
    char shown[160];

    if (at->target.cut_type == NULL)
        return true;
    sql_find_cut_key(&sql, at->target.cut_type);
    if (!buf_ok(&sql, err) || !pg_query(at->pg, sql.data, 0, NULL, &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return true;
    const char *key = pg_value(rows, 0, 0);
    return err_set(err, STATUS_REFUSED,
                   "key '%s' does not fit column %s of %s, which is %s; widen the column to text",
                   err_quote(shown, sizeof shown, key, strlen(key)), at->target.sql.key,
                   at->target.sql.table, at->target.cut_type);
}

/* In an aborted transaction COMMIT succeeds and says ROLLBACK. */
static bool commit(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(at->pg, "COMMIT", 0, NULL, &rows, err)) {
        at->outcome_unknown = !pg_is_alive(at->pg); /* otherwise the server has said what failed */
        return false;
    }
    if (strcmp(pg_tag(rows), "COMMIT") != 0)
        return err_set(err, STATUS_TRANSIENT, "the database rolled the load back");
    stop_finish(NULL, STOP_ENDS_MS); /* the load stands: a stop no longer cancels it */
    return true;
}

bool attempt_finish(struct attempt *at, struct err *err)
{
    /* The merge has locked both tables, so neither can become UNLOGGED after this check. */
    return stage(at, err) && check_cut_keys(at, err) &&
           table_merge(at->pg, &at->target.sql, at->keys, err) &&
           table_check_kept(at->pg, &at->target.sql, err) && commit(at, err);
}

/* Trying again. */

/* Whether to try again here: after a serialization failure, a deadlock or a lost answer to COMMIT.
 */
static bool is_settled_inside(const struct attempt *at, const struct err *err)
{
    const char *state = at->pg == NULL ? "" : pg_sqlstate(at->pg);

    if (err->status != STATUS_TRANSIENT)
        return false;
    return at->outcome_unknown || strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}

bool attempt_settle(struct attempt *first, attempt_work *work, unsigned *ret_attempts,
                    bool *ret_unknown, struct err *err)
{
    const uint64_t unknown_ms = first->request->database.wait_ms + RECONNECT_MS;
    bool done = false, again = true;

    *ret_unknown = false;
    for (int pause_ms = PAUSE_FIRST_MS; !done && again; pause_ms *= 2) {
        struct attempt at = *first;

        ++*ret_attempts;
        progress_start("rows", at.keys, NULL);
        done = attempt_connect(&at, *ret_unknown ? unknown_ms : 0, err) && work(&at, err);
        again = !done && *ret_attempts < ATTEMPTS_MAX && is_settled_inside(&at, err);
        *ret_unknown = *ret_unknown || (again && at.outcome_unknown);
        first->already_applied = at.already_applied;
        attempt_end(&at);
        progress_end();
        if (again) {
            log_warn("%s; trying again", err->text);
            if (stop_wait(-1, 0, pause_ms, err) < 0)
                return false;
        }
    }
    if (!done && *ret_unknown)
        return err_prefix(err, "whether the load was committed is unknown, a retry of the same run "
                               "settles it");
    return done;
}
