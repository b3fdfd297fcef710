#include "aggregator/load/sql_text.h"

#include "common/tests/unit.h"

static const struct sql_target hostile = {.schema = "\"s\"\"x\"",
                                          .table = "\"s\"\"x\".\"t; DROP TABLE t\"",
                                          .ledger = "\"s\"\"x\".\"aggregator_runs\"",
                                          .key = "\"user'Id\"",
                                          .value = "\"%s%n\"",
                                          .statistics = true,
                                          .count = "\"count\"",
                                          .min = "\"min\"",
                                          .max = "\"max\""};

static const char *text_of(const struct buf *buf)
{
    struct err err = {0};
    assert_true(buf_ok(buf, &err));
    return buf->data;
}

static void identifiers_double_their_quotes(void **state)
{
    static const struct {
        const char *name, *sql;
    } cases[] = {
        {"userId", "\"userId\""},
        {"a b", "\"a b\""},
        {"", "\"\""},
        {"\"", "\"\"\"\""},
        {"a\"b\"\"c", "\"a\"\"b\"\"\"\"c\""},
        {"a'b;--\\", "\"a'b;--\\\""},
        {"caf\xc3\xa9", "\"caf\xc3\xa9\""},
        {"\"; DROP TABLE x; --", "\"\"\"; DROP TABLE x; --\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 256);
        sql_add_identifier(&out, cases[i].name);
        assert_string_equal(text_of(&out), cases[i].sql);
    }
}

static void table_names_have_one_or_two_parts(void **state)
{
    static const struct {
        const char *text, *schema, *table;
    } cases[] = {
        {"totals", "", "totals"},
        {"Totals", "", "Totals"},
        {"reports.totals", "reports", "totals"},
        {"\"reports\".totals", "reports", "totals"},
        {"reports.\"totals\"", "reports", "totals"},
        {"\"a.b\".\"c.d\"", "a.b", "c.d"},
        {"\"a.b\"", "", "a.b"},
        {"\"a\"\"b\"", "", "a\"b"},
        {"\"\"\"\"", "", "\""},
        {"\"\"\"\".\"\"\"\"\"\"", "\"", "\"\""},
        {"a b", "", "a b"},
        {"a\"b", "", "a\"b"},
        {"caf\xc3\xa9", "", "caf\xc3\xa9"},
        {"\"a\".b\"c", "a", "b\"c"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sql_name name;
        struct err err = {0};
        CHECK(sql_parse_name(cases[i].text, &name, &err), "%s: %s", cases[i].text, err.text);
        CHECK(strcmp(name.schema, cases[i].schema) == 0, "%s: %s", cases[i].text, name.schema);
        CHECK(strcmp(name.table, cases[i].table) == 0, "%s: %s", cases[i].text, name.table);
    }
}

static void other_names_are_refused(void **state)
{
    static const char *const cases[] = {"",        ".",           "a.",       ".a",
                                        "a..b",    "a.b.c",       "a.b.",     "\"",
                                        "\"\"",    "\"\".a",      "a.\"\"",   "\"a",
                                        "\"a\"\"", "\"a\"\"\"\"", "a.\"b",    "a.\"b\"\"",
                                        "\"a\"b",  "\"a\" .b",    "\"a\"\"b", "\"a\".\"b\".\"c\""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sql_name name = {.table = "untouched"};
        struct err err = {0};
        char *text = (char *)exact_copy(cases[i], strlen(cases[i]) + 1);
        CHECK(!sql_parse_name(text, &name, &err), "%s: %s . %s", cases[i], name.schema, name.table);
        CHECK(err.status == STATUS_USAGE, "%s", cases[i]);
        CHECK(strcmp(name.table, "untouched") == 0, "%s", cases[i]);
        free(text);
    }
}

static void names_are_not_cut_as_postgresql_would(void **state)
{
    char longest[SQL_NAME_MAX + 1], longer[SQL_NAME_MAX + 2], text[4 * SQL_NAME_MAX];
    struct sql_name name;
    struct err err = {0};
    (void)state;
    memset(longest, 'n', SQL_NAME_MAX);
    longest[SQL_NAME_MAX] = '\0';
    memset(longer, 'n', SQL_NAME_MAX + 1);
    longer[SQL_NAME_MAX + 1] = '\0';
    static const char *const frames[] = {"%s", "\"%s\"", "a.%s", "%s.a", "\"%s\".\"a\""};
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        const char *at = strstr(frames[i], "%s");
        for (int too_long = 0; too_long < 2; too_long++) {
            (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - frames[i]), frames[i],
                           too_long ? longer : longest, at + 2);
            CHECK(sql_parse_name(text, &name, &err) == !too_long, "%s", text);
        }
    }
}

static void names_are_quoted_and_folded_on_demand(void **state)
{
    static const struct {
        struct sql_name name;
        bool fold;
        const char *sql;
    } cases[] = {
        {{.table = "Totals"}, false, "\"Totals\""},
        {{.table = "Totals"}, true, "\"totals\""},
        {{.schema = "My.S", .table = "T\"x"}, false, "\"My.S\".\"T\"\"x\""},
        {{.schema = "My.S", .table = "T\"x"}, true, "\"my.s\".\"t\"\"x\""},
        {{.table = "\xc3\x89\x5b\x40Z"}, true, "\"\xc3\x89[@z\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 256);
        sql_add_name(&out, &cases[i].name, cases[i].fold);
        assert_string_equal(text_of(&out), cases[i].sql);
    }
}

typedef void builder(struct buf *out, const struct sql_target *target);

static void list_as_rows(struct buf *out, const struct sql_target *target)
{
    sql_list_ledger(out, target, false);
}

static void list_as_json(struct buf *out, const struct sql_target *target)
{
    sql_list_ledger(out, target, true);
}

static void forget_run(struct buf *out, const struct sql_target *target)
{
    sql_forget_run(out, target, false);
}

static void find_cut_key(struct buf *out, const struct sql_target *target)
{
    (void)target;
    sql_find_cut_key(out, "character varying(10)");
}

static void first_ledger_step(struct buf *out, const struct sql_target *target)
{
    sql_ledger_step(out, target, 1);
}

static void second_ledger_step(struct buf *out, const struct sql_target *target)
{
    sql_ledger_step(out, target, 2);
}

static void last_ledger_step(struct buf *out, const struct sql_target *target)
{
    sql_ledger_step(out, target, LEDGER_VERSION);
}

static const struct {
    const char *name;
    builder *build;
    const char *parts[8]; /* in this order */
} statements[] = {
    {"create table",
     sql_create_table,
     {"CREATE TABLE IF NOT EXISTS \"s\"\"x\".\"t; DROP TABLE t\" (",
      "\"user'Id\" text COLLATE \"C\"", "\"%s%n\" bigint NOT NULL", "\"count\" bigint NOT NULL",
      "\"max\" bigint NOT NULL"}},
    {"create ledger",
     first_ledger_step,
     {"CREATE TABLE IF NOT EXISTS \"s\"\"x\".\"aggregator_runs\" (", "total numeric",
      "PRIMARY KEY (target, run_id, shard)"}},
    {"last ledger step",
     last_ledger_step,
     {"ALTER TABLE \"s\"\"x\".\"aggregator_runs\" ADD COLUMN IF NOT EXISTS"}},
    {"ledger label",
     sql_label_ledger,
     {"COMMENT ON TABLE \"s\"\"x\".\"aggregator_runs\" IS '", "ledger version 4'"}},
    {"staging",
     sql_create_staging,
     {"CREATE TEMPORARY TABLE", "COLLATE \"C\"", "sum bigint, count bigint, min bigint, max bigint",
      "ON COMMIT DROP"}},
    {"copy", sql_copy_staging, {"COPY pg_temp.", "FROM STDIN (FORMAT binary)"}},
    {"cut key", find_cut_key, {"key::character varying(10)", "LIMIT 1"}},
    {"merge",
     sql_merge,
     {"INSERT INTO \"s\"\"x\".\"t; DROP TABLE t\" AS t (\"user'Id\", \"%s%n\", \"count\"",
      "ORDER BY s.key COLLATE \"C\"", "ON CONFLICT (\"user'Id\") DO UPDATE",
      "\"%s%n\" = COALESCE(t.\"%s%n\", 0) + EXCLUDED.\"%s%n\"",
      "LEAST(t.\"min\", EXCLUDED.\"min\")", "GREATEST(t.\"max\", EXCLUDED.\"max\")"}},
    {"explained merge",
     sql_explain_merge,
     {"EXPLAIN INSERT INTO \"s\"\"x\".\"t; DROP TABLE t\" AS t (", "(SELECT NULL::text", ") AS s ",
      "ON CONFLICT (\"user'Id\") DO UPDATE"}},
    {"known keys",
     sql_update_known,
     {"UPDATE \"s\"\"x\".\"t; DROP TABLE t\" AS t SET ",
      "\"%s%n\" = COALESCE(t.\"%s%n\", 0) + s.sum", "LEAST(t.\"min\", s.min)",
      "GREATEST(t.\"max\", s.max)", "WHERE t.\"user'Id\" = s.key"}},
    {"new keys",
     sql_insert_new,
     {"INSERT INTO \"s\"\"x\".\"t; DROP TABLE t\" AS t (\"user'Id\", \"%s%n\", \"count\"",
      "NOT EXISTS (SELECT FROM \"s\"\"x\".\"t; DROP TABLE t\" AS known WHERE known.\"user'Id\" = "
      "s.key)",
      "ORDER BY s.key COLLATE \"C\""}},
    {"claim",
     sql_claim,
     {"INSERT INTO \"s\"\"x\".\"aggregator_runs\" (target, run_id, shard, shards", "$15::text",
      "ON CONFLICT (target, run_id, shard) DO NOTHING"}},
    {"find claim", sql_find_claim, {"FROM \"s\"\"x\".\"aggregator_runs\"", "shard = $3::int"}},
    {"runs", sql_find_runs, {"run_id, COALESCE(etag, '')", "run_id = ANY ($2::text[])"}},
    {"ETags", sql_find_etags, {"etag = ANY ($2::text[])"}},
    {"note", sql_note_etag, {"SET etag = $1::text", "input_digest = $4::text"}},
    {"other count", sql_find_other_count, {"shards <> $3::int"}},
    {"equal shard", sql_find_equal_shard, {"shard <> $3::int", "keys > 0"}},
    {"list", list_as_rows, {"SELECT r.*", "FROM \"s\"\"x\".\"aggregator_runs\"", "ORDER BY"}},
    {"list as JSON", list_as_json, {"row_to_json(r)", "ORDER BY"}},
    {"forget",
     forget_run,
     {"DELETE FROM \"s\"\"x\".\"aggregator_runs\" WHERE target = $1::text AND run_id = $2::text",
      "SELECT r.*", "FROM gone"}},
    {"holds rows", sql_holds_rows, {"FROM \"s\"\"x\".\"t; DROP TABLE t\""}},
    {"newest run", sql_newest_run, {"FROM \"s\"\"x\".\"aggregator_runs\"", "keys > 0", "LIMIT 1"}},
    {"set-up",
     sql_init_script,
     {"BEGIN;", "CREATE TABLE IF NOT EXISTS", "ALTER TABLE", "COMMENT ON TABLE",
      "CREATE ROLE aggregator NOLOGIN", "GRANT USAGE ON SCHEMA \"s\"\"x\" TO aggregator",
      "GRANT SELECT, INSERT, UPDATE ON", "COMMIT;"}},
};

static void statements_name_only_what_was_given_quoted(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        OWNED_BUF(out, 1 << 16);
        statements[i].build(&out, &hostile);
        const char *at = text_of(&out);
        for (size_t p = 0; p < ARRAY_LEN(statements[i].parts); p++) {
            const char *part = statements[i].parts[p];
            if (part == NULL)
                break;
            at = strstr(at, part);
            CHECK(at != NULL, "%s: no %s in %s", statements[i].name, part, out.data);
        }
    }
}

/* Ledgers of other versions of this program are written and read with these. */
static void the_ledgers_statements_are_these_to_the_byte(void **state)
{
#define COLUMNS                                                                                    \
    "target, run_id, shard, shards, input_lines, input_bytes, input_digest, bad_lines, "           \
    "accepted, etag, keys, total, seconds, peak_rss_bytes, program_version, "
    static const struct {
        builder *build;
        const char *text;
    } cases[] = {
        {first_ledger_step,
         "CREATE TABLE IF NOT EXISTS runs (\n    target text NOT NULL,\n"
         "    run_id text NOT NULL,\n    shard int NOT NULL,\n    shards int NOT NULL,\n"
         "    input_lines bigint NOT NULL,\n    input_bytes bigint NOT NULL,\n"
         "    input_digest text NOT NULL,\n    bad_lines bigint NOT NULL,\n"
         "    keys bigint NOT NULL,\n    total numeric NOT NULL,\n"
         "    seconds double precision NOT NULL,\n    peak_rss_bytes bigint,\n"
         "    program_version text NOT NULL,\n    applied_at timestamptz NOT NULL,\n"
         "    PRIMARY KEY (target, run_id, shard)\n)"},
        {second_ledger_step, "ALTER TABLE runs ADD COLUMN IF NOT EXISTS applied_by text"},
        {last_ledger_step, "ALTER TABLE runs ADD COLUMN IF NOT EXISTS etag text"},
        {sql_claim,
         "INSERT INTO runs (" COLUMNS "applied_at, applied_by) VALUES ($1::text, $2::text, "
         "$3::int, $4::int, $5::bigint, $6::bigint, $7::text, $8::bigint, $9::text, "
         "$10::text, $11::bigint, $12::numeric, $13::double precision, $14::bigint, $15::text, "
         "pg_catalog.clock_timestamp(), SESSION_USER::text) "
         "ON CONFLICT (target, run_id, shard) DO NOTHING"},
        {list_as_rows,
         "SELECT r.* FROM (SELECT " COLUMNS "pg_catalog.to_char(applied_at AT TIME ZONE 'UTC', "
         "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS applied_at, applied_by FROM runs) AS r "
         "ORDER BY r.applied_at, r.target, r.run_id, r.shard"},
    };
    static const struct sql_target target = {.ledger = "runs"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 1 << 16);
        cases[i].build(&out, &target);
        assert_string_equal(text_of(&out), cases[i].text);
    }
}

static void without_statistics_no_column_is_named(void **state)
{
    static builder *const builders[] = {sql_create_table, sql_create_staging, sql_merge,
                                        sql_update_known, sql_insert_new};
    struct sql_target plain = hostile;
    (void)state;
    plain.statistics = false;
    plain.count = plain.min = plain.max = NULL;
    for (size_t i = 0; i < ARRAY_LEN(builders); i++) {
        OWNED_BUF(out, 1 << 16);
        builders[i](&out, &plain);
        const char *text = text_of(&out);
        CHECK(strstr(text, "count") == NULL && strstr(text, "min") == NULL &&
                  strstr(text, "(null)") == NULL,
              "%s", text);
    }
}

static void without_a_schema_none_is_granted(void **state)
{
    struct sql_target plain = hostile;
    OWNED_BUF(out, 1 << 16);
    (void)state;
    plain.schema = NULL;
    sql_init_script(&out, &plain);
    assert_null(strstr(text_of(&out), "USAGE ON SCHEMA"));
}

static void full_buffer_is_a_failure(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
        OWNED_BUF(whole, 1 << 16);
        struct err err = {0};
        statements[i].build(&whole, &hostile);
        for (size_t max = 0; max < whole.len; max += 1 + whole.len / 40) {
            struct buf out;
            buf_init(&out, max);
            statements[i].build(&out, &hostile);
            CHECK(!buf_ok(&out, &err), "%s in %zu", statements[i].name, max);
            CHECK(err.status == STATUS_BUG, "%s in %zu", statements[i].name, max);
            buf_release(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_double_their_quotes),
        cmocka_unit_test(table_names_have_one_or_two_parts),
        cmocka_unit_test(other_names_are_refused),
        cmocka_unit_test(names_are_not_cut_as_postgresql_would),
        cmocka_unit_test(names_are_quoted_and_folded_on_demand),
        cmocka_unit_test(statements_name_only_what_was_given_quoted),
        cmocka_unit_test(the_ledgers_statements_are_these_to_the_byte),
        cmocka_unit_test(without_statistics_no_column_is_named),
        cmocka_unit_test(without_a_schema_none_is_granted),
        cmocka_unit_test(full_buffer_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
