#include "aggregator/load/table_merge.h"

#include <inttypes.h>
#include <string.h>

#include "aggregator/load/table_checks.h"

enum { SQL_MAX = 64 * 1024 };

#define UNIQUE_VIOLATION "23505"

typedef void sql_builder(struct buf *out, const struct sql_target *target);

static bool run(struct pg *pg, const struct sql_target *sql, sql_builder *build, uint64_t *ret_rows,
                struct err *err)
{
    OWNED_BUF(text, SQL_MAX);
    OWNED_ROWS rows = NULL;

    build(&text, sql);
    if (!buf_ok(&text, err) || !pg_query(pg, text.data, 0, NULL, &rows, err))
        return false;
    *ret_rows = pg_affected(rows);
    return true;
}

/*
 * *ret_all says whether every total was added and the table is still plain. Both statements hold a
 * lock by then, so nobody can add a trigger after this check.
 */
static bool update_and_insert(struct pg *pg, const struct sql_target *sql, uint64_t keys,
                              bool *ret_all, struct err *err)
{
    uint64_t updated, inserted;
    bool plain;

    if (!run(pg, sql, sql_update_known, &updated, err) ||
        !run(pg, sql, sql_insert_new, &inserted, err) || !table_is_plain(pg, sql, &plain, err))
        return false;
    *ret_all = plain && updated + inserted == keys;
    return true;
}

/*
 * Another session may insert one of the keys between the two statements: then the second skips the
 * key or fails with 23505. In both cases this undoes its work and *ret_added is false.
 */
static bool add_plainly(struct pg *pg, const struct sql_target *sql, uint64_t keys, bool *ret_added,
                        struct err *err)
{
    struct err failure = {0};

    *ret_added = false;
    if (!pg_run(pg, "SAVEPOINT aggregator_merge", err))
        return false;
    if (!update_and_insert(pg, sql, keys, ret_added, &failure) &&
        strcmp(pg_sqlstate(pg), UNIQUE_VIOLATION) != 0) {
        *err = failure;
        return false;
    }
    return pg_run(pg, *ret_added ? "RELEASE aggregator_merge" : "ROLLBACK TO aggregator_merge",
                  err);
}

bool table_merge(struct pg *pg, const struct sql_target *sql, uint64_t keys, struct err *err)
{
    bool plain, written = false, added = false;
    uint64_t rows;

    /* A row that changes after its snapshot makes UPDATE look at the whole join again: beside other
     * writers ON CONFLICT is several times faster. */
    if (!table_is_plain(pg, sql, &plain, err) ||
        (plain && !table_is_written(pg, sql->table, &written, err)) ||
        (plain && !written && !add_plainly(pg, sql, keys, &added, err)))
        return false;
    if (added)
        return true;
    if (!run(pg, sql, sql_merge, &rows, err))
        return false;
    return rows == keys ||
           err_set(err, STATUS_REFUSED,
                   "%s took %" PRIu64 " of %" PRIu64 " totals: a trigger keeps rows out; nothing "
                   "was loaded",
                   sql->table, rows, keys);
}
