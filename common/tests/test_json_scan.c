#include "common/json_scan.h"

#include "common/tests/unit.h"

/* Texts may hold U+0000: their length is that of the literal. */
struct text {
    const char *bytes;
    size_t len;
};
#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

/* The offset where the value ends, or -1 and the fault's offset and reason. */
struct outcome {
    long end, fault;
    const char *reason;
};

static struct outcome scan(const char *bytes, size_t len, unsigned depth)
{
    unsigned char *copy = exact_copy(bytes, len);
    struct json_fault fault = {0};
    const unsigned char *end = json_scan_value(copy, copy + len, depth, &fault);
    struct outcome outcome = {.end = end == NULL ? -1 : end - copy,
                              .fault = end == NULL ? fault.at - copy : -1,
                              .reason = fault.reason};
    free(copy);
    return outcome;
}

static const struct text valid[] = {
    TEXT("null"),
    TEXT("true"),
    TEXT("false"),
    TEXT("0"),
    TEXT("-0"),
    TEXT("7"),
    TEXT("-7"),
    TEXT("1234567890123456789012345678901234567890"),
    TEXT("0.0"),
    TEXT("-0.0"),
    TEXT("1.25"),
    TEXT("1e5"),
    TEXT("1E5"),
    TEXT("1e+5"),
    TEXT("1e-5"),
    TEXT("1e005"),
    TEXT("0e0"),
    TEXT("-0E+00"),
    TEXT("1.5e9999999999"),
    TEXT("\"\""),
    TEXT("\"a\""),
    TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    TEXT("\"\\u0000\\u001F\\uaBcD\""),
    TEXT("\"\\uD83D\\ude00\""),
    TEXT("\"\\ud800\""),
    TEXT("\"\\udc00\\ud800\""),
    TEXT("\"\\ud800\\ud800\\udc00\""),
    TEXT("\"\x7f\""),
    TEXT(
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""),
    TEXT("\"\xef\xbb\xbf\""),
    TEXT("\"\xef\xbf\xbf\xe2\x80\xa8\""),
    TEXT("\"// no comment /* here\""),
    TEXT("[]"),
    TEXT("[ \t\r\n]"),
    TEXT("[1]"),
    TEXT("[1,2]"),
    TEXT("[ 1 , [ ] , { } ]"),
    TEXT("[[[[]]],[[]]]"),
    TEXT("{}"),
    TEXT("{ }"),
    TEXT("{\"a\":1}"),
    TEXT("{\"\":\"\"}"),
    TEXT("{\"a\":1,\"a\":2}"),
    TEXT("{ \"a\" : [ { \"b\" : null } , 1.5e3 ] , \"c\" : {} }"),
    TEXT("{\"a\":{\"b\":[{\"c\":[]}]},\"d\":[{},{}]}"),
    TEXT("[\"a long string that passes eight bytes at a time\\n and \\\"escapes\\\" twice\"]"),
};

static void every_valid_value_is_read_to_its_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        struct outcome got = scan(valid[i].bytes, valid[i].len, JSON_DEPTH_MAX);
        CHECK(got.end == (long)valid[i].len, "%s: ended at %ld, fault at %ld, %s", valid[i].bytes,
              got.end, got.fault, got.reason);
    }
}

static void what_follows_a_value_is_left_alone(void **state)
{
    static const char *const rests[] = {" ", ",", "]", "}", "\n", ":", "\"", "x", "[", "{"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        for (size_t r = 0; r < ARRAY_LEN(rests); r++) {
            char bytes[256];
            memcpy(bytes, valid[i].bytes, valid[i].len);
            memcpy(bytes + valid[i].len, rests[r], 1);
            struct outcome got = scan(bytes, valid[i].len + 1, JSON_DEPTH_MAX);
            CHECK(got.end == (long)valid[i].len, "%s before '%s'", valid[i].bytes, rests[r]);
        }
    }
}

static const struct {
    struct text text;
    long fault;
    const char *reason;
} invalid[] = {
    {TEXT(""), 0, "expected a value"},
    {TEXT(" 1"), 0, "expected a value"},
    {TEXT("x"), 0, "expected a value"},
    {TEXT("\0"), 0, "expected a value"},
    {TEXT("nul"), 3, "expected a value"},
    {TEXT("nulL"), 3, "expected a value"},
    {TEXT("Null"), 0, "expected a value"},
    {TEXT("tru"), 3, "expected a value"},
    {TEXT("trUe"), 2, "expected a value"},
    {TEXT("fals"), 4, "expected a value"},
    {TEXT("NaN"), 0, "expected a value"},
    {TEXT("Infinity"), 0, "expected a value"},
    {TEXT("-Infinity"), 1, "a number needs a digit"},
    {TEXT("undefined"), 0, "expected a value"},
    {TEXT("'a'"), 0, "expected a value"},
    {TEXT("/* */1"), 0, "expected a value"},
    {TEXT("\xef\xbb\xbf"
          "1"),
     0, "expected a value"},
    {TEXT("-"), 1, "a number needs a digit"},
    {TEXT("--1"), 1, "a number needs a digit"},
    {TEXT("-a"), 1, "a number needs a digit"},
    {TEXT("- 1"), 1, "a number needs a digit"},
    {TEXT("+1"), 0, "expected a value"},
    {TEXT(".5"), 0, "expected a value"},
    {TEXT("01"), 0, "a number has a leading zero"},
    {TEXT("00"), 0, "a number has a leading zero"},
    {TEXT("-01"), 1, "a number has a leading zero"},
    {TEXT("-00.5"), 1, "a number has a leading zero"},
    {TEXT("1."), 2, "a fraction needs a digit"},
    {TEXT("1.e5"), 2, "a fraction needs a digit"},
    {TEXT("1..5"), 2, "a fraction needs a digit"},
    {TEXT("-1.-5"), 3, "a fraction needs a digit"},
    {TEXT("1e"), 2, "an exponent needs a digit"},
    {TEXT("1E+"), 3, "an exponent needs a digit"},
    {TEXT("1e+-5"), 3, "an exponent needs a digit"},
    {TEXT("1e.5"), 2, "an exponent needs a digit"},
    {TEXT("[1.5.5]"), 4, "expected ',' or ']'"},
    {TEXT("[1e5e5]"), 4, "expected ',' or ']'"},
    {TEXT("[0x10]"), 2, "expected ',' or ']'"},
    {TEXT("[1_000]"), 2, "expected ',' or ']'"},
    {TEXT("[1 000]"), 3, "expected ',' or ']'"},
    {TEXT("\""), 1, "the string does not end"},
    {TEXT("\"abc"), 4, "the string does not end"},
    {TEXT("\"abcdefghijklmnop"), 17, "the string does not end"},
    {TEXT("\"\\"), 2, "the string does not end"},
    {TEXT("\"\\\""), 3, "the string does not end"},
    {TEXT("\"\\x41\""), 2, "unknown escape in a string"},
    {TEXT("\"\\a\""), 2, "unknown escape in a string"},
    {TEXT("\"\\N\""), 2, "unknown escape in a string"},
    {TEXT("\"\\'\""), 2, "unknown escape in a string"},
    {TEXT("\"\\0\""), 2, "unknown escape in a string"},
    {TEXT("\"\\\0\""), 2, "unknown escape in a string"},
    {TEXT("\"\\U0041\""), 2, "unknown escape in a string"},
    {TEXT("\"\\\xc3\xa9\""), 2, "unknown escape in a string"},
    {TEXT("\"\\u\""), 3, "\\u needs four hex digits"},
    {TEXT("\"\\u00\""), 5, "\\u needs four hex digits"},
    {TEXT("\"\\u004g\""), 6, "\\u needs four hex digits"},
    {TEXT("\"\\u+041\""), 3, "\\u needs four hex digits"},
    {TEXT("\"\\u 041\""), 3, "\\u needs four hex digits"},
    {TEXT("\"\\u{41}\""), 3, "\\u needs four hex digits"},
    {TEXT("\"\\u123"), 6, "\\u needs four hex digits"},
    {TEXT("\"\\ud800\\u12\""), 11, "\\u needs four hex digits"},
    {TEXT("\"\\ud800\\x\""), 8, "unknown escape in a string"},
    {TEXT("\"a\nb\""), 2, "raw control character in a string"},
    {TEXT("\"a\tb\""), 2, "raw control character in a string"},
    {TEXT("\"a\0b\""), 2, "raw control character in a string"},
    {TEXT("\"\x1f\""), 1, "raw control character in a string"},
    {TEXT("\"abcdefgh\x1f\""), 9, "raw control character in a string"},
    {TEXT("\"\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xc0\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xc1\xbf\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"a\xc3\""), 2, "invalid UTF-8 in a string"},
    {TEXT("\"\xe0\x9f\xbf\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xed\xa0\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xed\xbf\xbf\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xe2\x82\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xf0\x8f\xbf\xbf\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xf4\x90\x80\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xf5\x80\x80\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xf8\x88\x80\x80\x80\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xff\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"\xfe\xff\""), 1, "invalid UTF-8 in a string"},
    {TEXT("\"abcdefg\xff\""), 8, "invalid UTF-8 in a string"},
    {TEXT("["), 1, "expected a value"},
    {TEXT("[1"), 2, "the array does not end"},
    {TEXT("[1,"), 3, "expected a value"},
    {TEXT("[1,]"), 3, "expected a value"},
    {TEXT("[,1]"), 1, "expected a value"},
    {TEXT("[,]"), 1, "expected a value"},
    {TEXT("[1,,2]"), 3, "expected a value"},
    {TEXT("[1 2]"), 3, "expected ',' or ']'"},
    {TEXT("[1;2]"), 2, "expected ',' or ']'"},
    {TEXT("[1:2]"), 2, "expected ',' or ']'"},
    {TEXT("[1}"), 2, "expected ',' or ']'"},
    {TEXT("[}"), 1, "expected a value"},
    {TEXT("[\"a\":1]"), 4, "expected ',' or ']'"},
    {TEXT("[[1]"), 4, "the array does not end"},
    {TEXT("[\v]"), 1, "expected a value"},
    {TEXT("[\f]"), 1, "expected a value"},
    {TEXT("[\xc2\xa0]"), 1, "expected a value"},
    {TEXT("[\xe2\x80\xa8]"), 1, "expected a value"},
    {TEXT("{"), 1, "expected a field name"},
    {TEXT("{,}"), 1, "expected a field name"},
    {TEXT("{1:2}"), 1, "expected a field name"},
    {TEXT("{a:2}"), 1, "expected a field name"},
    {TEXT("{'a':2}"), 1, "expected a field name"},
    {TEXT("{null:2}"), 1, "expected a field name"},
    {TEXT("{[]:2}"), 1, "expected a field name"},
    {TEXT("{]"), 1, "expected a field name"},
    {TEXT("{\"a\""), 4, "expected ':'"},
    {TEXT("{\"a\"}"), 4, "expected ':'"},
    {TEXT("{\"a\",1}"), 4, "expected ':'"},
    {TEXT("{\"a\"=1}"), 4, "expected ':'"},
    {TEXT("{\"a\" 1}"), 5, "expected ':'"},
    {TEXT("{\"a\":"), 5, "expected a value"},
    {TEXT("{\"a\":}"), 5, "expected a value"},
    {TEXT("{\"a\"::1}"), 5, "expected a value"},
    {TEXT("{\"a\":,}"), 5, "expected a value"},
    {TEXT("{\"a\":1"), 6, "the object does not end"},
    {TEXT("{\"a\":1,"), 7, "expected a field name"},
    {TEXT("{\"a\":1,}"), 7, "expected a field name"},
    {TEXT("{\"a\":1,,}"), 7, "expected a field name"},
    {TEXT("{\"a\":1]"), 6, "expected ',' or '}'"},
    {TEXT("{\"a\":1 \"b\":2}"), 7, "expected ',' or '}'"},
    {TEXT("{\"a\":1;}"), 6, "expected ',' or '}'"},
    {TEXT("{\"a\":[1}"), 7, "expected ',' or ']'"},
    {TEXT("{\"a\":{\"b\":1]}"), 11, "expected ',' or '}'"},
    {TEXT("[{\"a\":1},{\"b\"}]"), 13, "expected ':'"},
    {TEXT("{\"a\nb\":1}"), 3, "raw control character in a string"},
    {TEXT("{\"\xff\":1}"), 2, "invalid UTF-8 in a string"},
    {TEXT("{\"a\":\"\\q\"}"), 7, "unknown escape in a string"},
    {TEXT("{\"a\":01}"), 5, "a number has a leading zero"},
    {TEXT("{\"a\":nuLL}"), 7, "expected a value"},
};

static void every_violation_is_found_where_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        const struct text *text = &invalid[i].text;
        struct outcome got = scan(text->bytes, text->len, JSON_DEPTH_MAX);
        CHECK(got.fault == invalid[i].fault, "%s: fault at %ld, %s", text->bytes, got.fault,
              got.reason);
        CHECK(strcmp(got.reason, invalid[i].reason) == 0, "%s: %s", text->bytes, got.reason);
    }
}

static void every_violation_is_found_at_any_depth(void **state)
{
    char bytes[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(invalid); i++) {
        const struct text *text = &invalid[i].text;
        if ((size_t)invalid[i].fault == text->len)
            continue; /* what is cut off would be healed by what follows */
        int len = snprintf(bytes, sizeof bytes, "[{\"k\":[");
        memcpy(bytes + len, text->bytes, text->len);
        memcpy(bytes + len + text->len, "]}]", 3);
        struct outcome got = scan(bytes, (size_t)len + text->len + 3, JSON_DEPTH_MAX);
        if (text->bytes[0] == ' ')
            continue; /* white space is fine there */
        CHECK(got.fault == len + invalid[i].fault, "%s: fault at %ld, %s", bytes, got.fault,
              got.reason);
    }
}

static void every_truncation_is_a_fault_at_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(valid); i++) {
        const struct text *text = &valid[i];
        if (strchr("\"[{tfn", text->bytes[0]) == NULL)
            continue; /* the begin of a number may be one */
        for (size_t len = 0; len < text->len; len++) {
            size_t whole = len; /* a character cut in two is a fault where it begins */
            while (whole > 0 && ((unsigned char)text->bytes[whole] & 0xc0) == 0x80)
                whole--;
            struct outcome got = scan(text->bytes, len, JSON_DEPTH_MAX);
            CHECK(got.end < 0, "%s cut to %zu", text->bytes, len);
            CHECK(got.fault == (long)whole, "%s cut to %zu: fault at %ld", text->bytes, len,
                  got.fault);
        }
    }
}

static void nesting_ends_at_the_depth_asked_for(void **state)
{
    static const char *const opens[] = {"[", "{\"a\":", "[{\"a\":"};
    static const char *const closes[] = {"]", "}", "}]"};
    static const unsigned levels[] = {1, 1, 2};
    char bytes[1024];
    (void)state;
    for (size_t kind = 0; kind < ARRAY_LEN(opens); kind++) {
        for (unsigned depth = 0; depth <= JSON_DEPTH_MAX; depth++) {
            for (unsigned n = 0; n <= JSON_DEPTH_MAX + 2; n += levels[kind]) {
                bytes[0] = '\0';
                for (unsigned i = 0; i < n; i += levels[kind])
                    strcat(bytes, opens[kind]);
                strcat(bytes, "1");
                for (unsigned i = 0; i < n; i += levels[kind])
                    strcat(bytes, closes[kind]);
                struct outcome got = scan(bytes, strlen(bytes), depth);
                CHECK((got.end == (long)strlen(bytes)) == (n <= depth), "%u levels of %s in %u", n,
                      opens[kind], depth);
                if (n <= depth)
                    continue;
                CHECK(strcmp(got.reason, "nested too deeply") == 0, "%s", got.reason);
                long at = (long)(depth / levels[kind] * strlen(opens[kind]) + depth % levels[kind]);
                CHECK(got.fault == at, "%u levels of %s in %u: at %ld", n, opens[kind], depth,
                      got.fault);
            }
        }
    }
}

static void an_empty_container_counts_as_a_level(void **state)
{
    (void)state;
    assert_int_equal(scan("[]", 2, 0).fault, 0);
    assert_int_equal(scan("[[]]", 4, 1).fault, 1);
    assert_int_equal(scan("[[],{},[]]", 10, 2).end, 10);
    assert_int_equal(scan("1", 1, 0).end, 1);
}

/* Strings are read eight bytes at a time: what ends that may be at any place in a word. */
static void specials_are_found_at_any_place_in_a_word(void **state)
{
    static const struct {
        const char *special;
        bool good;
    } cases[] = {{"\"", true},       {"\\n", true},           {"\\u0041", true},
                 {"\xc3\xa9", true}, {"\xed\xa0\x80", false}, {"\n", false},
                 {"\x1f", false},    {"\x80", false},         {"\xff", false},
                 {"\\q", false},     {"\x7f", true},          {" ", true},
                 {"!#[]", true},     {"\x01\x02", false},     {"#\x1f", false}};
    char bytes[64];
    (void)state;
    for (size_t lead = 0; lead < 24; lead++) {
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            const char *special = cases[i].special;
            bytes[0] = '"';
            memset(bytes + 1, 'x', lead);
            size_t len = 1 + lead;
            memcpy(bytes + len, special, strlen(special));
            len += strlen(special);
            size_t ends = special[0] == '"' ? len : len + 11;
            memcpy(bytes + len, "0123456789\"", 11);
            struct outcome got = scan(bytes, len + 11, 0);
            CHECK(got.end == (cases[i].good ? (long)ends : -1), "'%s' after %zu bytes", special,
                  lead);
            if (!cases[i].good)
                CHECK(got.fault >= (long)lead + 1 && got.fault <= (long)lead + 2,
                      "'%s' after %zu bytes: at %ld", special, lead, got.fault);
        }
    }
}

static void strings_tell_what_they_hold(void **state)
{
    static const struct {
        const char *bytes;
        bool escaped, text;
    } cases[] = {
        {"\"\"", false, true},
        {"\"user\"", false, true},
        {"\"caf\xc3\xa9\"", false, true},
        {"\"a\\nb\"", true, true},
        {"\"\\u0041\"", true, true},
        {"\"\\u0001\"", true, true},
        {"\"\\ud83d\\ude00\"", true, true},
        {"\"\\uD83D\\uDE00 and more\"", true, true},
        {"\"\\u0000\"", true, false},
        {"\"a\\u0000b\"", true, false},
        {"\"\\ud83d\"", true, false},
        {"\"\\ude00\"", true, false},
        {"\"\\ude00\\ud83d\"", true, false},
        {"\"\\ud83d\\ud83d\\ude00\"", true, false},
        {"\"\\ud83dx\\ude00\"", true, false},
        {"\"\\ud83d\\u0041\"", true, false},
        {"\"\\ud83d\\n\"", true, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const size_t len = strlen(cases[i].bytes);
        unsigned char *copy = exact_copy(cases[i].bytes, len);
        struct json_string string = {0};
        struct json_fault fault;
        CHECK(json_scan_string(copy, copy + len, &string, &fault) == copy + len, "%s",
              cases[i].bytes);
        CHECK(string.start == copy + 1 && string.end == copy + len - 1, "%s", cases[i].bytes);
        CHECK(string.escaped == cases[i].escaped, "%s", cases[i].bytes);
        CHECK(string.text == cases[i].text, "%s", cases[i].bytes);
        free(copy);
    }
}

static void decoding_gives_the_meaning_or_nothing(void **state)
{
    static const struct {
        const char *bytes;
        struct text meaning;
    } cases[] = {
        {"\"\"", TEXT("")},
        {"\"user1\"", TEXT("user1")},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", TEXT("\"\\/\b\f\n\r\t")},
        {"\"user\\u0030\"", TEXT("user0")},
        {"\"\\u00e9\\u20AC\"", TEXT("\xc3\xa9\xe2\x82\xac")},
        {"\"\\u0000x\"", TEXT("\0x")},
        {"\"\\ud83d\\ude00\"", TEXT("\xf0\x9f\x98\x80")},
        {"\"\\ud800\\udc00\\udbff\\udfff\"", TEXT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
        {"\"\\ud83d\"", TEXT("\xed\xa0\xbd")},
        {"\"\\ud83d\\u0041\"", TEXT("\xed\xa0\xbd"
                                    "A")},
        {"\"caf\xc3\xa9\\n\"", TEXT("caf\xc3\xa9\n")},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct text *meaning = &cases[i].meaning;
        const size_t len = strlen(cases[i].bytes);
        unsigned char *copy = exact_copy(cases[i].bytes, len);
        struct json_string string;
        struct json_fault fault;
        assert_non_null(json_scan_string(copy, copy + len, &string, &fault));
        for (size_t size = 0; size <= meaning->len + 4; size++) {
            unsigned char *out = malloc(size);
            size_t got = json_decode(&string, out, size);
            CHECK(got == (size < meaning->len ? SIZE_MAX : meaning->len), "%s into %zu: %zu",
                  cases[i].bytes, size, got);
            if (got != SIZE_MAX && got > 0)
                assert_memory_equal(out, meaning->bytes, got);
            free(out);
        }
        free(copy);
    }
}

static void integers_have_neither_fraction_nor_exponent(void **state)
{
    static const struct {
        const char *bytes;
        bool integer;
    } cases[] = {{"0", true},       {"-0", true},   {"12345678901234567890", true},
                 {"1.0", false},    {"1e0", false}, {"1E9", false},
                 {"-1.5e-3", false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const size_t len = strlen(cases[i].bytes);
        unsigned char *copy = exact_copy(cases[i].bytes, len);
        struct json_fault fault;
        bool integer = !cases[i].integer;
        assert_ptr_equal(json_scan_number(copy, copy + len, &integer, &fault), copy + len);
        CHECK(integer == cases[i].integer, "%s", cases[i].bytes);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_valid_value_is_read_to_its_end),
        cmocka_unit_test(what_follows_a_value_is_left_alone),
        cmocka_unit_test(every_violation_is_found_where_it_is),
        cmocka_unit_test(every_violation_is_found_at_any_depth),
        cmocka_unit_test(every_truncation_is_a_fault_at_the_end),
        cmocka_unit_test(nesting_ends_at_the_depth_asked_for),
        cmocka_unit_test(an_empty_container_counts_as_a_level),
        cmocka_unit_test(specials_are_found_at_any_place_in_a_word),
        cmocka_unit_test(strings_tell_what_they_hold),
        cmocka_unit_test(decoding_gives_the_meaning_or_nothing),
        cmocka_unit_test(integers_have_neither_fraction_nor_exponent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
