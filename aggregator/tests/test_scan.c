#include "aggregator/scan/scan.h"

#include "common/json_scan.h"
#include "common/tests/unit.h"

static const struct scan_rules usual = {.key = "userId",
                                        .key_len = 6,
                                        .value = "sessionDuration",
                                        .value_len = 15,
                                        .max_line = 1 << 20,
                                        .max_key = 1024};

static struct scan_result found;

/* The line in memory of exactly its size; what *found borrows from it is copied out first. */
static enum scan_kind scan_by(const struct scan_rules *rules, const char *line, size_t len)
{
    static unsigned char key[SCAN_KEY_LIMIT];
    unsigned char *copy = exact_copy(line, len);
    found = (struct scan_result){.column = 0};
    enum scan_kind kind = scan_line(rules, copy, len, &found);
    if (kind == SCAN_EVENT) {
        memcpy(key, found.key, found.key_len);
        found.key = key;
    }
    free(copy);
    return kind;
}

static enum scan_kind scan(const char *line)
{
    return scan_by(&usual, line, strlen(line));
}

static bool key_is(const char *bytes, size_t len)
{
    return found.key_len == len && memcmp(found.key, bytes, len) == 0;
}

static void plain_events_are_read(void **state)
{
    static const struct {
        const char *line;
        int64_t value;
    } cases[] = {
        {"{\"timestamp\":\"2024-10-07T14:30:00\",\"userId\":\"user123\",\"eventType\":\"pageView\","
         "\"productId\":\"product456\",\"sessionDuration\":180}",
         180},
        {"{\"timestamp\": \"2024-10-07T14:30:00\", \"userId\": \"user123\", \"eventType\": "
         "\"pageView\", \"productId\": \"product456\", \"sessionDuration\": 30}",
         30},
        {"{\"userId\":\"user123\",\"sessionDuration\":0}", 0},
        {"{\"sessionDuration\":7,\"userId\":\"user123\"}", 7},
        {" \t\r{ \t\r\"userId\"\t\r : \t\r\"user123\" , \"sessionDuration\" : 7 } \t\r", 7},
        {"{\"userId\":\"user123\",\"sessionDuration\":7}\r", 7},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(scan(cases[i].line) == SCAN_EVENT, "%s: %zu: %s", cases[i].line, found.column,
              found.reason);
        CHECK(key_is("user123", 7) && found.value == cases[i].value, "%s", cases[i].line);
    }
}

static void blank_lines_are_blank(void **state)
{
    static const char *const cases[] = {"", " ", "\t", "\r", " \t \r", "\r\r", "        \r \r"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(scan(cases[i]) == SCAN_BLANK, "case %zu", i);
    assert_int_equal(scan("\v"), SCAN_BAD);
    assert_int_equal(scan("\f"), SCAN_BAD);
    assert_int_equal(scan("\xc2\xa0"), SCAN_BAD);
    assert_int_equal(scan_by(&usual, "\0", 1), SCAN_BAD);
}

static void values_go_from_0_to_the_largest_integer(void **state)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: bad */
        const char *reason;
    } cases[] = {
        {"0", 0, NULL},
        {"-0", 0, NULL},
        {"1", 1, NULL},
        {"9007199254740993", INT64_C(9007199254740993), NULL},
        {"9223372036854775806", INT64_MAX - 1, NULL},
        {"9223372036854775807", INT64_MAX, NULL},
        {"9223372036854775808", -1, "the value is not in 0..9223372036854775807"},
        {"9223372036854775810", -1, "the value is not in 0..9223372036854775807"},
        {"18446744073709551616", -1, "the value is not in 0..9223372036854775807"},
        {"18446744073709551617", -1, "the value is not in 0..9223372036854775807"},
        {"100000000000000000000000000000000000000000", -1,
         "the value is not in 0..9223372036854775807"},
        {"-1", -1, "the value is negative"},
        {"-9223372036854775807", -1, "the value is negative"},
        {"-9223372036854775808", -1, "the value is not in 0..9223372036854775807"},
        {"1.0", -1, "the value is not a whole number"},
        {"0.0", -1, "the value is not a whole number"},
        {"-0.0", -1, "the value is not a whole number"},
        {"1e2", -1, "the value is not a whole number"},
        {"0e0", -1, "the value is not a whole number"},
        {"1E+2", -1, "the value is not a whole number"},
        {"\"180\"", -1, "the value is not a number"},
        {"null", -1, "the value is not a number"},
        {"true", -1, "the value is not a number"},
        {"[180]", -1, "the value is not a number"},
        {"{\"a\":180}", -1, "the value is not a number"},
    };
    char line[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int at = snprintf(line, sizeof line, "{\"userId\":\"u\",\"sessionDuration\":");
        (void)snprintf(line + at, sizeof line - (size_t)at, "%s}", cases[i].text);
        enum scan_kind kind = scan(line);
        CHECK((kind == SCAN_EVENT) == (cases[i].value >= 0), "%s", line);
        if (kind == SCAN_EVENT) {
            CHECK(found.value == cases[i].value, "%s", line);
            continue;
        }
        CHECK(found.column == (size_t)at + 1, "%s: column %zu", line, found.column);
        CHECK(strcmp(found.reason, cases[i].reason) == 0, "%s: %s", line, found.reason);
    }
}

static void keys_mean_what_their_escapes_say(void **state)
{
    static const struct {
        const char *text, *key;
    } cases[] = {
        {"user0", "user0"},
        {"user\\u0030", "user0"},
        {"\\u0075ser0", "user0"},
        {"a\\\"b\\\\c\\/d", "a\"b\\c/d"},
        {"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"caf\\u00E9", "caf\xc3\xa9"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"\\uffff\\ufeff", "\xef\xbf\xbf\xef\xbb\xbf"},
        {" ", " "},
        {"\x7f", "\x7f"},
        {"\\u0001", "\x01"},
        {"{\\\"userId\\\":1}", "{\"userId\":1}"},
    };
    char line[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(line, sizeof line, "{\"userId\":\"%s\",\"sessionDuration\":1}",
                       cases[i].text);
        CHECK(scan(line) == SCAN_EVENT, "%s: %s", line, found.reason);
        CHECK(key_is(cases[i].key, strlen(cases[i].key)), "%s", line);
    }
}

static void names_mean_what_their_escapes_say(void **state)
{
    static const char *const cases[] = {
        "{\"user\\u0049d\":\"u\",\"sessionDuration\":1}",
        "{\"\\u0075\\u0073\\u0065\\u0072\\u0049\\u0064\":\"u\",\"sessionDuration\":1}",
        "{\"userId\":\"u\",\"session\\u0044uration\":1}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(scan(cases[i]) == SCAN_EVENT && key_is("u", 1), "%s: %s", cases[i], found.reason);
}

static void any_field_names_work(void **state)
{
    static const struct {
        const char *key, *value, *line;
    } cases[] = {
        {"k", "v", "{\"k\":\"x\",\"v\":5}"},
        {"", "v", "{\"\":\"x\",\"v\":5}"},
        {"caf\xc3\xa9", "\xf0\x9f\x98\x80", "{\"caf\\u00e9\":\"x\",\"\\ud83d\\ude00\":5}"},
        {"a\"b", "c\\d", "{\"a\\\"b\":\"x\",\"c\\\\d\":5}"},
        {"line\nend", "tab\t", "{\"line\\nend\":\"x\",\"tab\\t\":5}"},
        {"a", "aa", "{\"aa\":5,\"a\":\"x\",\"aaa\":0}"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scan_rules rules = usual;
        rules.key = cases[i].key;
        rules.key_len = strlen(cases[i].key);
        rules.value = cases[i].value;
        rules.value_len = strlen(cases[i].value);
        CHECK(scan_by(&rules, cases[i].line, strlen(cases[i].line)) == SCAN_EVENT, "%s: %s",
              cases[i].line, found.reason);
        CHECK(key_is("x", 1) && found.value == 5, "%s", cases[i].line);
    }
}

static void other_fields_may_hold_anything_valid(void **state)
{
    static const char *const fields[] = {
        "\"a\":null",
        "\"a\":1,\"a\":2,\"a\":2",
        "\"a\":{\"userId\":5,\"sessionDuration\":\"x\",\"userId\":null}",
        "\"a\":[{\"userId\":\"v\"},{\"sessionDuration\":-1.5}]",
        "\"a\":\"\\u0000\"",
        "\"a\":\"\\ud800\"",
        "\"a\":\"\\udc00\\ud800\"",
        "\"\\u0000\":1",
        "\"\\ud800\":1",
        "\"userId\\u0000\":1",
        "\"userId\\ud800\":1",
        "\"\":\"\"",
        "\"userid\":1",
        "\"userI\":1,\"userIdd\":1,\" userId\":1",
        "\"sessionduration\":-1",
        "\"a\":1e999999",
        "\"a\":-0.0",
        "\"a\":99999999999999999999999999999999",
        "\"a\":[[],{},[{}]]",
        "\"a\":\"\x7f\"",
        "\"a\":\"// /* # '\"",
    };
    char line[512];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        (void)snprintf(line, sizeof line, "{%s,\"userId\":\"u\",%s,\"sessionDuration\":7,%s}",
                       fields[i], fields[i], fields[i]);
        CHECK(scan(line) == SCAN_EVENT, "%s: %zu: %s", line, found.column, found.reason);
        CHECK(key_is("u", 1) && found.value == 7, "%s", line);
    }
}

/* Each violation and where it is within itself, from 0. */
static const struct {
    const char *text;
    size_t at;
    const char *reason;
} broken_values[] = {
    {"", 0, "expected a value"},
    {"nul", 3, "expected a value"},
    {"NaN", 0, "expected a value"},
    {"Infinity", 0, "expected a value"},
    {"True", 0, "expected a value"},
    {"+1", 0, "expected a value"},
    {".5", 0, "expected a value"},
    {"'a'", 0, "expected a value"},
    {"/**/1", 0, "expected a value"},
    {"\\u0031", 0, "expected a value"},
    {"-", 1, "a number needs a digit"},
    {"-a", 1, "a number needs a digit"},
    {"01", 0, "a number has a leading zero"},
    {"-01", 1, "a number has a leading zero"},
    {"1.", 2, "a fraction needs a digit"},
    {"1e", 2, "an exponent needs a digit"},
    {"1E-", 3, "an exponent needs a digit"},
    {"\"\\x\"", 2, "unknown escape in a string"},
    {"\"\\u12g4\"", 5, "\\u needs four hex digits"},
    {"\"a\tb\"", 2, "raw control character in a string"},
    {"\"\x01\"", 1, "raw control character in a string"},
    {"\"\xff\"", 1, "invalid UTF-8 in a string"},
    {"\"\xc0\xaf\"", 1, "invalid UTF-8 in a string"},
    {"\"\xed\xa0\x80\"", 1, "invalid UTF-8 in a string"},
    {"\"a\xf4\x90\x80\x80\"", 2, "invalid UTF-8 in a string"},
    {"[1,]", 3, "expected a value"},
    {"[1 2]", 3, "expected ',' or ']'"},
    {"[1}", 2, "expected ',' or ']'"},
    {"{\"a\"}", 4, "expected ':'"},
    {"{\"a\":1,}", 7, "expected a field name"},
    {"{a:1}", 1, "expected a field name"},
    {"{\"a\":1]", 6, "expected ',' or '}'"},
    {"{\"a\":\"\xff\"}", 6, "invalid UTF-8 in a string"},
};

static void violations_are_found_in_any_value(void **state)
{
    static const char *const frames[][2] = {
        {"{\"userId\":", ",\"sessionDuration\":1}"},
        {"{\"sessionDuration\":1,\"userId\":", "}"},
        {"{\"userId\":\"u\",\"sessionDuration\":", "}"},
        {"{\"sessionDuration\":", ",\"userId\":\"u\"}"},
        {"{\"other\":", ",\"userId\":\"u\",\"sessionDuration\":1}"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"other\":", "}"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"other\":[{\"deep\":[0,", "]}]}"},
        {"{\"userId\":\"u\",\"other\":{\"deep\":", "},\"sessionDuration\":1}"},
    };
    char line[256];
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
        for (size_t i = 0; i < ARRAY_LEN(broken_values); i++) {
            (void)snprintf(line, sizeof line, "%s%s%s", frames[f][0], broken_values[i].text,
                           frames[f][1]);
            const size_t column = strlen(frames[f][0]) + broken_values[i].at + 1;
            CHECK(scan(line) == SCAN_BAD, "%s", line);
            CHECK(found.column == column, "%s: column %zu, not %zu", line, found.column, column);
            CHECK(strcmp(found.reason, broken_values[i].reason) == 0, "%s: %s", line, found.reason);
        }
    }
}

static void violations_are_found_in_any_name(void **state)
{
    static const struct {
        const char *text;
        size_t at;
        const char *reason;
    } names[] = {
        {"a", 0, "expected a field name"},
        {"'userId'", 0, "expected a field name"},
        {"1", 0, "expected a field name"},
        {"null", 0, "expected a field name"},
        {"[]", 0, "expected a field name"},
        {"{}", 0, "expected a field name"},
        {"", 0, "expected a field name"},
        {"\"\\q\"", 2, "unknown escape in a string"},
        {"\"\\u00\"", 5, "\\u needs four hex digits"},
        {"\"a\x1f\"", 2, "raw control character in a string"},
        {"\"\x80\"", 1, "invalid UTF-8 in a string"},
        {"\"userId\xff\"", 7, "invalid UTF-8 in a string"},
    };
    static const char *const frames[][2] = {
        {"{", ":1,\"userId\":\"u\",\"sessionDuration\":1}"},
        {"{\"userId\":\"u\",", ":1,\"sessionDuration\":1}"},
        {"{\"userId\":\"u\",\"sessionDuration\":1, ", " :1}"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"other\":[{", ":1}]}"},
    };
    char line[256];
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(frames); f++) {
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            (void)snprintf(line, sizeof line, "%s%s%s", frames[f][0], names[i].text, frames[f][1]);
            /* With no name at all, what comes next is where one was expected. */
            const size_t blank = names[i].text[0] == '\0' && frames[f][1][0] == ' ';
            const size_t column = strlen(frames[f][0]) + names[i].at + 1 + blank;
            CHECK(scan(line) == SCAN_BAD, "%s", line);
            CHECK(found.column == column, "%s: column %zu, not %zu", line, found.column, column);
            CHECK(strcmp(found.reason, names[i].reason) == 0, "%s: %s", line, found.reason);
        }
    }
}

static void broken_lines_are_pointed_at(void **state)
{
#define GOOD "{\"userId\":\"u\",\"sessionDuration\":1}"
    static const struct {
        const char *line;
        size_t column;
        const char *reason;
    } cases[] = {
        {"x", 1, "expected an object"},
        {"null", 1, "expected an object"},
        {"[]", 1, "expected an object"},
        {"  7", 3, "expected an object"},
        {"\"userId\"", 1, "expected an object"},
        {"[" GOOD "]", 1, "expected an object"},
        {"\xef\xbb\xbf" GOOD, 1, "a byte order mark is not JSON"},
        {" \xef\xbb\xbf" GOOD, 2, "a byte order mark is not JSON"},
        {"\xef\xbb", 1, "expected an object"},
        {"\xfe\xff", 1, "expected an object"},
        {"{", 2, "expected a field name"},
        {"{ ", 3, "expected a field name"},
        {"{}", 2, "the key is missing"},
        {"{ }", 3, "the key is missing"},
        {"{\"userId\":\"u\"}", 14, "the value is missing"},
        {"{\"userId\":\"u\" } ", 15, "the value is missing"},
        {"{\"sessionDuration\":1}", 21, "the key is missing"},
        {"{\"other\":1}", 11, "the key is missing"},
        {"{\"other\":{\"userId\":\"u\",\"sessionDuration\":1}}", 44, "the key is missing"},
        {"{\"userId\"", 10, "expected ':'"},
        {"{\"userId\" \"u\"}", 11, "expected ':'"},
        {"{\"userId\",\"u\"}", 10, "expected ':'"},
        {"{\"userId\":", 11, "expected a value"},
        {"{\"userId\":\"u\"", 14, "the object does not end"},
        {"{\"userId\":\"u\" ", 15, "the object does not end"},
        {"{\"userId\":\"u", 13, "the string does not end"},
        {"{\"userId\":\"u\",", 15, "expected a field name"},
        {"{\"userId\":\"u\",,", 15, "expected a field name"},
        {"{,", 2, "expected a field name"},
        {"{\"userId\":\"u\" \"sessionDuration\":1}", 15, "expected ',' or '}'"},
        {"{\"userId\":\"u\";\"sessionDuration\":1}", 14, "expected ',' or '}'"},
        {"{\"userId\":\"u\",\"sessionDuration\":1", 34, "the object does not end"},
        {"{\"userId\":\"u\",\"sessionDuration\":1]", 34, "expected ',' or '}'"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,}", 35, "expected a field name"},
        {"{\"userId\":\"u\",\"sessionDuration\":1x}", 34, "expected ',' or '}'"},
        {"{\"userId\":\"u\",\"sessionDuration\":0x1}", 34, "expected ',' or '}'"},
        {"{\"userId\":\"u\",\"sessionDuration\":1 000}", 35, "expected ',' or '}'"},
        {GOOD "x", 35, "there is more after the object"},
        {GOOD " }", 36, "there is more after the object"},
        {GOOD GOOD, 35, "there is more after the object"},
        {GOOD ",", 35, "there is more after the object"},
        {GOOD " // no", 36, "there is more after the object"},
        {"{\"userId\":7,\"sessionDuration\":1}", 11, "the key is not a string"},
        {"{\"userId\":null,\"sessionDuration\":1}", 11, "the key is not a string"},
        {"{\"userId\":[\"u\"],\"sessionDuration\":1}", 11, "the key is not a string"},
        {"{\"userId\":{},\"sessionDuration\":1}", 11, "the key is not a string"},
        {"{\"userId\":\"\",\"sessionDuration\":1}", 11, "the key is empty"},
        {"{\"userId\":\"\\u0000\",\"sessionDuration\":1}", 11,
         "the key holds U+0000 or a lone surrogate"},
        {"{\"userId\":\"a\\u0000b\",\"sessionDuration\":1}", 11,
         "the key holds U+0000 or a lone surrogate"},
        {"{\"userId\":\"\\ud800\",\"sessionDuration\":1}", 11,
         "the key holds U+0000 or a lone surrogate"},
        {"{\"userId\":\"\\udc00x\",\"sessionDuration\":1}", 11,
         "the key holds U+0000 or a lone surrogate"},
        {"{\"userId\":\"u\",\"userId\":\"u\",\"sessionDuration\":1}", 24, "the key appears twice"},
        {"{\"userId\":\"u\",\"user\\u0049d\":\"u\",\"sessionDuration\":1}", 29,
         "the key appears twice"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"userId\":null}", 44, "the key is not a string"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"sessionDuration\":1}", 53,
         "the value appears twice"},
        {"{\"userId\":\"u\",\"sessionDuration\":1,\"sessionDuration\":\"x\"}", 53,
         "the value appears twice"},
    };
#undef GOOD
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CHECK(scan(cases[i].line) == SCAN_BAD, "%s", cases[i].line);
        CHECK(found.column == cases[i].column, "%s: column %zu", cases[i].line, found.column);
        CHECK(strcmp(found.reason, cases[i].reason) == 0, "%s: %s", cases[i].line, found.reason);
    }
}

static void every_truncation_is_bad(void **state)
{
    static const char line[] =
        "{\"a\":[1,{\"b\":null}],\"userId\":\"u\\u0031\",\"sessionDuration\":12,\"c\":{}}";
    (void)state;
    for (size_t len = 1; len < sizeof line - 1; len++) {
        CHECK(scan_by(&usual, line, len) == SCAN_BAD, "%.*s", (int)len, line);
        CHECK(found.column == len + 1, "%.*s: column %zu", (int)len, line, found.column);
    }
    assert_int_equal(scan(line), SCAN_EVENT);
}

static void nesting_counts_the_line_itself(void **state)
{
    static const char *const opens[] = {"[", "{\"a\":"};
    static const char *const closes[] = {"]", "}"};
    char line[1024];
    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        for (unsigned inner = JSON_DEPTH_MAX - 3; inner < JSON_DEPTH_MAX + 3; inner++) {
            (void)snprintf(line, sizeof line, "{\"userId\":\"u\",\"sessionDuration\":1,\"x\":");
            size_t lead = strlen(line);
            for (unsigned i = 0; i < inner; i++)
                strcat(line, opens[kind]);
            strcat(line, "0");
            for (unsigned i = 0; i < inner; i++)
                strcat(line, closes[kind]);
            strcat(line, "}");
            bool good = inner + 1 <= JSON_DEPTH_MAX;
            CHECK((scan(line) == SCAN_EVENT) == good, "%u levels: %s", inner + 1, found.reason);
            if (good)
                continue;
            assert_string_equal(found.reason, "nested too deeply");
            assert_int_equal(found.column, lead + (JSON_DEPTH_MAX - 1) * strlen(opens[kind]) + 1);
        }
    }
}

static void longest_line_is_measured_without_its_end(void **state)
{
    static const char good[] = "{\"userId\":\"u\",\"sessionDuration\":1}";
    struct scan_rules rules = usual;
    char line[200];
    (void)state;
    rules.max_line = 64;
    for (size_t len = sizeof good - 1; len < 80; len++) {
        memset(line, ' ', sizeof line);
        memcpy(line, good, sizeof good - 1);
        for (int carriage = 0; carriage < 2; carriage++) {
            line[len] = '\r';
            enum scan_kind kind = scan_by(&rules, line, len + (size_t)carriage);
            CHECK((kind == SCAN_EVENT) == (len <= 64), "%zu bytes", len);
            if (len > 64)
                CHECK(found.column == 65 &&
                          strcmp(found.reason, "the line is longer than --max-line") == 0,
                      "%zu bytes: %s", len, found.reason);
        }
    }
    memset(line, ' ', sizeof line);
    assert_int_equal(scan_by(&rules, line, 64), SCAN_BLANK);
    assert_int_equal(scan_by(&rules, line, 65), SCAN_BAD);
}

static void longest_key_is_measured_in_bytes_of_meaning(void **state)
{
    static const struct {
        const char *character;
        size_t bytes;
    } cases[] = {{"k", 1},   {"\\u006b", 1},          {"\xc3\xa9", 2}, {"\\u00e9", 2},
                 {"\\n", 1}, {"\xf0\x9f\x98\x80", 4}, {"\\u20ac", 3},  {"\\ud83d\\ude00", 4}};
    static const size_t limits[] = {1, 2, 3, 4, 12, 1024, SCAN_KEY_LIMIT};
    char *line = malloc(SCAN_KEY_LIMIT * 16);
    struct scan_rules rules = usual;
    (void)state;
    assert_non_null(line);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t l = 0; l < ARRAY_LEN(limits); l++) {
            size_t most = limits[l] / cases[i].bytes;
            rules.max_key = limits[l];
            for (size_t count = most > 1 ? most - 1 : 1; count <= most + 2; count++) {
                strcpy(line, "{\"userId\":\"");
                size_t at = strlen(line);
                for (size_t n = 0; n < count; n++, at += strlen(cases[i].character))
                    memcpy(line + at, cases[i].character, strlen(cases[i].character));
                strcpy(line + at, "\",\"sessionDuration\":1}");
                bool good = count * cases[i].bytes <= limits[l];
                CHECK((scan_by(&rules, line, strlen(line)) == SCAN_EVENT) == good,
                      "%zu times %s in %zu bytes", count, cases[i].character, limits[l]);
                if (!good)
                    CHECK(found.column == 11 &&
                              strcmp(found.reason, "the key is longer than --max-key") == 0,
                          "column %zu: %s", found.column, found.reason);
            }
        }
    }
    free(line);
}

static void longest_field_names_are_compared_whole(void **state)
{
    char name[SCAN_FIELD_NAME_LIMIT + 1], *line = malloc(SCAN_FIELD_NAME_LIMIT * 8);
    struct scan_rules rules = usual;
    (void)state;
    assert_non_null(line);
    memset(name, 'n', SCAN_FIELD_NAME_LIMIT);
    name[SCAN_FIELD_NAME_LIMIT] = '\0';
    rules.key = name;
    rules.key_len = SCAN_FIELD_NAME_LIMIT;
    for (int extra = -1; extra <= 1; extra++) {
        for (int escaped = 0; escaped < 2; escaped++) {
            size_t at = (size_t)sprintf(line, "{\"%s", escaped ? "\\u006e" : "n");
            memset(line + at, 'n', (size_t)(SCAN_FIELD_NAME_LIMIT - 1 + extra));
            at += (size_t)(SCAN_FIELD_NAME_LIMIT - 1 + extra);
            (void)sprintf(line + at, "\":\"u\",\"sessionDuration\":1}");
            CHECK((scan_by(&rules, line, strlen(line)) == SCAN_EVENT) == (extra == 0),
                  "%d beyond, escaped %d: %s", extra, escaped, found.reason);
        }
    }
    free(line);
}

static enum scan_kind scan_first(const char *line, size_t len)
{
    unsigned char *copy = exact_copy(line, len);
    enum scan_kind kind = scan_first_line(&usual, copy, len, &found);
    free(copy);
    return kind;
}

static void byte_order_mark_is_skipped_before_a_first_line_and_counted(void **state)
{
#define MARKED(literal) "\xef\xbb\xbf" literal, sizeof(literal) + 2
    (void)state;
    assert_int_equal(scan_first(MARKED("{\"userId\":\"u\",\"sessionDuration\":7}")), SCAN_EVENT);
    assert_int_equal(found.value, 7);
    assert_int_equal(scan_first(MARKED("")), SCAN_BLANK);
    assert_int_equal(scan_first(MARKED(" \r")), SCAN_BLANK);
    assert_int_equal(scan_first(MARKED("x")), SCAN_BAD);
    assert_int_equal(found.column, 4);
    assert_int_equal(scan_first(MARKED("{\"userId\":7}")), SCAN_BAD);
    assert_int_equal(found.column, 14);
    assert_int_equal(scan_first(MARKED("\xef\xbb\xbf{}")), SCAN_BAD);
    assert_string_equal(found.reason, "a byte order mark is not JSON");
    assert_int_equal(found.column, 4);
    assert_int_equal(scan_first("\xef\xbb", 2), SCAN_BAD);
    assert_int_equal(scan_first(" \xef\xbb\xbf{}", 6), SCAN_BAD);
    assert_int_equal(scan_by(&usual, "\xef\xbb\xbf{}", 5), SCAN_BAD);
#undef MARKED
}

static void nul_bytes_are_counted_where_they_begin(void **state)
{
    static const char *const before[] = {"",
                                         "  ",
                                         "{",
                                         "{\"userId",
                                         "{\"userId\":\"\xe2\x82",
                                         "{\"userId\":\"u\\",
                                         "{\"userId\":\"u\\u00",
                                         "{\"userId\":\"u\",\"x\":tr",
                                         "{\"userId\":\"u\",\"x\":1",
                                         "{\"userId\":\"u\",\"x\":-",
                                         "{\"userId\":\"u\",\"sessionDuration\":1",
                                         "{\"userId\":\"u\",\"sessionDuration\":1}"};
    static const char *const after[] = {"", "\r", "x", "{\"userId\":\"u\",\"sessionDuration\":1}"};
    (void)state;
    for (size_t b = 0; b < ARRAY_LEN(before); b++) {
        for (size_t a = 0; a < ARRAY_LEN(after); a++) {
            for (size_t zeros = 1; zeros < 600; zeros += 1 + zeros * 3) {
                char line[800] = {0};
                size_t len = strlen(before[b]);
                memcpy(line, before[b], len);
                strcpy(line + len + zeros, after[a]);
                assert_int_equal(scan_by(&usual, line, len + zeros + strlen(after[a])), SCAN_BAD);
                CHECK(found.zeros == (zeros > 1 ? zeros : 0), "'%s': %zu NUL bytes, not %zu",
                      before[b], found.zeros, zeros);
                if (zeros > 1)
                    CHECK(found.column == len + 1 && strstr(found.reason, "NUL") != NULL,
                          "'%s': column %zu: %s", before[b], found.column, found.reason);
            }
        }
    }
    assert_int_equal(scan("x"), SCAN_BAD);
    assert_int_equal(found.zeros, 0);
}

/* Whoever tolerated such a line would lose an event that only needs another shape. */
static void no_line_that_holds_an_event_is_to_be_tolerated(void **state)
{
    static const struct {
        const char *line, *advice; /* NULL: the usual one */
    } cases[] = {
        {"{\"userId\":\"u\",\"sessionDuration\":1}{\"userId\":\"u\"}", "line of its own"},
        {"{\"userId\":\"u\",\"sessionDuration\":1},", "line of its own"},
        {"[{\"userId\":\"u\",\"sessionDuration\":1}]", "jq"},
        {"\xef\xbb\xbf{\"userId\":\"u\",\"sessionDuration\":1}", "cut it out"},
        {"{\"userId\":7,\"sessionDuration\":1}", "as a string"},
        {"{\"userId\":-7,\"sessionDuration\":1}", "as a string"},
        {"{\"userId\":\"u\",\"sessionDuration\":\"1\"}", "as a number"},
        {"{\"userId\":\"u\",\"sessionDuration\":{\"$numberLong\":\"1\"}}", "as a number"},
        {"{\"userId\":\"u\",\"sessionDuration\":100.0}", "without fraction"},
        {"{\"userId\":\"u\",\"sessionDuration\":1e2}", "without fraction"},
        {"{\"userId\":\"u\"}", "--value"},
        {"{\"userId\":null,\"sessionDuration\":1}", "--max-bad tolerates"},
        {"{\"userId\":\"u\",\"sessionDuration\":null}", "--max-bad tolerates"},
        {"{\"userId\":\"u\",\"sessionDuration\":1.05}", NULL},
        {"{\"userId\":\"u\",\"sessionDuration\":-1}", NULL},
        {"{\"userId\":\"u\",\"sessionDu", NULL},
        {"rubbish", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(scan(cases[i].line), SCAN_BAD);
        CHECK((found.advice == NULL) == (cases[i].advice == NULL), "%s", cases[i].line);
        if (found.advice != NULL)
            CHECK(strstr(found.advice, cases[i].advice) != NULL, "%s: %s", cases[i].line,
                  found.advice);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_events_are_read),
        cmocka_unit_test(blank_lines_are_blank),
        cmocka_unit_test(values_go_from_0_to_the_largest_integer),
        cmocka_unit_test(keys_mean_what_their_escapes_say),
        cmocka_unit_test(names_mean_what_their_escapes_say),
        cmocka_unit_test(any_field_names_work),
        cmocka_unit_test(other_fields_may_hold_anything_valid),
        cmocka_unit_test(violations_are_found_in_any_value),
        cmocka_unit_test(violations_are_found_in_any_name),
        cmocka_unit_test(broken_lines_are_pointed_at),
        cmocka_unit_test(every_truncation_is_bad),
        cmocka_unit_test(nesting_counts_the_line_itself),
        cmocka_unit_test(longest_line_is_measured_without_its_end),
        cmocka_unit_test(longest_key_is_measured_in_bytes_of_meaning),
        cmocka_unit_test(longest_field_names_are_compared_whole),
        cmocka_unit_test(byte_order_mark_is_skipped_before_a_first_line_and_counted),
        cmocka_unit_test(nul_bytes_are_counted_where_they_begin),
        cmocka_unit_test(no_line_that_holds_an_event_is_to_be_tolerated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
