#include "aggregator/load/table_checks.h"

#include <string.h>

enum { SQL_MAX = 64 * 1024 };

/*
 * The relations in roots (is_root), and the partitions to which they route rows. Children by
 * inheritance get no rows.
 */
#define PLACES_OF(roots)                                                                           \
    "WITH RECURSIVE place(oid, kind, persistence, is_root) AS ("                                   \
    "SELECT c.oid, c.relkind, c.relpersistence, true FROM pg_class c "                             \
    "WHERE c.oid IN (" roots ") UNION ALL "                                                        \
    "SELECT c.oid, c.relkind, c.relpersistence, false FROM place p "                               \
    "JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid "             \
    "WHERE p.kind = 'p') "
#define PLACES PLACES_OF("$1::regclass::oid")
#define NAMED_PLACE                                                                                \
    "place p JOIN pg_class c ON c.oid = p.oid JOIN pg_namespace n ON n.oid = c.relnamespace"

/* The server itself decides about foreign partitions. */
#define LOST_IN_A_CRASH                                                                            \
    "SELECT " SQL_RELATION_NAME ", p.kind, p.persistence FROM " NAMED_PLACE " "                    \
    "WHERE CASE p.kind WHEN 'r' THEN p.persistence <> 'p' WHEN 'p' THEN false "                    \
    "ELSE p.is_root END LIMIT 1"

/* Which of the columns $2 to $6 (quoted names) of table $1 are computed. */
#define COMPUTED(condition)                                                                        \
    "SELECT pg_catalog.quote_ident(a.attname::text), " SQL_RELATION_NAME " FROM " NAMED_PLACE " "  \
    "JOIN pg_attribute a ON a.attrelid = p.oid AND a.attnum > 0 AND NOT a.attisdropped "           \
    "WHERE pg_catalog.quote_ident(a.attname::text) IN "                                            \
    "($2::text, $3::text, $4::text, $5::text, $6::text) AND (" condition ") LIMIT 1"

/*
 * A publication may name a table, a partitioned table above it, its schema, or all tables. Its
 * replica identity is all columns, the primary key, or a chosen index.
 */
#define ANCESTORS                                                                                  \
    "SELECT c.oid UNION ALL "                                                                      \
    "SELECT r::oid FROM pg_catalog.pg_partition_ancestors(c.oid::regclass) AS r"
#define PUBLISHED(ancestors, by_schema)                                                            \
    "SELECT " SQL_RELATION_NAME ", pg_catalog.format('%I', b.pubname) FROM " NAMED_PLACE " "       \
    "JOIN pg_publication b ON b.pubupdate "                                                        \
    "WHERE p.kind = 'r' AND c.relreplident <> 'f' AND NOT EXISTS (SELECT FROM pg_index i "         \
    "WHERE i.indrelid = c.oid AND i.indisvalid AND i.indisunique AND i.indimmediate "              \
    "AND i.indpred IS NULL AND CASE c.relreplident WHEN 'd' THEN i.indisprimary "                  \
    "WHEN 'i' THEN i.indisreplident END) "                                                         \
    "AND (b.puballtables OR EXISTS (SELECT FROM pg_publication_rel t "                             \
    "WHERE t.prpubid = b.oid AND t.prrelid IN (" ancestors ")) OR " by_schema ") LIMIT 1"

bool table_check_kept(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table, sql->ledger};

    if (!pg_query(pg, PLACES_OF("$1::regclass::oid, $2::regclass::oid") LOST_IN_A_CRASH, 2, params,
                  &rows, err))
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

static bool check_rules(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table, sql->ledger};

    /* The server refuses rules on UPDATE even when they are disabled; rules on INSERT it follows.
     */
    if (!pg_query(pg,
                  "SELECT pg_catalog.format('%I', r.rulename), " SQL_RELATION_NAME
                  " FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class "
                  "JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE r.ev_class IN ($1::regclass::oid, $2::regclass::oid) "
                  "AND (r.ev_type = '2' OR (r.ev_type = '3' AND (r.ev_enabled = 'A' OR "
                  "r.ev_enabled = CASE pg_catalog.current_setting('session_replication_role') "
                  "WHEN 'replica' THEN 'R'::\"char\" ELSE 'O'::\"char\" END))) LIMIT 1",
                  2, params, &rows, err))
        return false;
    const char *rule = pg_value(rows, 0, 0), *table = pg_value(rows, 0, 1); /* "" without a row */
    return pg_row_count(rows) == 0 ||
           err_set(err, STATUS_REFUSED,
                   "rule %s changes what INSERT or UPDATE do on %s, and a load cannot add up past "
                   "it; make it a trigger, or run DROP RULE %s ON %s",
                   rule, table, rule, table);
}

/* A partition may compute a column that its parent does not. */
static bool check_generated(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table, sql->key, sql->value, sql->count, sql->min, sql->max};
    static const char *const by_version[] = {
        PLACES COMPUTED("p.is_root AND a.attidentity = 'a'"),
        PLACES COMPUTED("a.attgenerated <> '' OR (p.is_root AND a.attidentity = 'a')"),
    };

    if (!pg_query(pg, by_version[pg_version(pg) >= 120000], 6, params, &rows, err))
        return false;
    return pg_row_count(rows) == 0 ||
           err_set(err, STATUS_REFUSED,
                   "column %s of %s is GENERATED ALWAYS: it does not take the totals that are "
                   "loaded; make it a plain column, or name another with --key or --value",
                   pg_value(rows, 0, 0), pg_value(rows, 0, 1));
}

static bool check_published(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table};
    static const char *const by_version[] = {
        PLACES PUBLISHED("SELECT c.oid", "false"),
        PLACES PUBLISHED(ANCESTORS, "false"),
        PLACES PUBLISHED(ANCESTORS, "EXISTS (SELECT FROM pg_publication_namespace s JOIN pg_class "
                                    "a ON a.relnamespace = s.pnnspid WHERE s.pnpubid = b.oid AND "
                                    "a.oid IN (" ANCESTORS "))"),
    };
    int version = (pg_version(pg) >= 130000) + (pg_version(pg) >= 150000);

    if (!pg_query(pg, by_version[version], 1, params, &rows, err))
        return false;
    const char *table = pg_value(rows, 0, 0);
    return pg_row_count(rows) == 0 ||
           err_set(err, STATUS_REFUSED,
                   "publication %s publishes updates of %s, which has no replica identity, and the "
                   "server refuses them; give it a primary key, or run ALTER TABLE %s REPLICA "
                   "IDENTITY FULL",
                   pg_value(rows, 0, 1), table, table);
}

static bool check_plan(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    OWNED_BUF(text, SQL_MAX);
    sql_explain_merge(&text, sql);
    return buf_ok(&text, err) && pg_run(pg, text.data, err);
}

bool table_check_takes(struct pg *pg, const struct sql_target *sql, struct err *err)
{
    return check_rules(pg, sql, err) && check_generated(pg, sql, err) &&
           check_published(pg, sql, err) && check_plan(pg, sql, err);
}

bool table_is_plain(struct pg *pg, const struct sql_target *sql, bool *ret, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {sql->table, sql->key, sql->value, sql->count, sql->min, sql->max};

    if (!pg_query(pg,
                  "SELECT c.relkind = 'r' AND NOT c.relhassubclass AND NOT c.relhasrules "
                  "AND NOT c.relrowsecurity AND NOT EXISTS (SELECT FROM pg_trigger g "
                  "WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) "
                  "AND NOT EXISTS (SELECT FROM pg_constraint o "
                  "WHERE o.conrelid = c.oid AND o.contype = 'c') "
                  "AND NOT EXISTS (SELECT FROM pg_attribute a "
                  "LEFT JOIN pg_collation l ON l.oid = a.attcollation "
                  "WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
                  "AND (CASE WHEN pg_catalog.quote_ident(a.attname::text) = $2::text "
                  "THEN a.atttypid = 'pg_catalog.text'::regtype::oid AND l.collname = 'C' "
                  "AND l.collnamespace = 'pg_catalog'::regnamespace::oid "
                  "ELSE a.atttypid = 'pg_catalog.int8'::regtype::oid "
                  "AND pg_catalog.quote_ident(a.attname::text) IN "
                  "($3::text, $4::text, $5::text, $6::text) END) IS NOT TRUE) "
                  "FROM pg_class c WHERE c.oid = $1::regclass::oid",
                  6, params, &rows, err))
        return false;
    *ret = strcmp(pg_value(rows, 0, 0), "t") == 0;
    return true;
}

bool table_is_written(struct pg *pg, const char *table, bool *ret, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg,
                  "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.locktype = 'relation' "
                  "AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d "
                  "WHERE d.datname = pg_catalog.current_database()) "
                  "AND l.relation = $1::regclass::oid AND l.mode = 'RowExclusiveLock' "
                  "AND l.pid <> pg_catalog.pg_backend_pid())",
                  1, &table, &rows, err))
        return false;
    *ret = strcmp(pg_value(rows, 0, 0), "t") == 0;
    return true;
}
