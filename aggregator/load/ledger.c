#include "aggregator/load/ledger.h"

#include <stdlib.h>

enum { STATEMENT_MAX = 64 * 1024 };

/* 0 when there is no ledger, 1 when it has no label. A version above ours is refused. */
static bool find_version(struct pg *pg, const struct sql_target *sql, int *ret, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->ledger};

    if (!pg_query(pg,
                  "SELECT CASE WHEN r.oid IS NULL THEN '0' ELSE COALESCE(pg_catalog.\"substring\"("
                  "pg_catalog.obj_description(r.oid::oid, 'pg_class'::name), "
                  "'" SQL_LEDGER_LABEL "'::text), '1') END "
                  "FROM pg_catalog.to_regclass($1::text) AS r(oid)",
                  1, params, &rows, err))
        return false;
    *ret =
        (int)strtol(pg_value(rows, 0, 0), NULL, 10); /* at most six digits, by SQL_LEDGER_LABEL */
    return *ret <= LEDGER_VERSION ||
           err_set(err, STATUS_REFUSED,
                   "%s is of ledger version %d and this program knows %d: use the aggregator that "
                   "made it, or a newer one",
                   sql->ledger, *ret, LEDGER_VERSION);
}

static bool migrate(struct pg *pg, const struct sql_target *sql, int version, struct err *err)
{
    while (version <= LEDGER_VERSION) {
        OWNED_BUF(text, STATEMENT_MAX);
        version++;
        if (version > LEDGER_VERSION)
            sql_label_ledger(&text, sql);
        else
            sql_ledger_step(&text, sql, version);
        if (!buf_ok(&text, err) || !pg_run(pg, text.data, err))
            return false;
    }
    return true;
}

bool ledger_ensure(struct pg *pg, const struct sql_target *sql, bool may_create, struct err *err)
{
    int version;

    if (!find_version(pg, sql, &version, err))
        return false;
    if (version == LEDGER_VERSION)
        return true;
    if (!may_create && version == 0)
        return err_set(err, STATUS_REFUSED, "there is no table %s" TO_THE_OWNER, sql->ledger);
    if (!may_create)
        return err_set(err, STATUS_REFUSED,
                       "%s is of ledger version %d, this program's is %d" TO_THE_OWNER, sql->ledger,
                       version, LEDGER_VERSION);
    /* Another session may have created or updated it while this one waited for the lock. */
    if (!pg_run(pg, SQL_LOCK_TABLES, err) || !find_version(pg, sql, &version, err))
        return false;
    if (version == 0)
        return migrate(pg, sql, 0, err) || err_prefix(err, "cannot create a table");
    return version == LEDGER_VERSION || migrate(pg, sql, version, err) ||
           err_prefix(err, "cannot bring %s, which its owner can, from ledger version %d to %d",
                      sql->ledger, version, LEDGER_VERSION);
}

bool ledger_check(struct pg *pg, const struct sql_target *sql, bool *ret_found, struct err *err)
{
    int version;

    if (!find_version(pg, sql, &version, err))
        return false;
    *ret_found = version > 0;
    return version == 0 || version == LEDGER_VERSION ||
           err_set(err, STATUS_REFUSED,
                   "%s is of ledger version %d, this program's is %d: load a run, or let its owner "
                   "run what aggregator --init-sql prints",
                   sql->ledger, version, LEDGER_VERSION);
}
