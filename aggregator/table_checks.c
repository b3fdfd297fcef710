#include "aggregator/table_checks.h"

#include <string.h>

/*
 * Rows go where a plain table is, or where a partitioned table routes them; children by inheritance
 * get none. Relations, with those that rows are routed to; is_root: named by $1 or $2.
 */
#define PLACES                                                                                     \
    "WITH RECURSIVE place(oid, kind, persistence, is_root) AS ("                                   \
    "SELECT c.oid, c.relkind, c.relpersistence, true FROM pg_class c "                             \
    "WHERE c.oid IN ($1::regclass::oid, $2::regclass::oid) UNION ALL "                             \
    "SELECT c.oid, c.relkind, c.relpersistence, false FROM place p "                               \
    "JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid "             \
    "WHERE p.kind = 'p') "

bool table_check_kept(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table, sql->ledger};

    /* Foreign partitions are for the server to judge. */
    if (!pg_query(pg,
                  PLACES "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), "
                         "p.kind, p.persistence FROM place p JOIN pg_class c ON c.oid = p.oid "
                         "JOIN pg_namespace n ON n.oid = c.relnamespace "
                         "WHERE CASE p.kind WHEN 'r' THEN p.persistence <> 'p' WHEN 'p' THEN false "
                         "ELSE p.is_root END LIMIT 1",
                  2, params, &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return true;
    const char *name = pg_value(rows, 0, 0);
    if (strcmp(pg_value(rows, 0, 1), "r") != 0)
        return err_set(err, STATUS_REFUSED, "%s is not a table", name);
    if (strcmp(pg_value(rows, 0, 2), "t") == 0)
        return err_set(err, STATUS_REFUSED,
                       "table %s is temporary: what is loaded into it is lost with its session; "
                       "drop it, or name another with --table schema.name",
                       name);
    return err_set(err, STATUS_REFUSED,
                   "table %s is UNLOGGED: a crash of the server empties it, and runs would be lost "
                   "or count twice; run ALTER TABLE %s SET LOGGED",
                   name, name);
}
