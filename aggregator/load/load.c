#include "aggregator/load/load.h"

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
    RUN_SHOWN = 600,      /* a whole run id, so that users can copy it into a command */
    RECONNECT_MS = 30000, /* added to --wait-db when the answer to COMMIT was lost */
};

/* One attempt at the transaction. */
struct attempt {
    const struct load_request *request;
    const struct run_facts *run;
    struct total_stream *totals;
    struct pg *pg;
    struct target target;
    const char *run_id;
    char shard[16], shards[16];
    bool already_applied;
    bool outcome_unknown; /* the connection broke before COMMIT was answered */
};

typedef void sql_builder(struct buf *out, const struct sql_target *target);

static bool query(struct attempt *at, sql_builder *build, int count, const char *const *params,
                  struct pg_rows **ret, struct err *err)
{
    OWNED_BUF(sql, SQL_MAX);
    build(&sql, &at->target.sql);
    return buf_ok(&sql, err) && pg_query(at->pg, sql.data, count, params, ret, err);
}

/* The steps, in order. */

/* Waits for a concurrent load of the same run until its transaction ends. */
static bool claim(struct attempt *at, bool *ret_claimed, struct err *err)
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
    if (!query(at, sql_claim, count, params, &rows, err))
        return false;
    *ret_claimed = pg_affected(rows) == 1;
    return true;
}

static bool find_claim(struct attempt *at, struct pg_rows **ret, struct err *err)
{
    const char *before = at->request->runs_before;
    const char *params[] = {at->target.name, at->run_id, at->shard,
                            before[0] == '\0' ? NULL : before};
    return query(at, sql_find_claim, 4, params, ret, err);
}

/*
 * A run must not count as applied when its totals are gone: when the table is empty, or younger
 * than the run. A table that was emptied and then loaded with other runs is not noticed.
 */
static bool check_totals_stand(struct attempt *at, const struct pg_rows *claim, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.sql.table};
    bool made = at->target.made || strcmp(pg_value(claim, 0, 4), "t") == 0;
    char shown[RUN_SHOWN];

    if (at->request->allow_empty_table || strcmp(pg_value(claim, 0, 3), "0") == 0)
        return true;
    if (!made && !query(at, sql_holds_rows, 1, params, &rows, err))
        return false;
    if (!made && strcmp(pg_value(rows, 0, 0), "t") == 0)
        return true;
    (void)err_quote(shown, sizeof shown, at->run_id, strlen(at->run_id));
    /* Quoted for a shell. An id that has a quote in it is replaced by the word RUN. */
    const char *quote = strchr(at->run_id, '\'') == NULL ? "'" : "";
    return err_set(
        err, STATUS_REFUSED,
        "run '%s' was loaded at %s with %s keys, but %s %s: its totals are gone; to load "
        "them again, let the ledger's owner run: aggregator runs --forget %s%s%s (with "
        "this load's --table, --key, --value, --stats); if they were moved away, accept "
        "it with --allow-empty-table",
        shown, pg_value(claim, 0, 2), pg_value(claim, 0, 3), at->target.sql.table,
        made ? "was gone and had to be made" : "holds no row", quote, *quote ? shown : "RUN",
        quote);
}

/* Compares the run in the ledger with this one. */
static bool compare_claim(struct attempt *at, bool *ret_found, struct err *err)
{
    OWNED_ROWS rows = NULL;
    char shown[128];

    if (!find_claim(at, &rows, err))
        return false;
    *ret_found = pg_row_count(rows) > 0;
    if (!*ret_found)
        return true;
    (void)err_quote(shown, sizeof shown, at->run_id, strlen(at->run_id));
    if (strcmp(pg_value(rows, 0, 1), at->shards) != 0)
        return err_set(err, STATUS_REFUSED,
                       "run '%s' was loaded as shard %s of %s, now of %s; keep the number of "
                       "shards, or choose a new --run-id",
                       shown, at->shard, pg_value(rows, 0, 1), at->shards);
    if (strcmp(pg_value(rows, 0, 0), at->run->digest) != 0 &&
        strcmp(pg_value(rows, 0, 0), at->run->input.digest_in_order) != 0)
        return err_set(err, STATUS_REFUSED,
                       "run '%s' shard %s/%s was loaded at %s from other input (digest %s, now "
                       "%s); choose a new --run-id for new data",
                       shown, at->shard, at->shards, pg_value(rows, 0, 2), pg_value(rows, 0, 0),
                       at->run->digest);
    at->already_applied = check_totals_stand(at, rows, err);
    return at->already_applied;
}

/* Loads into one target take turns. Under the lock, no other number of shards can slip in. */
static bool lock_target(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *lock_params[] = {at->target.name};
    const char *params[] = {at->target.name, at->run_id, at->shards};
    char shown[128];

    if (!pg_query(at->pg,
                  "SELECT pg_catalog.pg_advisory_xact_lock("
                  "pg_catalog.hashtextextended('aggregator.load.' || $1::text, 0))",
                  1, lock_params, NULL, err) ||
        !query(at, sql_find_other_count, 3, params, &rows, err))
        return false;
    return pg_row_count(rows) == 0 ||
           err_set(err, STATUS_REFUSED,
                   "run '%s' is split into %s shards in the ledger, now into %s; keep the number "
                   "of shards, or choose a new --run-id",
                   err_quote(shown, sizeof shown, at->run_id, strlen(at->run_id)),
                   pg_value(rows, 0, 0), at->shards);
}

/* Needs the lock. A file that two shards were given would count twice. */
static bool check_equal_shards(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.name, at->run_id, at->shard, at->run->digest,
                            at->run->input.digest_in_order};
    char shown[128];

    if (at->request->allow_equal_shards || at->run->input.keys == 0)
        return true;
    if (!query(at, sql_find_equal_shard, 5, params, &rows, err))
        return false;
    return pg_row_count(rows) == 0 ||
           err_set(
               err, STATUS_REFUSED,
               "shard %s of run '%s' has the same input as shard %s, which was loaded at %s: it "
               "would count twice; give each shard its own part, or accept shards that are "
               "equal by right with --allow-equal-shards",
               at->shard, err_quote(shown, sizeof shown, at->run_id, strlen(at->run_id)),
               pg_value(rows, 0, 0), pg_value(rows, 0, 1));
}

/*
 * Older aggregators derived the run id from the files in their order. Needs the lock, because one
 * of them may have loaded these files a moment ago.
 */
static bool find_name_in_order(struct attempt *at, bool *ret_found, struct err *err)
{
    const char *run_id = at->run_id;

    *ret_found = false;
    if (at->request->run_id != NULL || strcmp(at->run->digest, at->run->input.digest_in_order) == 0)
        return true;
    at->run_id = at->run->input.digest_in_order;
    bool done = compare_claim(at, ret_found, err);
    at->run_id = run_id;
    return done;
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
    if (!query(at, sql_create_staging, 0, NULL, NULL, err) || !buf_ok(&sql, err) ||
        !pg_copy_begin(at->pg, sql.data, err) || !send_rows(at, &chunk, err) ||
        !pg_copy_end(at->pg, &rows, err))
        return false;
    if (rows != at->run->input.keys)
        return err_set(err, STATUS_BUG, "%" PRIu64 " rows were staged instead of %" PRIu64, rows,
                       at->run->input.keys);
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

/* The run was applied before. Checks that its tables survive a crash. */
static bool leave_applied(struct attempt *at, struct err *err)
{
    return table_check_kept(at->pg, &at->target.sql, err) && pg_run(at->pg, "ROLLBACK", err);
}

/* Needs the transaction that connect_target() began. */
static bool transact(struct attempt *at, struct err *err)
{
    bool claimed, found;

    if (!claim(at, &claimed, err))
        return false;
    if (!claimed) {
        if (!compare_claim(at, &found, err))
            return false;
        if (!found)
            return err_set(err, STATUS_TRANSIENT, "the run left the ledger while it was read");
        return leave_applied(at, err);
    }
    if (!lock_target(at, err) || !check_equal_shards(at, err) ||
        !find_name_in_order(at, &found, err))
        return false;
    if (found)
        return leave_applied(at, err);
    /* The merge has locked both tables, so neither can become UNLOGGED after this check. */
    return stage(at, err) && check_cut_keys(at, err) &&
           table_merge(at->pg, &at->target.sql, at->run->input.keys, err) &&
           table_check_kept(at->pg, &at->target.sql, err) && commit(at, err);
}

/* Attempts. */

static struct attempt attempt_of(const struct load_request *request, const char *run_id)
{
    struct attempt at = {.request = request, .run_id = run_id};

    (void)snprintf(at.shard, sizeof at.shard, "%" PRIu32, request->shard.index);
    (void)snprintf(at.shards, sizeof at.shards, "%" PRIu32, request->shard.count);
    return at;
}

static void attempt_end(struct attempt *at)
{
    target_release(&at->target);
    pg_close(at->pg);
}

/* Connects, begins a transaction and opens the target in it. */
static bool connect_target(struct attempt *at, uint64_t wait_ms, struct err *err)
{
    const struct load_request *request = at->request;
    return pg_connect(&at->pg, &request->database, wait_ms, err) &&
           transaction_begin(at->pg, request->database.lock_timeout_ms, err) &&
           target_open(&at->target, at->pg, &request->target, err);
}

/* The table is new, so what the ledger has was loaded into an older table of that name. */
static bool note_runs_before(struct attempt *at, struct load_request *request, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.name};

    if (!at->target.made)
        return true;
    if (!query(at, sql_newest_run, 1, params, &rows, err))
        return false;
    (void)snprintf(request->runs_before, sizeof request->runs_before, "%s", pg_value(rows, 0, 0));
    return true;
}

/* A run without --run-id is named by its input, which has not been read yet. */
static bool check_known_run(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (at->run_id == NULL)
        return true;
    return find_claim(at, &rows, err) &&
           (pg_row_count(rows) == 0 || check_totals_stand(at, rows, err));
}

bool load_prepare(struct load_request *request, struct err *err)
{
    struct attempt at = attempt_of(request, request->run_id);
    bool done = connect_target(&at, request->database.wait_ms, err) &&
                table_check_kept(at.pg, &at.target.sql, err) &&
                table_check_takes(at.pg, &at.target.sql, err) &&
                note_runs_before(&at, request, err) && check_known_run(&at, err) &&
                pg_run(at.pg, "COMMIT", err);

    attempt_end(&at);
    return done;
}

/* Whether to try again here: after a serialization failure, a deadlock or a lost answer to COMMIT.
 */
static bool is_settled_inside(const struct attempt *at, const struct err *err)
{
    const char *state = at->pg == NULL ? "" : pg_sqlstate(at->pg);

    if (err->status != STATUS_TRANSIENT)
        return false;
    return at->outcome_unknown || strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}

bool load_apply(const struct load_request *request, struct total_stream *totals,
                struct run_facts *run, struct err *err)
{
    const double started = machine_seconds();
    uint64_t wait_ms = 0;
    bool done = false, again = true, unknown = false;

    for (int pause_ms = PAUSE_FIRST_MS; !done && again; pause_ms *= 2) {
        struct attempt at = attempt_of(request, run->run_id);
        at.run = run;
        at.totals = totals;

        run->load_attempts++;
        progress_start("rows", run->input.keys, NULL);
        done = connect_target(&at, wait_ms, err) && transact(&at, err);
        again = !done && run->load_attempts < ATTEMPTS_MAX && is_settled_inside(&at, err);
        if (again && at.outcome_unknown) {
            unknown = true;
            wait_ms = request->database.wait_ms + RECONNECT_MS;
        }
        attempt_end(&at);
        progress_end();
        /* After a lost answer to COMMIT, the run in the ledger is the one of the attempt before. */
        run->already_applied = at.already_applied && !unknown;
        if (again) {
            log_warn("%s; trying again", err->text);
            if (stop_wait(-1, 0, pause_ms, err) < 0)
                return false;
        }
    }
    run->load_seconds = machine_seconds() - started;
    if (!done && unknown)
        return err_prefix(err, "whether the load was committed is unknown, a retry of the same run "
                               "settles it");
    return done;
}
