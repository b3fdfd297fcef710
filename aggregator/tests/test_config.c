#include "aggregator/config.h"

#include "common/tests/unit.h"

#include <unistd.h>

enum { ARGS_MAX = 12 };

/* Of the machine that the program sees; a limit of the tests' own control group is greater. */
static long pages = 1 << 20;

/* What else is asked, the sanitizers ask: how large a stack for signals is. */
long sysconf(int name)
{
    return name == _SC_PHYS_PAGES ? pages : name == _SC_PAGESIZE ? 4096 : 1 << 16;
}

/* One command line, read once. */
struct reading {
    struct config config;
    struct err err;
    enum options_outcome outcome;
    char *argv[ARGS_MAX + 2];
};

static void read_args(struct reading *ret, const char *const args[ARGS_MAX])
{
    int argc = 1;
    *ret = (struct reading){.argv = {(char *)(uintptr_t) "aggregator"}};
    for (; argc <= ARGS_MAX && args[argc - 1] != NULL; argc++)
        ret->argv[argc] = (char *)(uintptr_t)args[argc - 1];
    ret->outcome = config_read(&ret->config, argc, ret->argv, &ret->err);
}

#define READ(ret, ...) read_args(ret, (const char *const[ARGS_MAX]){__VA_ARGS__})

/* Nothing of the machine's own may decide. */
static int clean_environment(void **state)
{
    static const char *const prefixes[] = {"AGGREGATOR_", "DB_", "PG", "INPUT_FILE=", "TMPDIR="};
    char name[128];
    (void)state;
    for (char **at = environ; *at != NULL;) {
        bool ours = false;
        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
            ours = ours || strncmp(*at, prefixes[i], strlen(prefixes[i])) == 0;
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(*at, "="), *at);
        if (!ours || unsetenv(name) != 0)
            at++;
    }
    return 0;
}

static void printing_needs_no_database(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "--print", "csv", "a.jsonl", "b.jsonl");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.action, ACTION_FOLD_AND_PRINT);
    assert_int_equal(got.config.operand_count, 2);
    assert_string_equal(got.config.operands[1], "b.jsonl");
    assert_string_equal(got.config.key.text, "userId");
    assert_string_equal(got.config.value.text, "sessionDuration");
    assert_string_equal(got.config.table_name.table, "session_duration");
    assert_int_equal(got.config.max_line, 1 << 20);
    assert_int_equal(got.config.max_key, 1024);
    assert_true(got.config.threads >= 1 && got.config.max_memory >= FOLD_MEMORY_MIN);
    assert_string_equal(got.config.spill_dir, "/tmp");
}

static void input_has_a_default_and_two_variables(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "-p", "csv");
    assert_int_equal(got.config.operand_count, 1);
    assert_string_equal(got.config.operands[0], "events.jsonl");
    (void)setenv("INPUT_FILE", "fixed", 1);
    READ(&got, "-p", "csv");
    assert_string_equal(got.config.operands[0], "fixed");
    (void)setenv("AGGREGATOR_INPUT", "own", 1);
    READ(&got, "-p", "csv");
    assert_string_equal(got.config.operands[0], "own");
    READ(&got, "-p", "csv", "operand");
    assert_string_equal(got.config.operands[0], "operand");
    READ(&got, "-p", "csv", "--files-from", "list"); /* names what to read as well */
    assert_int_equal(got.config.operand_count, 0);
    assert_false(got.config.input_by_default);
}

static void tolerance_is_a_count_or_a_share(void **state)
{
    static const struct {
        const char *text;
        struct bad_line_policy policy;
    } good[] = {{"0", {.lines = 0}},
                {"10", {.lines = 10}},
                {"18446744073709551615", {.lines = UINT64_MAX}},
                {"0%", {.is_percent = true, .percent = 0}},
                {"2.5%", {.is_percent = true, .percent = 2.5}},
                {"100%", {.is_percent = true, .percent = 100}}};
    static const char *const bad[] = {"-1",  "1.5", "x",   "%",  "100.1%",
                                      "-1%", "1%%", "1 %", " 1", ""};
    struct reading got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        READ(&got, "-p", "csv", "--max-bad", good[i].text);
        CHECK(got.outcome == OPTIONS_RUN, "%s: %s", good[i].text, got.err.text);
        CHECK(got.config.bad_lines.is_percent == good[i].policy.is_percent &&
                  got.config.bad_lines.lines == good[i].policy.lines,
              "%s", good[i].text);
        assert_true(got.config.bad_lines.percent == good[i].policy.percent);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        READ(&got, "-p", "csv", "--max-bad", bad[i]);
        CHECK(got.outcome == OPTIONS_BAD && got.err.status == STATUS_USAGE, "'%s'", bad[i]);
        CHECK(strstr(got.err.text, "--max-bad") != NULL, "%s", got.err.text);
    }
}

static void what_does_not_fit_together_is_refused(void **state)
{
    static const struct {
        const char *args[ARGS_MAX], *says;
    } cases[] = {
        {{"a.jsonl"}, "no database is named"},
        {{"runs"}, "no database is named"},
        {{"--key", "k", "--value", "k", "-p", "csv"}, "both 'k'"},
        {{"--stats", "--key", "count", "-p", "csv"}, "--stats adds columns"},
        {{"--stats", "--value", "max", "-p", "json"}, "--stats adds columns"},
        {{"--shard", "1/2", "-p", "csv"}, "--shard 1/2 needs --run-id"},
        {{"--run-id", "x\xff", "-p", "csv"}, "--run-id: the value is not UTF-8"},
        {{"--key", "\xc3", "-p", "csv"}, "--key: the value is not UTF-8"},
        {{"--value", "\xed\xa0\x80", "-p", "csv"}, "--value: the value is not UTF-8"},
        {{"--table", "t\xff", "-p", "csv"}, "--table: the value is not UTF-8"},
        {{"--table", "a.b.c", "-p", "csv"}, "is not a table name"},
        {{"--table", "t\r", "-p", "csv"}, "--table: the value has a line end"},
        {{"--table", "\"a\tb\"", "-p", "csv"}, "--table: the value has a control character"},
        {{"--table", "totals ", "-p", "csv"}, "--table: the value begins or ends with a blank"},
        {{"--table", "{{item}}", "-p", "csv"}, "--table: the value has an Argo expression"},
        {{"--key", "a\n", "-p", "csv"}, "--key: the value has a line end"},
        {{"--value", "a\x7f", "-p", "csv"}, "--value: the value has a control character"},
        {{"--run-id", "one\n", "-p", "csv"}, "--run-id: the value has a line end"},
        {{"--run-id", " one", "-p", "csv"}, "--run-id: the value begins or ends with a blank"},
        {{"--run-id", "{{workflow.uid}}", "-p", "csv"}, "--run-id: the value has an Argo"},
        {{"--max-memory", "24M", "-p", "csv"}, "--max-memory 25165824 is less than"},
        {{"--max-memory", "64M", "--max-line", "64M", "-p", "csv"}, "is less than"},
        {{"--max-key", "2601", "-p", "csv"}, "out of range: 1 to 2600"},
        {{"--max-line", "63", "-p", "csv"}, "out of range: 64 to"},
        {{"--threads", "0", "-p", "csv"}, "out of range: 1 to"},
        {{"-d", "postgresql://h/d", "runs", "extra"}, "takes no 'extra'"},
        {{"-d", "postgresql://h/d", "--forget", "one", "a.jsonl"}, "--forget is for"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading got;
        read_args(&got, cases[i].args);
        CHECK(got.outcome == OPTIONS_BAD && got.err.status == STATUS_USAGE, "case %zu", i);
        CHECK(strstr(got.err.text, cases[i].says) != NULL, "case %zu: %s", i, got.err.text);
    }
}

static void names_and_run_ids_have_a_longest(void **state)
{
    static const struct {
        const char *option;
        size_t longest;
    } cases[] = {{"--key", SCAN_FIELD_NAME_LIMIT},
                 {"--value", SCAN_FIELD_NAME_LIMIT},
                 {"--run-id", 512},
                 {"--table", SQL_NAME_MAX}};
    char text[2000];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t extra = 0; extra < 2; extra++) {
            struct reading got;
            memset(text, 'n', cases[i].longest + extra);
            text[cases[i].longest + extra] = '\0';
            READ(&got, "-p", "csv", cases[i].option, text);
            CHECK((got.outcome == OPTIONS_RUN) == (extra == 0), "%s: %s", cases[i].option,
                  got.err.text);
        }
    }
}

static void database_comes_from_either_side(void **state)
{
    static const char *const variables[] = {"DB_URL", "DB_NAME", "DB_USER", "PGHOST", "PGSERVICE"};
    struct reading got;
    (void)state;
    READ(&got, "--dsn", "postgresql://me@host/name", "a.jsonl");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.action, ACTION_FOLD_AND_LOAD);
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        (void)clean_environment(NULL);
        (void)setenv(variables[i], "x", 1);
        READ(&got, "a.jsonl");
        CHECK(got.outcome == OPTIONS_RUN, "%s: %s", variables[i], got.err.text);
        (void)setenv(variables[i], "", 1);
        READ(&got, "a.jsonl");
        CHECK(got.outcome == OPTIONS_BAD, "empty %s", variables[i]);
    }
}

static void misleading_database_variables_are_explained(void **state)
{
    static const struct {
        const char *name, *value, *says;
    } cases[] = {
        {"DB_PORT", "tcp://10.0.0.1:5432", "enableServiceLinks"},
        {"DB_PORT", "0", "DB_PORT is '0'"},
        {"DB_PORT", "65536", "DB_PORT is '65536'"},
        {"DB_URL", "postgresql://host/db", "--dsn"},
        {"DB_URL", "host:5432", "the port in DB_PORT"},
        {"PGHOST", "host:5432", "the port in PGPORT"},
        {"DB_URL", "host\n", "DB_URL has a line end"},
        {"DB_USER", "me\n", "DB_USER has a line end"},
        {"DB_NAME", "events\n", "DB_NAME has a line end"},
        {"DB_NAME", "postgresql://me:pw@db/x", "DB_NAME is a database's name, not a URI"},
        {"PGPORT", "5432x", "PGPORT has a port that is not a number"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading got;
        (void)clean_environment(NULL);
        (void)setenv("DB_NAME", "events", 1);
        (void)setenv(cases[i].name, cases[i].value, 1);
        READ(&got, "a.jsonl");
        CHECK(got.outcome == OPTIONS_BAD && got.err.status == STATUS_USAGE, "case %zu", i);
        CHECK(strstr(got.err.text, cases[i].says) != NULL, "%s", got.err.text);
    }
}

static void memory_is_half_of_a_small_machines_and_never_too_little(void **state)
{
    static const struct {
        uint64_t mib, expected;
    } cases[] = {{128, 64 << 20}, {300, 150 << 20}, {8, FOLD_MEMORY_MIN + (1 << 20)}};
    struct reading got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        pages = (long)(cases[i].mib << 20) / 4096;
        READ(&got, "--print", "csv", "a.jsonl");
        assert_int_equal(got.outcome, OPTIONS_RUN);
        assert_int_equal(got.config.max_memory, cases[i].expected);
    }
}

static void actions_are_told_by_option_and_operand(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "--init-sql");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.action, ACTION_INIT_SQL);
    READ(&got, "-d", "postgresql://h/d", "runs");
    assert_int_equal(got.config.action, ACTION_RUNS);
    READ(&got, "-d", "postgresql://h/d", "./runs");
    assert_int_equal(got.config.action, ACTION_FOLD_AND_LOAD);
    (void)setenv("AGGREGATOR_INIT_SQL", "1", 1);
    READ(&got, "-p", "csv");
    assert_int_equal(got.config.action, ACTION_FOLD_AND_PRINT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean_environment, clean_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(printing_needs_no_database),
        TEST(input_has_a_default_and_two_variables),
        TEST(tolerance_is_a_count_or_a_share),
        TEST(what_does_not_fit_together_is_refused),
        TEST(names_and_run_ids_have_a_longest),
        TEST(database_comes_from_either_side),
        TEST(misleading_database_variables_are_explained),
        TEST(memory_is_half_of_a_small_machines_and_never_too_little),
        TEST(actions_are_told_by_option_and_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
