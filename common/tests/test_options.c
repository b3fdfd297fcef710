#include "common/options.h"

#include "common/tests/scratch.h"

struct config {
    uint64_t events, size, wait;
    double skew;
    const char *output, *name;
    bool verbose, dry;
    int colour;
    struct shard shard;
    struct common_options common;
};

static const struct option_spec specs[] = {
    {.name = "events",
     .short_name = 'n',
     .arg = "N",
     .fallback = "1500",
     .parse = option_u64,
     .offset = offsetof(struct config, events),
     .help = "how many",
     .min = 1,
     .max = 1000000},
    {.name = "max-size",
     .arg = "SIZE",
     .fallback = "1M",
     .parse = option_size,
     .offset = offsetof(struct config, size),
     .help = "how large",
     .min = 64,
     .max = 1 << 30},
    {.name = "wait",
     .short_name = 'w',
     .arg = "TIME",
     .parse = option_duration,
     .offset = offsetof(struct config, wait),
     .help = "how long",
     .max = 60000},
    {.name = "skew",
     .arg = "S",
     .fallback = "0",
     .parse = option_decimal,
     .offset = offsetof(struct config, skew),
     .help = "how uneven",
     .max = 4},
    {.name = "output",
     .short_name = 'o',
     .arg = "FILE",
     .fallback = "out.jsonl",
     .parse = option_text,
     .offset = offsetof(struct config, output),
     .help = "where to",
     .env_alias = "UNIT_OUTPUT_FILE"},
    {.name = "name",
     .arg = "TEXT",
     .parse = option_text,
     .offset = offsetof(struct config, name),
     .help = "what to call it"},
    {.name = "verbose",
     .short_name = 'v',
     .parse = option_flag,
     .offset = offsetof(struct config, verbose),
     .help = "say more"},
    {.name = "dry-run",
     .short_name = 'd',
     .parse = option_flag,
     .offset = offsetof(struct config, dry),
     .help = "do nothing",
     .argv_only = true},
    {.name = "colour",
     .arg = "auto|never",
     .fallback = "auto",
     .parse = option_choice,
     .offset = offsetof(struct config, colour),
     .help = "paint",
     .choices = "auto|always|never"},
    {.name = "shard",
     .arg = "I/N",
     .fallback = "0/1",
     .parse = option_shard,
     .offset = offsetof(struct config, shard),
     .help = "which part"},
    COMMON_OPTIONS(struct config, common),
    {.name = NULL},
};

static const struct program_info info = {.name = "unit",
                                         .env_prefix = "UNIT",
                                         .operands = "[FILE...]",
                                         .summary = "Tests options.",
                                         .epilog = "Examples:\n  unit -n 1\n"};

static const char *const variables[] = {
    "UNIT_EVENTS",  "UNIT_MAX_SIZE", "UNIT_WAIT",   "UNIT_OUTPUT",     "UNIT_OUTPUT_FILE",
    "UNIT_VERBOSE", "UNIT_DRY_RUN",  "UNIT_COLOUR", "UNIT_LOG_FORMAT", "UNIT_NAME"};

static int clean_environment(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        (void)unsetenv(variables[i]);
    return 0;
}

enum { ARGS_MAX = 12 };

/* One command line, read once. */
struct reading {
    struct config config;
    struct operands operands;
    struct err err;
    enum options_outcome outcome;
    char *argv[ARGS_MAX + 2];
};

static void read_with(const struct program_info *program, struct reading *ret,
                      const char *const args[ARGS_MAX])
{
    int argc = 1;
    *ret = (struct reading){.argv = {(char *)(uintptr_t) "unit"}};
    for (; argc <= ARGS_MAX && args[argc - 1] != NULL; argc++)
        ret->argv[argc] = (char *)(uintptr_t)args[argc - 1];
    ret->outcome =
        options_read(program, specs, &ret->config, &ret->operands, argc, ret->argv, &ret->err);
}

#define READ(ret, ...) read_with(&info, ret, (const char *const[ARGS_MAX]){__VA_ARGS__})

static void defaults_fill_what_is_not_given(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, NULL);
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.events, 1500);
    assert_int_equal(got.config.size, 1 << 20);
    assert_int_equal(got.config.wait, 0);
    assert_string_equal(got.config.output, "out.jsonl");
    assert_null(got.config.name);
    assert_false(got.config.verbose || got.config.dry);
    assert_int_equal(got.config.colour, 0);
    assert_int_equal(got.config.shard.count, 1);
    assert_int_equal(got.config.common.log_format, LOG_AUTO);
    assert_null(got.config.common.report);
    assert_int_equal(got.operands.count, 0);
}

static void every_way_to_write_a_value_works(void **state)
{
    static const char *const ways[][3] = {{"--events", "7"}, {"--events=7"}, {"-n", "7"}, {"-n7"},
                                          {"-vn7"},          {"-vn", "7"},   {"-vdn7"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        struct reading got;
        READ(&got, ways[i][0], ways[i][1]);
        CHECK(got.outcome == OPTIONS_RUN, "%s: %s", ways[i][0], got.err.text);
        CHECK(got.config.events == 7, "%s", ways[i][0]);
        CHECK(got.config.verbose == (ways[i][0][1] == 'v'), "%s", ways[i][0]);
    }
}

static void every_kind_of_value_reaches_its_field(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "--max-size=2K", "-w1.5s", "--skew", "1.25", "--colour=never", "--shard", "3/4",
         "--report=r.json", "--log-format=json", "-v", "--name=n=m");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.size, 2048);
    assert_int_equal(got.config.wait, 1500);
    assert_true(got.config.skew > 1.2499 && got.config.skew < 1.2501);
    assert_int_equal(got.config.colour, 2);
    assert_int_equal(got.config.shard.index, 3);
    assert_int_equal(got.config.shard.count, 4);
    assert_string_equal(got.config.common.report, "r.json");
    assert_int_equal(got.config.common.log_format, LOG_JSON);
    assert_true(got.config.verbose);
    assert_string_equal(got.config.name, "n=m");
}

static void the_last_of_several_counts(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "-n1", "--events=2", "-n", "3");
    assert_int_equal(got.config.events, 3);
}

static void values_may_start_with_dashes(void **state)
{
    static const char *const values[] = {"-", "--", "-5", "--events", "--no-such", "-x"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        struct reading got;
        READ(&got, "--output", values[i], "-v");
        CHECK(got.outcome == OPTIONS_RUN, "%s: %s", values[i], got.err.text);
        assert_string_equal(got.config.output, values[i]);
        assert_true(got.config.verbose);
        READ(&got, "-o", values[i], "file");
        assert_string_equal(got.config.output, values[i]);
        assert_int_equal(got.operands.count, 1);
    }
}

static void operands_are_what_is_left(void **state)
{
    struct reading got;
    (void)state;
    READ(&got, "a", "-v", "-", "--events", "5", "b", "--", "--events", "-x");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.operands.count, 5);
    static const char *const expected[] = {"a", "-", "b", "--events", "-x"};
    for (int i = 0; i < 5; i++)
        assert_string_equal(got.operands.item[i], expected[i]);
    assert_int_equal(got.config.events, 5);
}

static void operands_are_refused_where_there_are_none(void **state)
{
    struct program_info none = info;
    struct reading got;
    (void)state;
    none.operands = NULL;
    read_with(&none, &got, (const char *const[ARGS_MAX]){"stray"});
    assert_int_equal(got.outcome, OPTIONS_BAD);
    assert_int_equal(got.err.status, STATUS_USAGE);
    assert_string_equal(got.err.text, "unexpected argument 'stray'; see --help");
}

static void bad_command_lines_name_what_is_wrong(void **state)
{
    static const struct {
        const char *args[ARGS_MAX], *says;
    } cases[] = {
        {{"--event", "5"}, "unknown option --event (did you mean --events?); see --help"},
        {{"--ev=5"}, "unknown option --ev (did you mean --events?)"},
        {{"--verb"}, "unknown option --verb (did you mean --verbose?)"},
        {{"--outptu", "x"}, "unknown option --outptu (did you mean --output?)"},
        {{"--max_size=1K"}, "unknown option --max_size (did you mean --max-size?)"},
        {{"--EVENTS=5"}, "unknown option --EVENTS; see --help"},
        {{"--hel"}, "unknown option --hel"},
        {{"--usage"}, "unknown option --usage"},
        {{"--zzz"}, "unknown option --zzz; see --help"},
        {{"-x"}, "unknown option -x"},
        {{"-vx"}, "unknown option -x"},
        {{"file", "-x"}, "unknown option -x"},
        {{"--events"}, "--events needs a value"},
        {{"-n"}, "-n needs a value"},
        {{"-vn"}, "-vn needs a value"},
        {{"--verbose=yes"}, "--verbose takes no value"},
        {{"--help=yes"}, "--help takes no value"},
        {{"--events="}, "--events: '' is not a whole number from 1 to 1000000"},
        {{"--events", ""}, "--events: '' is not a whole number"},
        {{"--events", "-5"}, "--events: '-5' is not a whole number"},
        {{"--events=x"}, "--events: 'x' is not a whole number"},
        {{"--events=1e3"}, "--events: '1e3' is not a whole number"},
        {{"--events=0"}, "--events: '0' is out of range: 1 to 1000000"},
        {{"--events=1000001"}, "--events: '1000001' is out of range: 1 to 1000000"},
        {{"--events=99999999999999999999"}, "is out of range: 1 to 1000000"},
        {{"--max-size=63"}, "--max-size: '63' is out of range: 64 to 1073741824 bytes"},
        {{"--max-size=2G"}, "--max-size: '2G' is out of range"},
        {{"--max-size=1X"}, "--max-size: '1X' is not a size such as"},
        {{"--wait=61s"}, "--wait: '61s' is out of range: 0ms to 60s"},
        {{"--wait=soon"}, "--wait: 'soon' is not a duration such as"},
        {{"--skew=4.5"}, "--skew: '4.5' is out of range: 0 to 4"},
        {{"--skew=-1"}, "--skew: '-1' is not a decimal number"},
        {{"--skew=nan"}, "--skew: 'nan' is not a decimal number"},
        {{"--output="}, "--output: the value is empty"},
        {{"--colour=blue"}, "--colour: 'blue' is not one of auto|always|never"},
        {{"--colour=auto|always"}, "--colour: 'auto|always' is not one of"},
        {{"--colour=aut"}, "--colour: 'aut' is not one of"},
        {{"--colour="}, "--colour: '' is not one of"},
        {{"--shard=4/4"}, "--shard: '4/4' is not I/N"},
        {{"--shard=4"}, "--shard: '4' is not I/N"},
        {{"--log-format=xml"}, "--log-format: 'xml' is not one of auto|text|json"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading got;
        read_with(&info, &got, cases[i].args);
        CHECK(got.outcome == OPTIONS_BAD, "case %zu: %s", i, cases[i].args[0]);
        CHECK(got.err.status == STATUS_USAGE, "%s", cases[i].args[0]);
        CHECK(strstr(got.err.text, cases[i].says) != NULL, "%s: %s", cases[i].args[0],
              got.err.text);
    }
}

static void ends_of_a_range_belong_to_it(void **state)
{
    static const char *const cases[] = {"--events=1",     "--events=1000000", "--max-size=64",
                                        "--max-size=1G",  "--wait=0",         "--wait=60s",
                                        "--wait=60000ms", "--wait=1m",        "--skew=0",
                                        "--skew=4",       "--skew=4.000000"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading got;
        READ(&got, cases[i]);
        CHECK(got.outcome == OPTIONS_RUN, "%s: %s", cases[i], got.err.text);
    }
}

static void environment_beats_the_default(void **state)
{
    struct reading got;
    (void)state;
    (void)setenv("UNIT_EVENTS", "42", 1);
    (void)setenv("UNIT_MAX_SIZE", "3K", 1);
    (void)setenv("UNIT_VERBOSE", "yes", 1);
    (void)setenv("UNIT_LOG_FORMAT", "text", 1);
    READ(&got, NULL);
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.events, 42);
    assert_int_equal(got.config.size, 3072);
    assert_true(got.config.verbose);
    assert_int_equal(got.config.common.log_format, LOG_TEXT);
}

static void option_beats_the_environment(void **state)
{
    struct reading got;
    (void)state;
    (void)setenv("UNIT_EVENTS", "42", 1);
    (void)setenv("UNIT_MAX_SIZE", "not even a size", 1);
    READ(&got, "-n", "7", "--max-size", "64");
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.events, 7);
    assert_int_equal(got.config.size, 64);
}

static void empty_variable_is_unset(void **state)
{
    struct reading got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(variables); i++)
        (void)setenv(variables[i], "", 1);
    READ(&got, NULL);
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_int_equal(got.config.events, 1500);
    assert_string_equal(got.config.output, "out.jsonl");
    assert_null(got.config.name);
}

static void own_variable_beats_the_fixed_name(void **state)
{
    struct reading got;
    (void)state;
    (void)setenv("UNIT_OUTPUT_FILE", "fixed", 1);
    READ(&got, NULL);
    assert_string_equal(got.config.output, "fixed");
    (void)setenv("UNIT_OUTPUT", "own", 1);
    READ(&got, NULL);
    assert_string_equal(got.config.output, "own");
    (void)setenv("UNIT_OUTPUT", "", 1);
    READ(&got, NULL);
    assert_string_equal(got.config.output, "fixed");
}

static void flags_in_the_environment_have_words(void **state)
{
    static const struct {
        const char *word;
        bool good, value;
    } cases[] = {{"1", true, true},   {"true", true, true},   {"YES", true, true},
                 {"on", true, true},  {"0", true, false},     {"False", true, false},
                 {"no", true, false}, {"off", true, false},   {"2", false, false},
                 {"y", false, false}, {"maybe", false, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading got;
        (void)setenv("UNIT_VERBOSE", cases[i].word, 1);
        READ(&got, NULL);
        CHECK(got.outcome == (cases[i].good ? OPTIONS_RUN : OPTIONS_BAD), "'%s'", cases[i].word);
        CHECK(got.config.verbose == cases[i].value, "'%s'", cases[i].word);
    }
}

static void bad_variable_is_named_with_its_option(void **state)
{
    struct reading got;
    (void)state;
    (void)setenv("UNIT_EVENTS", "many", 1);
    READ(&got, NULL);
    assert_int_equal(got.outcome, OPTIONS_BAD);
    assert_int_equal(got.err.status, STATUS_USAGE);
    assert_string_equal(got.err.text, "UNIT_EVENTS (the environment's --events): 'many' is not a "
                                      "whole number from 1 to 1000000");
}

static void actions_are_not_read_from_the_environment(void **state)
{
    struct reading got;
    (void)state;
    (void)setenv("UNIT_DRY_RUN", "1", 1);
    READ(&got, NULL);
    assert_int_equal(got.outcome, OPTIONS_RUN);
    assert_false(got.config.dry);
}

/* What a command line prints on stdout; the caller frees. */
static char *printed(struct reading *got, const char *arg, const char *to)
{
    char *path = to == NULL ? scratch_path("printed") : strdup(to);
    (void)fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)dup2(fileno(file), STDOUT_FILENO);
    READ(got, arg);
    clearerr(stdout);
    (void)dup2(kept, STDOUT_FILENO);
    (void)close(kept);
    (void)fclose(file);
    char *text = to == NULL ? scratch_read(path, NULL) : NULL;
    free(path);
    return text;
}

static void help_names_every_option_in_95_columns(void **state)
{
    struct reading got;
    char *text = printed(&got, "--help", NULL), name[64];
    (void)state;
    assert_int_equal(got.outcome, OPTIONS_DONE);
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        (void)snprintf(name, sizeof name, "--%s", spec->name);
        CHECK(strstr(text, name) != NULL, "%s", name);
    }
    assert_non_null(strstr(text, "-n, --events=N"));
    assert_non_null(strstr(text, "how many [1500]"));
    assert_non_null(strstr(text, "[out.jsonl] ($UNIT_OUTPUT_FILE)"));
    assert_non_null(strstr(text, "UNIT_<NAME>"));
    assert_non_null(strstr(text, "Examples:\n  unit -n 1\n"));
    for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") <= 95, "%.*s", (int)strcspn(line, "\n"), line);
    free(text);
}

static void help_is_printed_whatever_else_is_asked(void **state)
{
    static const char *const asks[] = {"-?", "-v?", "-?v"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct reading got;
        char *text = printed(&got, asks[i], NULL);
        CHECK(got.outcome == OPTIONS_DONE, "%s", asks[i]);
        CHECK(strstr(text, "Tests options.") != NULL, "%s", asks[i]);
        free(text);
    }
}

static void version_is_one_line(void **state)
{
    static const char *const asks[] = {"--version", "-V"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct reading got;
        char *text = printed(&got, asks[i], NULL);
        CHECK(got.outcome == OPTIONS_DONE, "%s", asks[i]);
        CHECK(strncmp(text, "unit ", 5) == 0 && strchr(text, '\n') == text + strlen(text) - 1, "%s",
              text);
        free(text);
    }
}

static void help_that_cannot_be_written_is_a_failure(void **state)
{
    static const char *const asks[] = {"--help", "--version"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        struct reading got;
        (void)printed(&got, asks[i], "/dev/full");
        CHECK(got.outcome == OPTIONS_BAD, "%s", asks[i]);
        CHECK(got.err.status == STATUS_TRANSIENT, "%s: %s", asks[i], got.err.text);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clean_environment, clean_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_fill_what_is_not_given),
        TEST(every_way_to_write_a_value_works),
        TEST(every_kind_of_value_reaches_its_field),
        TEST(the_last_of_several_counts),
        TEST(values_may_start_with_dashes),
        TEST(operands_are_what_is_left),
        TEST(operands_are_refused_where_there_are_none),
        TEST(bad_command_lines_name_what_is_wrong),
        TEST(ends_of_a_range_belong_to_it),
        TEST(environment_beats_the_default),
        TEST(option_beats_the_environment),
        TEST(empty_variable_is_unset),
        TEST(own_variable_beats_the_fixed_name),
        TEST(flags_in_the_environment_have_words),
        TEST(bad_variable_is_named_with_its_option),
        TEST(actions_are_not_read_from_the_environment),
        TEST(help_names_every_option_in_95_columns),
        TEST(help_is_printed_whatever_else_is_asked),
        TEST(version_is_one_line),
        TEST(help_that_cannot_be_written_is_a_failure),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
