#include "aggregator/load/sql_text.h"

#include <string.h>

#include "aggregator/load/facts.h"

void sql_add_identifier(struct buf *out, const char *name)
{
    buf_add(out, "\"", 1);
    for (; *name != '\0'; name++)
        buf_add(out, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    buf_add(out, "\"", 1);
}

/* Reads one part of a name and moves *at past it. */
static bool take_part(const char **at, char part[SQL_NAME_MAX + 1], struct err *err)
{
    const char *text = *at;
    bool quoted = *text == '"', closed = !quoted;
    size_t len = 0;

    for (text += quoted; *text != '\0'; text++) {
        if (quoted && *text == '"' && *++text != '"') {
            closed = true;
            break;
        }
        if (!quoted && *text == '.')
            break;
        if (len == SQL_NAME_MAX)
            return err_set(err, STATUS_USAGE, "a name in '%s' is longer than %d bytes", *at,
                           SQL_NAME_MAX);
        part[len++] = *text;
    }
    part[len] = '\0';
    if (len == 0 || !closed)
        return err_set(err, STATUS_USAGE,
                       "'%s' is not a table name such as totals or "
                       "reports.totals",
                       *at);
    *at = text;
    return true;
}

bool sql_parse_name(const char *text, struct sql_name *ret, struct err *err)
{
    struct sql_name name = {0};
    const char *at = text;

    if (!take_part(&at, name.table, err))
        return false;
    if (*at == '.') {
        memcpy(name.schema, name.table, sizeof name.schema);
        at++;
        if (!take_part(&at, name.table, err))
            return false;
    }
    if (*at != '\0')
        return err_set(err, STATUS_USAGE,
                       "'%s' is not a table name such as totals or "
                       "reports.totals",
                       text);
    *ret = name;
    return true;
}

static void copy_folded(char *to, const char *from, bool fold)
{
    do
        *to++ = fold && *from >= 'A' && *from <= 'Z' ? (char)(*from | 0x20) : *from;
    while (*from++ != '\0');
}

void sql_add_name(struct buf *out, const struct sql_name *name, bool fold)
{
    char part[SQL_NAME_MAX + 1];

    if (name->schema[0] != '\0') {
        copy_folded(part, name->schema, fold);
        sql_add_identifier(out, part);
        buf_add_text(out, ".");
    }
    copy_folded(part, name->table, fold);
    sql_add_identifier(out, part);
}

void sql_create_table(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "CREATE TABLE IF NOT EXISTS %s (\n    %s text COLLATE \"C\" PRIMARY KEY,\n"
               "    %s bigint NOT NULL",
               target->table, target->key, target->value);
    if (target->statistics)
        buf_printf(out,
                   ",\n    %s bigint NOT NULL,\n    %s bigint NOT NULL,\n    %s bigint NOT NULL",
                   target->count, target->min, target->max);
    buf_add_text(out, "\n)");
}

static const char *type_of(const struct fact *fact)
{
    static const char *const types[] = {
        [FACT_TEXT] = "text",   [FACT_BOOL] = "boolean",    [FACT_U32] = "int",
        [FACT_U64] = "bigint",  [FACT_U128] = "numeric",    [FACT_SECONDS] = "double precision",
        [FACT_PEAK] = "bigint", [FACT_TIME] = "timestamptz"};
    return types[fact->kind];
}

/* The column of the ledger after `after`; the first for NULL. NULL after the last. */
static const struct fact *next_column(const struct fact *after)
{
    for (const struct fact *fact = after == NULL ? facts : after + 1; fact < facts + FACTS; fact++)
        if (fact->column != NULL)
            return fact;
    return NULL;
}

static void create_ledger(struct buf *out, const struct sql_target *target)
{
    buf_printf(out, "CREATE TABLE IF NOT EXISTS %s (\n", target->ledger);
    for (const struct fact *f = NULL; (f = next_column(f)) != NULL;)
        if (f->since == 0)
            buf_printf(out, "    %s %s%s,\n", f->column, type_of(f),
                       f->kind == FACT_PEAK ? "" : " NOT NULL");
    buf_add_text(out, "    PRIMARY KEY (target, run_id, shard)\n)");
}

void sql_ledger_step(struct buf *out, const struct sql_target *target, int version)
{
    const char *before = " ";

    if (version == 1) {
        create_ledger(out, target);
        return;
    }
    buf_printf(out, "ALTER TABLE %s", target->ledger);
    for (const struct fact *f = NULL; (f = next_column(f)) != NULL;)
        if (f->since == version) {
            buf_printf(out, "%sADD COLUMN IF NOT EXISTS %s %s", before, f->column, type_of(f));
            before = ", ";
        }
}

void sql_label_ledger(struct buf *out, const struct sql_target *target)
{
    buf_printf(out, "COMMENT ON TABLE %s IS 'What aggregator has loaded; ledger version %d'",
               target->ledger, LEDGER_VERSION);
}

#define STAGING "pg_temp.aggregator_staging"

void sql_create_staging(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "CREATE TEMPORARY TABLE aggregator_staging "
               "(key text COLLATE \"C\", sum bigint%s) ON COMMIT DROP",
               target->statistics ? ", count bigint, min bigint, max bigint" : "");
}

void sql_copy_staging(struct buf *out, const struct sql_target *target)
{
    (void)target;
    buf_add_text(out, "COPY " STAGING " FROM STDIN (FORMAT binary)");
}

void sql_find_cut_key(struct buf *out, const char *key_type)
{
    /* An assignment refuses a text that is too long, but drops spaces at its end silently, which
     * would make another key of it. An explicit cast shows both cases. */
    buf_printf(out,
               "SELECT key FROM " STAGING " "
               "WHERE (key::%s)::text COLLATE \"C\" <> key ORDER BY key LIMIT 1",
               key_type);
}

static void insert_from(struct buf *out, const struct sql_target *t, const char *source)
{
    buf_printf(out, "INSERT INTO %s AS t (%s, %s", t->table, t->key, t->value);
    if (t->statistics)
        buf_printf(out, ", %s, %s, %s", t->count, t->min, t->max);
    buf_printf(out, ") SELECT s.key, s.sum%s FROM %s AS s ",
               t->statistics ? ", s.count, s.min, s.max" : "", source);
}

/* What a row, t, becomes when other totals of its key are added: those of `from`, named so. */
static void set_added(struct buf *out, const struct sql_target *t, const char *from,
                      const struct sql_target *names)
{
    buf_printf(out, "SET %s = COALESCE(t.%s, 0) + %s.%s", t->value, t->value, from, names->value);
    if (t->statistics)
        buf_printf(out,
                   ", %s = COALESCE(t.%s, 0) + %s.%s, %s = LEAST(t.%s, %s.%s), "
                   "%s = GREATEST(t.%s, %s.%s)",
                   t->count, t->count, from, names->count, t->min, t->min, from, names->min, t->max,
                   t->max, from, names->max);
}

static void merge_from(struct buf *out, const struct sql_target *t, const char *source)
{
    insert_from(out, t, source);
    buf_printf(out, "ORDER BY s.key COLLATE \"C\" ON CONFLICT (%s) DO UPDATE ", t->key);
    set_added(out, t, "EXCLUDED", t);
}

void sql_merge(struct buf *out, const struct sql_target *target)
{
    merge_from(out, target, STAGING);
}

void sql_explain_merge(struct buf *out, const struct sql_target *target)
{
    buf_add_text(out, "EXPLAIN ");
    merge_from(out, target,
               "(SELECT NULL::text COLLATE \"C\" AS key, NULL::bigint AS sum, "
               "NULL::bigint AS count, NULL::bigint AS min, NULL::bigint AS max)");
}

void sql_update_known(struct buf *out, const struct sql_target *target)
{
    static const struct sql_target staged = {
        .value = "sum", .count = "count", .min = "min", .max = "max"};

    buf_printf(out, "UPDATE %s AS t ", target->table);
    set_added(out, target, "s", &staged);
    buf_printf(out, " FROM " STAGING " AS s WHERE t.%s = s.key", target->key);
}

void sql_insert_new(struct buf *out, const struct sql_target *target)
{
    insert_from(out, target, STAGING);
    buf_printf(out,
               "WHERE NOT EXISTS (SELECT FROM %s AS known WHERE known.%s = s.key) "
               "ORDER BY s.key COLLATE \"C\"",
               target->table, target->key);
}

void sql_claim(struct buf *out, const struct sql_target *target)
{
    int param = 0;

    buf_printf(out, "INSERT INTO %s (", target->ledger);
    for (const struct fact *f = NULL; (f = next_column(f)) != NULL;)
        buf_printf(out, "%s%s", f == next_column(NULL) ? "" : ", ", f->column);
    buf_add_text(out, ") VALUES (");
    for (const struct fact *f = NULL; (f = next_column(f)) != NULL;) {
        buf_add_text(out, f == next_column(NULL) ? "" : ", ");
        if (f->made != NULL)
            buf_add_text(out, f->made);
        else
            buf_printf(out, "$%d::%s", ++param, type_of(f));
    }
    buf_add_text(out, ") ON CONFLICT (target, run_id, shard) DO NOTHING");
}

void sql_find_claim(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT input_digest, shards, applied_at, keys, "
               "COALESCE(applied_at <= $4::timestamptz, false) FROM %s "
               "WHERE target = $1::text AND run_id = $2::text AND shard = $3::int",
               target->ledger);
}

void sql_find_runs(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT input_digest, shards, applied_at, keys, "
               "COALESCE(applied_at <= $3::timestamptz, false), run_id, COALESCE(etag, '') FROM %s "
               "WHERE target = $1::text AND run_id = ANY ($2::text[]) AND shard = 0",
               target->ledger);
}

void sql_find_etags(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT run_id, etag FROM %s "
               "WHERE target = $1::text AND etag = ANY ($2::text[]) AND shard = 0",
               target->ledger);
}

void sql_note_etag(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "UPDATE %s SET etag = $1::text WHERE target = $2::text AND run_id = $3::text "
               "AND input_digest = $4::text AND shard = 0",
               target->ledger);
}

void sql_find_other_count(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT shards FROM %s WHERE target = $1::text AND run_id = $2::text "
               "AND shards <> $3::int LIMIT 1",
               target->ledger);
}

void sql_find_equal_shard(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT shard, applied_at FROM %s WHERE target = $1::text "
               "AND run_id = $2::text AND shard <> $3::int "
               "AND input_digest IN ($4::text, $5::text) AND keys > 0 "
               "ORDER BY shard LIMIT 1",
               target->ledger);
}

void sql_holds_rows(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT EXISTS (SELECT FROM %s) OR "
               "pg_catalog.row_security_active($1::regclass::oid)",
               target->table);
}

/* A time as text that means the same whatever the session's DateStyle and TimeZone. */
#define UTC_TEXT "pg_catalog.to_char(%s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"

void sql_newest_run(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT " UTC_TEXT " FROM %s WHERE target = $1::text AND keys > 0::bigint "
               "ORDER BY applied_at DESC LIMIT 1",
               "applied_at", target->ledger);
}

static void list_rows(struct buf *out, const char *from, bool as_json)
{
    buf_printf(out, "SELECT %s FROM (SELECT ", as_json ? "pg_catalog.row_to_json(r)" : "r.*");
    for (const struct fact *f = NULL; (f = next_column(f)) != NULL;) {
        buf_add_text(out, f == next_column(NULL) ? "" : ", ");
        if (f->kind == FACT_TIME)
            buf_printf(out, UTC_TEXT " AS ", f->column);
        buf_add_text(out, f->column);
    }
    buf_printf(out, " FROM %s) AS r ORDER BY r.applied_at, r.target, r.run_id, r.shard", from);
}

void sql_list_ledger(struct buf *out, const struct sql_target *target, bool as_json)
{
    list_rows(out, target->ledger, as_json);
}

void sql_forget_run(struct buf *out, const struct sql_target *target, bool as_json)
{
    buf_printf(out,
               "WITH gone AS (DELETE FROM %s WHERE target = $1::text AND run_id = $2::text "
               "RETURNING *) ",
               target->ledger);
    list_rows(out, "gone", as_json);
}

void sql_list_top(struct buf *out, const struct sql_target *target, int rows, bool as_json,
                  bool for_people)
{
    const struct sql_target *t = target;

    buf_printf(out, "SELECT %s FROM (SELECT ", as_json ? "pg_catalog.row_to_json(r)" : "r.*");
    if (for_people)
        buf_printf(out,
                   "pg_catalog.left(pg_catalog.regexp_replace(%s::text, "
                   "'[[:cntrl:]]', '?', 'g'), 60) AS %s",
                   t->key, t->key);
    else
        buf_add_text(out, t->key);
    buf_printf(out, ", %s FROM %s ORDER BY %s DESC NULLS LAST, %s.%s LIMIT %d) AS r", t->value,
               t->table, t->value, t->table, t->key, rows);
}

void sql_sum_table(struct buf *out, const struct sql_target *target)
{
    buf_printf(out,
               "SELECT pg_catalog.count(*), "
               "coalesce(pg_catalog.sum(%s), 0)::text FROM %s",
               target->value, target->table);
}

void sql_init_script(struct buf *out, const struct sql_target *target)
{
    const struct sql_target *t = target;

    buf_add_text(out, "-- For the owner of the database: psql -v ON_ERROR_STOP=1 -f THIS\n"
                      "-- Then: GRANT aggregator TO the user that loads.\nBEGIN;\n\n");
    sql_create_table(out, t);
    buf_add_text(out, ";\n\n");
    for (int version = 1; version <= LEDGER_VERSION; version++) {
        sql_ledger_step(out, t, version);
        buf_add_text(out, ";\n\n");
    }
    sql_label_ledger(out, t);
    buf_add_text(out, ";\n\nDO $$\nBEGIN\n"
                      "    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'aggregator') THEN\n"
                      "        CREATE ROLE aggregator NOLOGIN;\n"
                      "    END IF;\n"
                      "    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO aggregator',\n"
                      "                   current_database());\n"
                      "END\n$$;\n");
    if (t->schema != NULL)
        buf_printf(out, "GRANT USAGE ON SCHEMA %s TO aggregator;\n", t->schema);
    buf_printf(out, "GRANT SELECT, INSERT, UPDATE ON %s, %s TO aggregator;\n\nCOMMIT;\n", t->table,
               t->ledger);
}
