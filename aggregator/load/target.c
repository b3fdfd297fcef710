#include "aggregator/load/target.h"

#include <stdio.h>
#include <string.h>

#include "aggregator/load/ledger.h"

enum { TEXT_MAX = 64 * 1024, PRIVILEGE_COUNT = 3 };

/*
 * Queries name the schema of each function, and give operators arguments of their exact types.
 * Otherwise another user's function of that name that matches better, in a schema of the search
 * path, would be called with our rights.
 */

#define LEDGER "aggregator_runs"

/* Copies text; the target owns the copy. NULL when out of memory. */
static const char *keep(struct target *target, const char *text, struct err *err)
{
    struct buf *buf = &target->text[target->text_count++];
    buf_init(buf, TEXT_MAX);
    buf_add_text(buf, text);
    return buf_ok(buf, err) ? buf->data : NULL;
}

static const char *keep_identifier(struct target *target, const char *name, struct err *err)
{
    OWNED_BUF(quoted, TEXT_MAX);
    sql_add_identifier(&quoted, name);
    return buf_ok(&quoted, err) ? keep(target, quoted.data, err) : NULL;
}

static bool keep_names(struct target *target, const char *table, const char *ledger,
                       struct err *err)
{
    target->sql.table = keep(target, table, err);
    target->sql.ledger = keep(target, ledger, err);
    return target->sql.table != NULL && target->sql.ledger != NULL;
}

static const char *keep_name(struct target *target, const struct sql_name *name, bool fold,
                             struct err *err)
{
    OWNED_BUF(quoted, TEXT_MAX);
    sql_add_name(&quoted, name, fold);
    return buf_ok(&quoted, err) ? keep(target, quoted.data, err) : NULL;
}

static struct sql_name ledger_beside(const struct sql_name *table)
{
    struct sql_name ledger = *table;
    (void)snprintf(ledger.table, sizeof ledger.table, "%s", LEDGER);
    return ledger;
}

void target_release(struct target *target)
{
    for (size_t i = 0; i < target->text_count; i++)
        buf_release(&target->text[i]);
    *target = (struct target){0};
}

/* The relation. */

struct relation {
    char oid[16], kind[2];
};

static bool find_named(struct pg *pg, struct target *target, const struct sql_name *name, bool fold,
                       struct relation *ret, bool *ret_found, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {keep_name(target, name, fold, err)};

    if (params[0] == NULL ||
        !pg_query(pg,
                  "SELECT c.oid, c.relkind, " SQL_RELATION_NAME ", "
                  "pg_catalog.format('%I.%I', n.nspname, '" LEDGER "') FROM " SQL_RELATION " "
                  "WHERE c.oid = pg_catalog.to_regclass($1::text)::oid",
                  1, params, &rows, err))
        return false;
    *ret_found = pg_row_count(rows) > 0;
    if (!*ret_found)
        return true;
    (void)snprintf(ret->oid, sizeof ret->oid, "%s", pg_value(rows, 0, 0));
    (void)snprintf(ret->kind, sizeof ret->kind, "%s", pg_value(rows, 0, 1));
    return keep_names(target, pg_value(rows, 0, 2), pg_value(rows, 0, 3), err);
}

static bool find_relation(struct pg *pg, struct target *target, const struct sql_name *name,
                          struct relation *ret, bool *ret_found, struct err *err)
{
    return find_named(pg, target, name, false, ret, ret_found, err) &&
           (*ret_found || find_named(pg, target, name, true, ret, ret_found, err));
}

/* Making what is missing. */

/* The tables to make, by the names of the request. The caller releases *wanted. */
static bool describe(struct target *wanted, const struct target_request *request, struct err *err)
{
    const struct sql_name ledger = ledger_beside(&request->table);
    const char *schema = request->table.schema;

    wanted->sql = (struct sql_target){
        .schema = schema[0] == '\0' ? NULL : keep_identifier(wanted, schema, err),
        .table = keep_name(wanted, &request->table, false, err),
        .ledger = keep_name(wanted, &ledger, false, err),
        .key = keep_identifier(wanted, request->key.column, err),
        .value = keep_identifier(wanted, request->value.column, err),
        .statistics = request->statistics,
        .count = "\"count\"",
        .min = "\"min\"",
        .max = "\"max\"",
    };
    return (schema[0] == '\0' || wanted->sql.schema != NULL) && wanted->sql.table != NULL &&
           wanted->sql.ledger != NULL && wanted->sql.key != NULL && wanted->sql.value != NULL;
}

static bool create_table(struct pg *pg, const struct target_request *request, struct err *err)
{
    struct target wanted = {0};
    OWNED_BUF(sql, TEXT_MAX);

    bool done = describe(&wanted, request, err) &&
                (request->create || err_set(err, STATUS_REFUSED,
                                            "there is no table %s" TO_THE_OWNER, wanted.sql.table));
    if (done) {
        sql_create_table(&sql, &wanted.sql);
        done = buf_ok(&sql, err) &&
               (pg_run(pg, sql.data, err) || err_prefix(err, "cannot create a table"));
    }
    target_release(&wanted);
    return done;
}

/* Columns. */

struct column {
    char number[8];
    char type[128];
    const char *quoted;
};

static bool find_column(struct pg *pg, struct target *target, const struct relation *relation,
                        const char *name, struct column *ret, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {relation->oid, name};

    if (!pg_query(
            pg,
            "SELECT attnum, pg_catalog.quote_ident(attname), "
            "pg_catalog.format_type(atttypid, atttypmod) "
            "FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 "
            "AND NOT attisdropped AND attname::text IN ($2::text, pg_catalog.lower($2::text)) "
            "ORDER BY attname::text = $2::text DESC LIMIT 1",
            2, params, &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return err_set(err, STATUS_REFUSED,
                       "table %s has no column \"%s\"; add it, or choose another table, --key, "
                       "--value, --key-column or --value-column",
                       target->sql.table, name);
    (void)snprintf(ret->number, sizeof ret->number, "%s", pg_value(rows, 0, 0));
    (void)snprintf(ret->type, sizeof ret->type, "%s", pg_value(rows, 0, 2));
    ret->quoted = keep(target, pg_value(rows, 0, 1), err);
    return ret->quoted != NULL;
}

/* Sums must stay exact: integer types, and numeric unless its scale is negative. */
static bool keeps_whole_numbers(const char *type)
{
    static const char *const exact[] = {"smallint", "integer", "bigint", "numeric"};

    for (size_t i = 0; i < sizeof exact / sizeof *exact; i++)
        if (strcmp(type, exact[i]) == 0)
            return true;
    return strncmp(type, "numeric(", strlen("numeric(")) == 0 && strpbrk(type, "-[") == NULL;
}

static bool find_number(struct pg *pg, struct target *target, const struct relation *relation,
                        const char *name, const char **ret, struct err *err)
{
    struct column column;

    if (!find_column(pg, target, relation, name, &column, err))
        return false;
    *ret = column.quoted;
    return keeps_whole_numbers(column.type) ||
           err_set(err, STATUS_REFUSED,
                   "column %s of %s is of type %s, which does not keep whole numbers exactly; make "
                   "it bigint",
                   column.quoted, target->sql.table, column.type);
}

/* A table with, say, a row per key and day holds other totals; another index would not help. */
static bool refuse_without_index(struct pg *pg, const struct target *target,
                                 const struct relation *relation, const struct column *key,
                                 struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {relation->oid, key->number};

    if (!pg_query(pg,
                  "SELECT pg_catalog.format('%I', c.relname) FROM pg_index i "
                  "JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = $1::oid "
                  "AND i.indisunique AND i.indnkeyatts > 1 "
                  "AND $2::int2 = ANY (i.indkey[0:i.indnkeyatts - 1]) LIMIT 1",
                  2, params, &rows, err))
        return false;
    if (pg_row_count(rows) > 0)
        return err_set(
            err, STATUS_REFUSED,
            "table %s has several rows for one %s, as its unique index %s allows: totals "
            "by %s alone would merge them; load into another table, with --table",
            target->sql.table, key->quoted, pg_value(rows, 0, 0), key->quoted);
    return err_set(err, STATUS_REFUSED,
                   "table %s has no usable unique index on %s; add one: CREATE UNIQUE INDEX ON "
                   "%s (%s)",
                   target->sql.table, key->quoted, target->sql.table, key->quoted);
}

/*
 * ON CONFLICT uses every unique index on the key. An index that takes two different texts as equal
 * (by its type, or a nondeterministic collation) would merge two keys.
 */
static bool check_unique(struct pg *pg, const struct target *target,
                         const struct relation *relation, const struct column *key, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const char *params[] = {relation->oid, key->number};

    /* Through JSON, because the catalogs of servers before 12 lack the column. */
    if (!pg_query(
            pg,
            "SELECT pg_catalog.bool_and(f.opfname::text IN ('text_ops', 'text_pattern_ops', "
            "'bpchar_ops', 'bpchar_pattern_ops') "
            "AND f.opfnamespace = 'pg_catalog'::regnamespace::oid "
            "AND COALESCE(pg_catalog.to_jsonb(l) ->> 'collisdeterministic', 'true') = 'true') "
            "FROM pg_index i JOIN pg_opclass o ON o.oid = i.indclass[0] "
            "JOIN pg_opfamily f ON f.oid = o.opcfamily "
            "LEFT JOIN pg_collation l ON l.oid = i.indcollation[0] "
            "WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indimmediate "
            "AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1 "
            "AND i.indkey[0] = $2::int",
            2, params, &rows, err))
        return false;
    const char *exact = pg_value(rows, 0, 0);
    if (exact[0] == '\0')
        return refuse_without_index(pg, target, relation, key, err);
    return strcmp(exact, "t") == 0 ||
           err_set(err, STATUS_REFUSED,
                   "column %s of %s, of type %s, does not keep all keys apart; make it text with a "
                   "deterministic collation such as \"C\"",
                   key->quoted, target->sql.table, key->type);
}

static bool find_columns(struct pg *pg, struct target *target, const struct relation *relation,
                         const struct target_request *request, struct err *err)
{
    struct sql_target *sql = &target->sql;
    struct column key;

    if (!find_column(pg, target, relation, request->key.column, &key, err) ||
        !check_unique(pg, target, relation, &key, err) ||
        !find_number(pg, target, relation, request->value.column, &sql->value, err))
        return false;
    sql->key = key.quoted;
    if (strcmp(key.type, "text") != 0 && (target->cut_type = keep(target, key.type, err)) == NULL)
        return false;
    sql->statistics = request->statistics;
    return !request->statistics || (find_number(pg, target, relation, "count", &sql->count, err) &&
                                    find_number(pg, target, relation, "min", &sql->min, err) &&
                                    find_number(pg, target, relation, "max", &sql->max, err));
}

/* Rights. */

static bool check_rights(struct pg *pg, const struct target *target, struct err *err)
{
    static const char *const names[PRIVILEGE_COUNT] = {"SELECT", "INSERT", "UPDATE"};
    const char *tables[] = {target->sql.table, target->sql.ledger};
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg,
                  "SELECT pg_catalog.has_any_column_privilege($1::regclass, 'SELECT'), "
                  "pg_catalog.has_any_column_privilege($1::regclass, 'INSERT'), "
                  "pg_catalog.has_any_column_privilege($1::regclass, 'UPDATE'), "
                  "pg_catalog.has_any_column_privilege($2::regclass, 'SELECT'), "
                  "pg_catalog.has_any_column_privilege($2::regclass, 'INSERT'), true, "
                  "pg_catalog.has_database_privilege(pg_catalog.current_database(), 'TEMPORARY'), "
                  "pg_catalog.row_security_active($2::regclass)",
                  2, tables, &rows, err))
        return false;
    for (int i = 0; i < 2 * PRIVILEGE_COUNT; i++)
        if (strcmp(pg_value(rows, 0, i), "t") != 0)
            return err_set(err, STATUS_REFUSED,
                           "this database user has no %s right on %s; grant the rights that "
                           "aggregator --init-sql lists",
                           names[i % PRIVILEGE_COUNT], tables[i / PRIVILEGE_COUNT]);
    if (strcmp(pg_value(rows, 0, 2 * PRIVILEGE_COUNT), "t") != 0)
        return err_set(err, STATUS_REFUSED,
                       "this database user may not make temporary tables; grant the rights that "
                       "aggregator --init-sql lists");
    /* A hidden run looks as if it had never been loaded. */
    return strcmp(pg_value(rows, 0, 2 * PRIVILEGE_COUNT + 1), "f") == 0 ||
           err_set(err, STATUS_REFUSED,
                   "row-level security hides rows of %s from this database user; exempt the user "
                   "or the table from it",
                   target->sql.ledger);
}

/* The column only where it is another than the field's own name: two columns are two works. */
static void name_field(struct buf *out, const struct target_field *field)
{
    sql_add_identifier(out, field->name);
    if (!field->renamed)
        return;
    buf_add_text(out, " AS ");
    sql_add_identifier(out, field->column);
}

/* The name under which the ledger records runs: table, fields and statistics. */
static bool name_work(struct target *target, const struct target_request *request, struct err *err)
{
    OWNED_BUF(name, TEXT_MAX);

    buf_printf(&name, "%s(", target->sql.table);
    name_field(&name, &request->key);
    buf_add_text(&name, ",");
    name_field(&name, &request->value);
    buf_add_text(&name, request->statistics ? ",count,min,max)" : ")");
    target->name = buf_ok(&name, err) ? keep(target, name.data, err) : NULL;
    return target->name != NULL;
}

/* Another session may have made it while this one waited for the lock. */
static bool make_table(struct pg *pg, struct target *target, const struct target_request *request,
                       struct relation *ret, bool *ret_found, struct err *err)
{
    if (request->create && (!pg_run(pg, SQL_LOCK_TABLES, err) ||
                            !find_relation(pg, target, &request->table, ret, ret_found, err)))
        return false;
    if (*ret_found)
        return true;
    target->made = true;
    return create_table(pg, request, err) &&
           find_relation(pg, target, &request->table, ret, ret_found, err);
}

bool target_open(struct target *ret, struct pg *pg, const struct target_request *request,
                 struct err *err)
{
    struct relation relation;
    bool found;

    *ret = (struct target){0};
    if (!find_relation(pg, ret, &request->table, &relation, &found, err))
        return false;
    if (!found && request->look)
        return err_set(err, STATUS_REFUSED, "there is no table %s; name it with --table",
                       request->table.table);
    if (!found && !make_table(pg, ret, request, &relation, &found, err))
        return false;
    if (!found)
        return err_set(err, STATUS_TRANSIENT, "table %s vanished right after it was made",
                       request->table.table);
    if (strcmp(relation.kind, "r") != 0 && strcmp(relation.kind, "p") != 0)
        return err_set(err, STATUS_REFUSED, "%s is not a table", ret->sql.table);
    return find_columns(pg, ret, &relation, request, err) &&
           ledger_ensure(pg, &ret->sql, request->create, err) &&
           (request->look || check_rights(pg, ret, err)) && name_work(ret, request, err);
}

/* Finds a ledger without its table. */
static bool find_orphan(struct pg *pg, struct target *target, const struct sql_name *table,
                        bool fold, bool *ret_found, struct err *err)
{
    OWNED_ROWS rows = NULL;
    const struct sql_name ledger = ledger_beside(table);
    struct sql_name alone = *table;

    alone.schema[0] = '\0';
    const char *params[] = {keep_name(target, &ledger, fold, err),
                            keep_name(target, &alone, fold, err)};
    if (params[0] == NULL || params[1] == NULL ||
        !pg_query(pg,
                  "SELECT pg_catalog.format('%I.%I', n.nspname, "
                  "(pg_catalog.parse_ident($2::text))[1]), " SQL_RELATION_NAME " "
                  "FROM " SQL_RELATION " "
                  "WHERE c.oid = pg_catalog.to_regclass($1::text)::oid",
                  2, params, &rows, err))
        return false;
    *ret_found = pg_row_count(rows) > 0;
    if (!*ret_found)
        return true;
    return keep_names(target, pg_value(rows, 0, 0), pg_value(rows, 0, 1), err);
}

bool target_open_ledger(struct target *ret, struct pg *pg, const struct target_request *request,
                        struct err *err)
{
    struct relation relation;
    bool found = false;

    *ret = (struct target){0};
    if (!find_relation(pg, ret, &request->table, &relation, &found, err) ||
        (!found && !find_orphan(pg, ret, &request->table, false, &found, err)) ||
        (!found && !find_orphan(pg, ret, &request->table, true, &found, err)))
        return false;
    if (found && (!ledger_check(pg, &ret->sql, &found, err) || !name_work(ret, request, err)))
        return false;
    return found ||
           err_set(err, STATUS_REFUSED,
                   "nothing was loaded yet: there is no table %s or no " LEDGER " beside it",
                   request->table.table);
}

bool target_init_script(const struct target_request *request, struct buf *out, struct err *err)
{
    struct target wanted = {0};

    bool done = describe(&wanted, request, err);
    if (done)
        sql_init_script(out, &wanted.sql);
    target_release(&wanted);
    return done && buf_ok(out, err);
}
