#include "aggregator/load/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/load/attempt.h"
#include "aggregator/load/table_checks.h"
#include "common/machine.h"

enum {
    RUN_SHOWN = 600, /* a whole run id, so that users can copy it into a command */
    ID_MAX = 1200,
    IDS_MAX = 4 << 20,
};

/* The steps, in order. */

static bool find_claim(struct attempt *at, struct pg_rows **ret, struct err *err)
{
    const char *before = at->request->runs_before;
    const char *params[] = {at->target.name, at->run_id, at->shard,
                            before[0] == '\0' ? NULL : before};
    return attempt_query(at, sql_find_claim, 4, params, ret, err);
}

/*
 * A run must not count as applied when its totals are gone: when the table is empty, or younger
 * than the run. A table that was emptied and then loaded with other runs is not noticed.
 */
static bool check_totals_stand(struct attempt *at, const struct pg_rows *claim, int row,
                               struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.sql.table};
    bool made = at->target.made || strcmp(pg_value(claim, row, 4), "t") == 0;
    char shown[RUN_SHOWN];

    if (at->request->allow_empty_table || strcmp(pg_value(claim, row, 3), "0") == 0)
        return true;
    if (!made && !attempt_query(at, sql_holds_rows, 1, params, &rows, err))
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
        shown, pg_value(claim, row, 2), pg_value(claim, row, 3), at->target.sql.table,
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
    at->already_applied = check_totals_stand(at, rows, 0, err);
    return at->already_applied;
}

/* Needs the lock: no other number of shards can slip in then. */
static bool check_other_count(struct attempt *at, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.name, at->run_id, at->shards};
    char shown[128];

    if (!attempt_query(at, sql_find_other_count, 3, params, &rows, err))
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
    if (!attempt_query(at, sql_find_equal_shard, 5, params, &rows, err))
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

/* The run was applied before. Checks that its tables survive a crash. */
static bool leave_applied(struct attempt *at, struct err *err)
{
    return table_check_kept(at->pg, &at->target.sql, err) && pg_run(at->pg, "ROLLBACK", err);
}

static bool transact(struct attempt *at, struct err *err)
{
    bool claimed, found;

    at->run = at->runs;
    if (!attempt_claim(at, &claimed, err))
        return false;
    if (!claimed) {
        if (!compare_claim(at, &found, err))
            return false;
        if (!found)
            return err_set(err, STATUS_TRANSIENT, "the run left the ledger while it was read");
        return leave_applied(at, err);
    }
    if (!attempt_lock(at, err) || !check_other_count(at, err) || !check_equal_shards(at, err) ||
        !find_name_in_order(at, &found, err))
        return false;
    return found ? leave_applied(at, err) : attempt_finish(at, err);
}

/* Before the input is read. */

/* The table is new, so what the ledger has was loaded into an older table of that name. */
static bool note_runs_before(struct attempt *at, struct load_request *request, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {at->target.name};

    if (!at->target.made)
        return true;
    if (!attempt_query(at, sql_newest_run, 1, params, &rows, err))
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
           (pg_row_count(rows) == 0 || check_totals_stand(at, rows, 0, err));
}

bool load_prepare(struct load_request *request, struct err *err)
{
    struct attempt at = attempt_of(request, request->run_id);
    bool done = attempt_connect(&at, request->database.wait_ms, err) &&
                table_check_kept(at.pg, &at.target.sql, err) &&
                table_check_takes(at.pg, &at.target.sql, err) &&
                note_runs_before(&at, request, err) && check_known_run(&at, err) &&
                pg_run(at.pg, "COMMIT", err);

    attempt_end(&at);
    return done;
}

bool load_apply(const struct load_request *request, struct total_stream *totals,
                struct run_facts *run, struct err *err)
{
    const double started = machine_seconds();
    struct attempt at = attempt_of(request, run->run_id);
    bool unknown;

    at.runs = run;
    at.count = 1;
    at.totals = totals;
    at.keys = run->input.keys;
    bool done = attempt_settle(&at, transact, &run->load_attempts, &unknown, err);
    /* After a lost answer to COMMIT, the run in the ledger is the one of the attempt before. */
    run->already_applied = at.already_applied && !unknown;
    run->load_seconds = machine_seconds() - started;
    return done;
}

/* Objects. */

/* Appends to an array of texts, as PostgreSQL writes one; it begins and ends with braces. */
static void add_element(struct buf *out, const char *text)
{
    buf_add_text(out, out->len > 1 ? ",\"" : "\"");
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            buf_add(out, "\\", 1);
        buf_add(out, text, 1);
    }
    buf_add_text(out, "\"");
}

static int compare_id(const void *key, const void *object)
{
    return strcmp(key, ((const struct load_object *)object)->run_id);
}

static struct load_object *find_object(struct load_object *objects, size_t count, const char *id)
{
    return bsearch(id, objects, count, sizeof *objects, compare_id);
}

static bool is_etag(const struct load_object *object, const char *etag)
{
    return object->etag != NULL && object->etag[0] != '\0' && strcmp(object->etag, etag) == 0;
}

static bool take_runs(struct attempt *at, const struct pg_rows *rows, struct load_object *objects,
                      size_t count, struct err *err)
{
    bool stand = false;

    for (int row = 0; row < pg_row_count(rows); row++) {
        struct load_object *object = find_object(objects, count, pg_value(rows, row, 5));
        if (object == NULL)
            continue;
        object->is_there = true;
        object->is_same = is_etag(object, pg_value(rows, row, 6));
        (void)snprintf(object->digest, sizeof object->digest, "%s", pg_value(rows, row, 0));
        /* Whether the table holds a row is one question for all of them. */
        const bool had_keys = strcmp(pg_value(rows, row, 3), "0") != 0;
        at->run_id = object->run_id;
        if (had_keys && (!stand || strcmp(pg_value(rows, row, 4), "t") == 0) &&
            !check_totals_stand(at, rows, row, err))
            return false;
        stand = stand || had_keys;
    }
    return true;
}

static bool find_runs(struct attempt *at, struct load_object *objects, size_t count,
                      struct err *err)
{
    const char *before = at->request->runs_before;
    OWNED_ROWS rows = NULL;
    OWNED_BUF(ids, IDS_MAX);

    buf_add_text(&ids, "{");
    for (size_t i = 0; i < count; i++)
        add_element(&ids, objects[i].run_id);
    buf_add_text(&ids, "}");
    const char *params[] = {at->target.name, ids.data, before[0] == '\0' ? NULL : before};
    return buf_ok(&ids, err) && attempt_query(at, sql_find_runs, 3, params, &rows, err) &&
           take_runs(at, rows, objects, count, err);
}

/* Versions are RUN@DIGEST. */
static bool find_versions(struct attempt *at, struct load_object *objects, size_t count,
                          struct err *err)
{
    OWNED_ROWS rows = NULL;
    OWNED_BUF(etags, IDS_MAX);

    buf_add_text(&etags, "{");
    for (size_t i = 0; i < count; i++)
        if (objects[i].etag != NULL && objects[i].etag[0] != '\0')
            add_element(&etags, objects[i].etag);
    buf_add_text(&etags, "}");
    const char *params[] = {at->target.name, etags.data};
    if (!buf_ok(&etags, err) || !attempt_query(at, sql_find_etags, 2, params, &rows, err))
        return false;
    for (int row = 0; row < pg_row_count(rows); row++) {
        char id[ID_MAX];
        const char *run = pg_value(rows, row, 0);
        const size_t len = strlen(run);
        if (len < DIGEST_TEXT || len >= sizeof id || run[len - DIGEST_TEXT] != '@')
            continue;
        (void)snprintf(id, sizeof id, "%.*s", (int)(len - DIGEST_TEXT), run);
        struct load_object *object = find_object(objects, count, id);
        if (object != NULL && is_etag(object, pg_value(rows, row, 1)))
            object->is_same = true;
    }
    return true;
}

bool load_ask(const struct load_request *request, struct load_object *objects, size_t count,
              bool versions, struct err *err)
{
    struct attempt at = attempt_of(request, NULL);

    for (size_t i = 0; i < count; i++)
        objects[i].is_there = objects[i].is_same = false;
    bool done = attempt_connect(&at, request->database.wait_ms, err) &&
                find_runs(&at, objects, count, err) &&
                (!versions || find_versions(&at, objects, count, err)) &&
                pg_run(at.pg, "COMMIT", err);
    attempt_end(&at);
    return done;
}

/* All rows in the order of their names, so that twins wait for each other at the first of them. */
static bool transact_all(struct attempt *at, struct err *err)
{
    bool claimed = true;

    for (size_t i = 0; i < at->count && claimed; i++) {
        at->run = &at->runs[i];
        at->run_id = at->run->run_id;
        if (!attempt_claim(at, &claimed, err))
            return false;
    }
    at->already_applied = !claimed;
    return claimed ? attempt_lock(at, err) && attempt_finish(at, err)
                   : pg_run(at->pg, "ROLLBACK", err);
}

bool load_apply_all(const struct load_request *request, struct total_stream *totals, uint64_t keys,
                    struct run_facts *runs, size_t count, bool *ret_lost, bool *ret_unknown,
                    struct err *err)
{
    struct attempt at = attempt_of(request, NULL);
    unsigned attempts = 0;

    at.runs = runs;
    at.count = count;
    at.totals = totals;
    at.keys = keys;
    bool done = attempt_settle(&at, transact_all, &attempts, ret_unknown, err);
    *ret_lost = at.already_applied;
    return done;
}

bool load_note_etags(const struct load_request *request, const struct load_object *objects,
                     size_t count, struct err *err)
{
    struct attempt at = attempt_of(request, NULL);
    bool done = attempt_connect(&at, request->database.wait_ms, err);

    for (size_t i = 0; i < count && done; i++) {
        const char *params[] = {objects[i].etag, at.target.name, objects[i].run_id,
                                objects[i].digest};
        done = attempt_query(&at, sql_note_etag, 4, params, NULL, err);
    }
    done = done && pg_run(at.pg, "COMMIT", err);
    attempt_end(&at);
    return done;
}
