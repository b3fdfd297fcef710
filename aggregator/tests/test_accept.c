/* What the scanner takes beyond the strict rules: shapes of keys and values, fields within others.
 */
#include "aggregator/scan/accept.h"

#include "aggregator/scan/scan.h"
#include "common/tests/unit.h"

enum { ALL = (1 << ACCEPT_COUNT) - 1 };

static struct scan_result found;
static char key[SCAN_KEY_LIMIT + 1];

/* In memory of exactly its size. */
static enum scan_kind scan(const struct scan_rules *rules, const char *line)
{
    size_t len = strlen(line);
    unsigned char *copy = exact_copy(line, len);
    found = (struct scan_result){.used = ALL};
    enum scan_kind kind = scan_line(rules, copy, len, &found);
    if (kind == SCAN_EVENT)
        (void)snprintf(key, sizeof key, "%.*s", (int)found.key_len, found.key);
    free(copy);
    return kind;
}

static struct scan_rules rules_for(unsigned accept)
{
    return (struct scan_rules){.key = "k",
                               .key_len = 1,
                               .value = "v",
                               .value_len = 1,
                               .max_line = 1 << 20,
                               .max_key = 1024,
                               .accept = accept};
}

/* Taken with what it needs, whatever else is accepted; refused without any of it. */
static void a_shape_is_taken_by_what_it_needs_and_by_nothing_less(void **state)
{
    static const struct {
        const char *line;
        unsigned needs;
        const char *key;
        int64_t value;
    } cases[] = {
        {"{\"k\":\"u\",\"v\":1}", 0, "u", 1},
        {"{\"k\":4711,\"v\":1}", ACCEPT_NUMBER_KEYS, "4711", 1},
        {"{\"k\":0,\"v\":1}", ACCEPT_NUMBER_KEYS, "0", 1},
        {"{\"k\":-0,\"v\":1}", ACCEPT_NUMBER_KEYS, "0", 1},
        {"{\"k\":-5,\"v\":1}", ACCEPT_NUMBER_KEYS, "-5", 1},
        {"{\"k\":12345678901234567890123,\"v\":1}", ACCEPT_NUMBER_KEYS, "12345678901234567890123",
         1},
        {"{\"k\":4711.0,\"v\":1}", ACCEPT_NUMBER_KEYS | ACCEPT_WHOLE_FLOATS, "4711", 1},
        {"{\"k\":1e3,\"v\":1}", ACCEPT_NUMBER_KEYS | ACCEPT_WHOLE_FLOATS, "1000", 1},
        {"{\"k\":{\"$numberLong\":\"-7\"},\"v\":1}", ACCEPT_NUMBER_KEYS | ACCEPT_EXTENDED_JSON,
         "-7", 1},
        {"{\"k\":\"4711.0\",\"v\":1}", 0, "4711.0", 1},
        {"{\"k\":\"u\",\"v\":\"100\"}", ACCEPT_TEXT_NUMBERS, "u", 100},
        {"{\"k\":\"u\",\"v\":\"-0\"}", ACCEPT_TEXT_NUMBERS, "u", 0},
        {"{\"k\":\"u\",\"v\":\"1\\u00300\"}", ACCEPT_TEXT_NUMBERS, "u", 100},
        {"{\"k\":\"u\",\"v\":\"9223372036854775807\"}", ACCEPT_TEXT_NUMBERS, "u", INT64_MAX},
        {"{\"k\":\"u\",\"v\":\"1e2\"}", ACCEPT_TEXT_NUMBERS | ACCEPT_WHOLE_FLOATS, "u", 100},
        {"{\"k\":\"u\",\"v\":100.0}", ACCEPT_WHOLE_FLOATS, "u", 100},
        {"{\"k\":\"u\",\"v\":1.5e1}", ACCEPT_WHOLE_FLOATS, "u", 15},
        {"{\"k\":\"u\",\"v\":-0.0}", ACCEPT_WHOLE_FLOATS, "u", 0},
        {"{\"k\":\"u\",\"v\":{\"$numberLong\":\"100\"}}", ACCEPT_EXTENDED_JSON, "u", 100},
        {"{\"k\":\"u\",\"v\":{\"$numberInt\":\"100\"}}", ACCEPT_EXTENDED_JSON, "u", 100},
        {"{\"k\":\"u\",\"v\": { \"$number\\u0049nt\" : \"\\u0031\" } }", ACCEPT_EXTENDED_JSON, "u",
         1},
        {"{\"k\":7,\"v\":\"8\"}", ACCEPT_NUMBER_KEYS | ACCEPT_TEXT_NUMBERS, "7", 8},
        {"{\"k\":{\"$numberInt\":\"7\"},\"v\":{\"$numberLong\":\"8\"}}",
         ACCEPT_NUMBER_KEYS | ACCEPT_EXTENDED_JSON, "7", 8},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (unsigned accept = 0; accept <= ALL; accept++) {
            struct scan_rules rules = rules_for(accept);
            bool taken = (cases[i].needs & ~accept) == 0;
            enum scan_kind kind = scan(&rules, cases[i].line);
            CHECK(kind == (taken ? SCAN_EVENT : SCAN_BAD), "%s with %#x: %s", cases[i].line, accept,
                  found.reason);
            if (!taken)
                continue;
            CHECK(found.used == cases[i].needs, "%s: %#x", cases[i].line, found.used);
            CHECK(found.flat == (found.used == 0), "%s", cases[i].line);
            CHECK(strcmp(key, cases[i].key) == 0 && found.value == cases[i].value, "%s: %s %lld",
                  cases[i].line, key, (long long)found.value);
        }
    }
}

static void what_is_none_of_the_shapes_stays_bad_with_all_of_them(void **state)
{
    static const char *const values[] = {"\"\"",
                                         "\" 1\"",
                                         "\"1 \"",
                                         "\"+1\"",
                                         "\"01\"",
                                         "\"-1\"",
                                         "\"0x1\"",
                                         "\"1,000\"",
                                         "\"NaN\"",
                                         "\"1.5\"",
                                         "\"9223372036854775808\"",
                                         "\"abc\"",
                                         "\"1\\n\"",
                                         "\"1\\u0000\"",
                                         "\"\xd9\xa1\"",
                                         "1.5",
                                         "-1.0",
                                         "1e400",
                                         "1e-1",
                                         "9223372036854775808.0",
                                         "-0.5",
                                         "true",
                                         "[1]",
                                         "null",
                                         "{}",
                                         "{\"$numberLong\":100}",
                                         "{\"$numberLong\":\"100\",\"x\":1}",
                                         "{\"$numberLong\":\"1.0\"}",
                                         "{\"$numberLong\":\"\"}",
                                         "{\"$numberLong\":\"-1\"}",
                                         "{\"$numberLong\":\" 1\"}",
                                         "{\"$numberLong\":null}",
                                         "{\"$numberLong\":[\"1\"]}",
                                         "{\"$numberLong\":{}}",
                                         "{\"$numberDouble\":\"1.0\"}",
                                         "{\"$numberDecimal\":\"1\"}",
                                         "{\"$numberlong\":\"1\"}",
                                         "{\"numberLong\":\"1\"}",
                                         "{\"$numberLong\":\"1\",\"$numberLong\":\"1\"}",
                                         "{\"$numberLong\":\"9223372036854775808\"}"};
    static const char *const keys[] = {
        "1.5",   "true", "null", "[1]", "{}", "\"\"", "{\"$numberLong\":1}", "{\"$oid\":\"507f\"}",
        "1e1024"};
    const struct scan_rules rules = rules_for(ALL);
    char line[128];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        (void)snprintf(line, sizeof line, "{\"k\":\"u\",\"v\":%s}", values[i]);
        CHECK(scan(&rules, line) == SCAN_BAD && found.column == 14, "%s: column %zu: %s", line,
              found.column, found.reason);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        (void)snprintf(line, sizeof line, "{\"k\":%s,\"v\":1}", keys[i]);
        CHECK(scan(&rules, line) == SCAN_BAD && found.column == 6, "%s: column %zu: %s", line,
              found.column, found.reason);
    }
}

static void number_keys_have_the_limit_of_others(void **state)
{
    struct scan_rules rules = rules_for(ALL);
    (void)state;
    rules.max_key = 4;
    assert_int_equal(scan(&rules, "{\"k\":1234,\"v\":1}"), SCAN_EVENT);
    assert_int_equal(scan(&rules, "{\"k\":1e3,\"v\":1}"), SCAN_EVENT);
    assert_int_equal(scan(&rules, "{\"k\":12345,\"v\":1}"), SCAN_BAD);
    assert_string_equal(found.reason, "the key is longer than --max-key");
    assert_int_equal(scan(&rules, "{\"k\":-1234,\"v\":1}"), SCAN_BAD);
    assert_int_equal(scan(&rules, "{\"k\":1e4,\"v\":1}"), SCAN_BAD);
}

static void a_number_within_quotes_has_a_limit_once_unescaped(void **state)
{
    const struct scan_rules rules = rules_for(ALL);
    char line[8 * SHAPE_TEXT_MAX];
    (void)state;
    for (int escaped = 0; escaped < 2; escaped++) {
        for (int digits = SHAPE_TEXT_MAX; digits <= SHAPE_TEXT_MAX + 1; digits++) {
            int at =
                snprintf(line, sizeof line, "{\"k\":\"u\",\"v\":\"%s.", escaped ? "\\u0031" : "1");
            at += snprintf(line + at, sizeof line - (size_t)at, "%0*d\"}", digits - 2, 0);
            CHECK((scan(&rules, line) == SCAN_EVENT) == (digits == SHAPE_TEXT_MAX), "%d, %d",
                  escaped, digits);
        }
    }
}

static void each_refusal_names_the_options_that_take_it(void **state)
{
    static const struct {
        const char *line, *advice; /* NULL: there is none */
    } cases[] = {
        {"{\"k\":7,\"v\":1}", "--accept number-keys takes"},
        {"{\"k\":7.0,\"v\":1}", "--accept number-keys,whole-floats takes"},
        {"{\"k\":{\"$numberInt\":\"7\"},\"v\":1}", "--accept number-keys,extended-json takes"},
        {"{\"k\":\"u\",\"v\":\"1\"}", "--accept text-numbers takes"},
        {"{\"k\":\"u\",\"v\":\"1.0\"}", "--accept text-numbers,whole-floats takes"},
        {"{\"k\":\"u\",\"v\":1.0}", "--accept whole-floats takes"},
        {"{\"k\":\"u\",\"v\":{\"$numberLong\":\"1\"}}", "--accept extended-json takes"},
        {"{\"k\":\"u\",\"v\":1}{\"k\":\"u\",\"v\":1}", "--accept concatenated takes"},
        {"{\"k\":null,\"v\":1}", "--skip-missing passes"},
        {"{\"k\":\"u\",\"v\":null}", "--skip-missing passes"},
        {"{\"k\":\"u\"}", "--skip-missing passes"},
        {"{\"v\":1}", "--skip-missing passes"},
        {"{\"k\":7.5,\"v\":1}", NULL},
        {"{\"k\":\"u\",\"v\":1.5}", NULL},
        {"{\"k\":\"u\",\"v\":-1.0}", NULL},
        {"{\"k\":\"u\",\"v\":1e400}", NULL},
    };
    const struct scan_rules rules = rules_for(0);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(scan(&rules, cases[i].line), SCAN_BAD);
        CHECK((found.advice == NULL) == (cases[i].advice == NULL), "%s: %s", cases[i].line,
              found.advice == NULL ? "none" : found.advice);
        if (found.advice != NULL)
            CHECK(strstr(found.advice, cases[i].advice) != NULL, "%s: %s", cases[i].line,
                  found.advice);
    }
}

static void events_without_a_field_are_skipped_where_they_may_be(void **state)
{
    static const struct {
        const char *line;
        enum scan_kind kind;
    } cases[] = {
        {"{\"k\":\"u\",\"v\":1}", SCAN_EVENT},
        {"{\"k\":\"u\"}", SCAN_SKIPPED},
        {"{\"v\":1}", SCAN_SKIPPED},
        {"{}", SCAN_SKIPPED},
        {"{\"x\":1}", SCAN_SKIPPED},
        {"{\"k\":null,\"v\":1}", SCAN_SKIPPED},
        {"{\"k\":\"u\",\"v\":null}", SCAN_SKIPPED},
        {"{\"k\":null,\"v\":null}", SCAN_SKIPPED},
        {"{\"v\":null}", SCAN_SKIPPED},
        {" ", SCAN_BLANK},
        {"{\"k\":null,\"k\":null,\"v\":1}", SCAN_BAD},
        {"{\"k\":null,\"k\":\"u\",\"v\":1}", SCAN_BAD},
        {"{\"k\":\"u\",\"k\":null,\"v\":1}", SCAN_BAD},
        {"{\"k\":\"u\",\"v\":null,\"v\":1}", SCAN_BAD},
        {"{\"k\":\"u\",\"v\":1,\"v\":null}", SCAN_BAD},
        {"{\"k\":null,\"v\":\"1\"}", SCAN_BAD},
        {"{\"k\":7}", SCAN_BAD},
        {"{\"k\":\"\"}", SCAN_BAD},
        {"{\"v\":1.5}", SCAN_BAD},
        {"{\"k\":false,\"v\":1}", SCAN_BAD},
        {"{\"k\":nul,\"v\":1}", SCAN_BAD},
        {"{\"x\":1", SCAN_BAD},
        {"{\"x\":1} x", SCAN_BAD},
        {"null", SCAN_BAD},
    };
    struct scan_rules rules = rules_for(0);
    (void)state;
    rules.skip_missing = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(scan(&rules, cases[i].line) == cases[i].kind, "%s: %s", cases[i].line, found.reason);
}

/* Pointers. */

static struct scan_rules rules_along(struct field *key_field, const char *key_text,
                                     struct field *value_field, const char *value_text)
{
    struct err err = {0};
    struct scan_rules rules = rules_for(0);
    assert_true(field_parse(key_field, key_text, &err) &&
                field_parse(value_field, value_text, &err));
    rules.key_field = key_field;
    rules.value_field = value_field;
    rules.key = field_name(key_field);
    rules.key_len = strlen(rules.key);
    rules.value = field_name(value_field);
    rules.value_len = strlen(rules.value);
    return rules;
}

static void fields_are_found_along_their_pointers_only(void **state)
{
    static const struct {
        const char *key, *value, *line;
        const char *got; /* NULL: bad */
    } cases[] = {
        {"/user/id", "/session/duration",
         "{\"user\":{\"id\":\"ann\"},\"session\":{\"duration\":7}}", "ann"},
        {"/user/id", "v", "{\"v\":7,\"id\":1,\"user\":{\"x\":[],\"id\":\"ann\",\"v\":0}}", "ann"},
        {"/a/k", "/a/v", "{\"a\":{\"v\":7,\"k\":\"ann\"}}", "ann"},
        {"/a/b/k", "/a/v", "{\"a\":{\"v\":7,\"b\":{\"k\":\"ann\"}}}", "ann"},
        {"/a/k", "/k", "{\"a\":{\"k\":\"ann\"},\"k\":7}", "ann"},
        {"/k", "/v", "{\"k\":\"ann\",\"v\":7}", "ann"},
        {"/a~1b/m~0n", "v", "{\"a/b\":{\"m~n\":\"ann\"},\"v\":7}", "ann"},
        {"/~1k", "v", "{\"/k\":\"ann\",\"v\":7}", "ann"},
        {"a/k", "a.v", "{\"a/k\":\"ann\",\"a.v\":7}", "ann"},
        {"/us\xc3\xa9r/id", "v", "{\"us\\u00e9r\":{\"\\u0069d\":\"ann\"},\"v\":7}", "ann"},
        {"//k", "v", "{\"\":{\"k\":\"ann\"},\"v\":7}", "ann"},
        {"/a/a", "/a/b", "{\"a\":{\"a\":\"ann\",\"b\":7}}", "ann"},
        {"/a/k", "v", "{\"k\":\"ann\",\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"a\":{\"k\":\"ann\"}},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":null,\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":\"k\",\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":[{\"k\":\"ann\"}],\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"},\"a\":{\"k\":\"ann\"},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"},\"a\":{},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{},\"a\":{\"k\":\"ann\"},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":null,\"a\":{\"k\":\"ann\"},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"},\"a\":null,\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"},\"\\u0061\":1,\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\",\"k\":\"ann\"},\"v\":7}", NULL},
        {"v", "/a/k", "{\"a\":{\"k\":7},\"a\":{},\"v\":\"ann\"}", NULL},
        {"/a/b/k", "v", "{\"a\":{\"b\":{\"k\":\"ann\"},\"b\":{}},\"v\":7}", NULL},
        {"/a/b/k", "v", "{\"a\":{\"b\":{\"k\":\"ann\"}},\"a\":{\"c\":{}},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"},\"v\":7", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\",\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\"]},\"v\":7}", NULL},
        {"/a/k", "v", "{\"a\":{\"k\":\"ann\",},\"v\":7}", NULL},
    };
    struct field key_field, value_field;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scan_rules rules =
            rules_along(&key_field, cases[i].key, &value_field, cases[i].value);
        enum scan_kind kind = scan(&rules, cases[i].line);
        CHECK((kind == SCAN_EVENT) == (cases[i].got != NULL), "%s %s in %s: %s", cases[i].key,
              cases[i].value, cases[i].line, found.reason);
        if (kind == SCAN_EVENT)
            CHECK(strcmp(key, cases[i].got) == 0 && found.value == 7, "%s: %s", cases[i].line, key);
        CHECK(found.flat == (kind == SCAN_EVENT && key_field.count == 1 && value_field.count == 1),
              "%s", cases[i].line);
    }
}

static void a_step_that_is_absent_or_null_is_a_missing_field(void **state)
{
    static const struct {
        const char *line;
        enum scan_kind kind;
    } cases[] = {
        {"{\"a\":{\"k\":\"u\",\"v\":1}}", SCAN_EVENT},
        {"{}", SCAN_SKIPPED},
        {"{\"a\":null}", SCAN_SKIPPED},
        {"{\"a\":{}}", SCAN_SKIPPED},
        {"{\"a\":{\"k\":\"u\"}}", SCAN_SKIPPED},
        {"{\"a\":{\"k\":null,\"v\":1}}", SCAN_SKIPPED},
        {"{\"a\":1}", SCAN_BAD},
        {"{\"a\":\"\"}", SCAN_BAD},
        {"{\"a\":[]}", SCAN_BAD},
        {"{\"a\":{},\"a\":{}}", SCAN_BAD},
        {"{\"a\":null,\"a\":null}", SCAN_BAD},
    };
    struct field key_field, value_field;
    struct scan_rules rules = rules_along(&key_field, "/a/k", &value_field, "/a/v");
    (void)state;
    rules.skip_missing = true;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(scan(&rules, cases[i].line) == cases[i].kind, "%s: %s", cases[i].line, found.reason);
}

/* So many levels as a line may have lead to the deepest field, and none deeper. */
static void pointers_go_as_deep_as_lines(void **state)
{
    char pointer[2 * FIELD_STEPS_MAX + 1] = "", line[16 * FIELD_STEPS_MAX];
    struct field key_field, value_field;
    (void)state;
    for (int steps = 1; steps <= FIELD_STEPS_MAX; steps++) {
        strcat(pointer, "/a");
        struct scan_rules rules = rules_along(&key_field, pointer, &value_field, "v");
        for (int deeper = 0; deeper < 2; deeper++) {
            int at = snprintf(line, sizeof line, "{\"v\":1");
            for (int i = 1; i < steps; i++)
                at += snprintf(line + at, sizeof line - (size_t)at, "%s\"a\":{", i == 1 ? "," : "");
            at += snprintf(line + at, sizeof line - (size_t)at, "%s\"a\":\"u\"%s",
                           steps == 1 ? "," : "", deeper ? ",\"x\":[]" : "");
            for (int i = 0; i < steps; i++)
                at += snprintf(line + at, sizeof line - (size_t)at, "}");
            bool fits = !deeper || steps < JSON_DEPTH_MAX;
            CHECK((scan(&rules, line) == SCAN_EVENT) == fits, "%s: %s", line, found.reason);
        }
    }
}

static void lists_name_what_is_accepted(void **state)
{
    static const struct {
        const char *text;
        unsigned bits; /* 0: refused */
    } cases[] = {
        {"number-keys", ACCEPT_NUMBER_KEYS},
        {"text-numbers", ACCEPT_TEXT_NUMBERS},
        {"whole-floats", ACCEPT_WHOLE_FLOATS},
        {"extended-json", ACCEPT_EXTENDED_JSON},
        {"concatenated", ACCEPT_CONCATENATED},
        {"concatenated,number-keys", ACCEPT_CONCATENATED | ACCEPT_NUMBER_KEYS},
        {"number-keys,number-keys", ACCEPT_NUMBER_KEYS},
        {"number-keys,text-numbers,whole-floats,extended-json,concatenated", ALL},
        {"", 0},
        {",", 0},
        {"number-keys,", 0},
        {",number-keys", 0},
        {"number-keys text-numbers", 0},
        {"number-keys, text-numbers", 0},
        {"number-key", 0},
        {"number-keyss", 0},
        {"Number-Keys", 0},
        {"all", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        unsigned bits = 0;
        CHECK(accept_parse(cases[i].text, &bits, &err) == (cases[i].bits != 0), "'%s'",
              cases[i].text);
        CHECK(bits == cases[i].bits, "'%s': %#x", cases[i].text, bits);
        if (bits == 0)
            CHECK(err.status == STATUS_USAGE && strstr(err.text, "whole-floats") != NULL, "%s",
                  err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_shape_is_taken_by_what_it_needs_and_by_nothing_less),
        cmocka_unit_test(what_is_none_of_the_shapes_stays_bad_with_all_of_them),
        cmocka_unit_test(number_keys_have_the_limit_of_others),
        cmocka_unit_test(a_number_within_quotes_has_a_limit_once_unescaped),
        cmocka_unit_test(each_refusal_names_the_options_that_take_it),
        cmocka_unit_test(events_without_a_field_are_skipped_where_they_may_be),
        cmocka_unit_test(fields_are_found_along_their_pointers_only),
        cmocka_unit_test(a_step_that_is_absent_or_null_is_a_missing_field),
        cmocka_unit_test(pointers_go_as_deep_as_lines),
        cmocka_unit_test(lists_name_what_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
