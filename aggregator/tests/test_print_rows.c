#include "aggregator/print_rows.h"

#include "common/json_scan.h"
#include "common/tests/unit.h"

/* Header and rows as one text; the caller frees. */
static char *print(const struct print_shape *shape, const struct total *totals, size_t count)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, 1 << 20);
    print_header(&out, shape);
    for (size_t i = 0; i < count; i++)
        print_row(&out, shape, &totals[i]);
    return buf_take(&out, &err);
}

#define KEY(literal) .key = (const unsigned char *)(literal), .key_len = sizeof(literal) - 1

static const struct total two[] = {
    {KEY("user001"), .sum = 180, .count = 2, .min = 30, .max = 150},
    {KEY("user002"), .sum = INT64_MAX, .count = 1, .min = INT64_MAX, .max = INT64_MAX}};

static void assert_prints(const struct print_shape *shape, const char *expected)
{
    char *text = print(shape, two, 2);
    assert_string_equal(text, expected);
    free(text);
}

static void csv_has_a_header_and_line_feeds(void **state)
{
    struct print_shape shape = {.format = PRINT_CSV, .key = "userId", .value = "sessionDuration"};
    (void)state;
    assert_prints(&shape, "userId,sessionDuration\nuser001,180\nuser002,9223372036854775807\n");
    shape.statistics = true;
    assert_prints(&shape, "userId,sessionDuration,count,min,max\nuser001,180,2,30,150\n"
                          "user002,9223372036854775807,1,9223372036854775807,"
                          "9223372036854775807\n");
}

static void json_is_one_object_a_line(void **state)
{
    struct print_shape shape = {.format = PRINT_JSON, .key = "userId", .value = "sessionDuration"};
    (void)state;
    assert_prints(&shape, "{\"userId\":\"user001\",\"sessionDuration\":180}\n"
                          "{\"userId\":\"user002\",\"sessionDuration\":9223372036854775807}\n");
    shape.statistics = true;
    assert_prints(&shape,
                  "{\"userId\":\"user001\",\"sessionDuration\":180,\"count\":2,\"min\":30,"
                  "\"max\":150}\n"
                  "{\"userId\":\"user002\",\"sessionDuration\":9223372036854775807,\"count\":1,"
                  "\"min\":9223372036854775807,\"max\":9223372036854775807}\n");
}

static void table_aligns_its_columns(void **state)
{
    struct print_shape shape = {
        .format = PRINT_TABLE, .key = "userId", .value = "sessionDuration", .key_width = 7};
    (void)state;
    assert_prints(&shape, "userId       sessionDuration\n"
                          "-------  -------------------\n"
                          "user001                  180\n"
                          "user002  9223372036854775807\n");
    shape.statistics = true;
    char *text = print(&shape, two, 2);
    for (char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
        CHECK(strcspn(line, "\n") == 7 + 4 * 21, "%s", text);
    free(text);
}

static void csv_quotes_what_rfc_4180_says(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"plain", 5, "plain"},
        {"", 0, ""},
        {"with space", 10, "with space"},
        {" edge ", 6, " edge "},
        {"tab\there", 8, "tab\there"},
        {"'single'", 8, "'single'"},
        {"a,b", 3, "\"a,b\""},
        {"\"", 1, "\"\"\"\""},
        {"say \"hi\"", 8, "\"say \"\"hi\"\"\""},
        {"two\nlines", 9, "\"two\nlines\""},
        {"two\r\nlines", 10, "\"two\r\nlines\""},
        {"\r", 1, "\"\r\""},
        {"caf\xc3\xa9,", 6, "\"caf\xc3\xa9,\""},
        {"a;b", 3, "a;b"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 256);
        struct err err = {0};
        unsigned char *in = exact_copy(cases[i].in, cases[i].len);
        print_csv_field(&out, in, cases[i].len);
        free(in);
        assert_true(buf_ok(&out, &err));
        CHECK(strcmp(out.data, cases[i].out) == 0, "case %zu", i);
    }
}

static void hostile_names_are_quoted_too(void **state)
{
    static const struct total one = {KEY("k\n\"\\"), .sum = 1};
    struct print_shape shape = {.format = PRINT_CSV, .key = "a,b", .value = "c\"d"};
    (void)state;
    char *text = print(&shape, &one, 1);
    assert_string_equal(text, "\"a,b\",\"c\"\"d\"\n\"k\n\"\"\\\",1\n");
    free(text);
    shape.format = PRINT_JSON;
    text = print(&shape, &one, 1);
    assert_string_equal(text, "{\"a,b\":\"k\\n\\\"\\\\\",\"c\\\"d\":1}\n");
    free(text);
}

static void every_key_makes_a_valid_json_line(void **state)
{
    const struct print_shape shape = {.format = PRINT_JSON, .key = "k", .value = "v"};
    (void)state;
    for (unsigned byte = 1; byte < 0x80; byte++) {
        const unsigned char key[] = {'a', (unsigned char)byte, 'b'};
        const struct total total = {.key = key, .key_len = 3, .sum = 5};
        char *text = print(&shape, &total, 1);
        const unsigned char *start = (const unsigned char *)text;
        struct json_fault fault;
        CHECK(json_scan_value(start, start + strlen(text), 1, &fault) == start + strlen(text) - 1,
              "%s", text);
        free(text);
    }
}

/* Whatever a key holds, the table stays one line a row with its numbers in their place. */
static void table_survives_any_key(void **state)
{
    static const struct total odd[] = {
        {KEY("tab\tand\nline"), .sum = 1}, {KEY("\033[2J"), .sum = 22},
        {KEY("caf\xc3\xa9"), .sum = 333},  {KEY("\xe2\x82\xac\xe2\x82\xac"), .sum = 4444},
        {KEY("x"), .sum = 55555},
    };
    struct print_shape shape = {.format = PRINT_TABLE, .key = "k", .value = "v"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        if (print_key_width(&odd[i]) > shape.key_width)
            shape.key_width = print_key_width(&odd[i]);
    assert_int_equal(shape.key_width, strlen("tab\\x09and\\x0aline"));
    char *text = print(&shape, odd, ARRAY_LEN(odd));
    size_t lines = 0;
    for (char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1, lines++) {
        size_t width = 0;
        for (char *c = line; *c != '\n'; c++) {
            CHECK((unsigned char)*c >= 0x20, "%s", text);
            width += ((unsigned char)*c & 0xc0) != 0x80;
        }
        CHECK(width == shape.key_width + 21, "%s", text);
    }
    assert_int_equal(lines, ARRAY_LEN(odd) + 2);
    free(text);
}

static void long_keys_are_shown_whole_beyond_the_column(void **state)
{
    unsigned char key[2600];
    const struct total total = {.key = key, .key_len = sizeof key, .sum = 7};
    struct print_shape shape = {.format = PRINT_TABLE, .key = "k", .value = "v"};
    (void)state;
    static const unsigned char bytes[] = {'x', 0x01, 0xff};
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        memset(key, bytes[i], sizeof key);
        shape.key_width = print_key_width(&total);
        assert_int_equal(shape.key_width, bytes[i] == 'x' ? sizeof key : 4 * sizeof key);
        char *text = print(&shape, &total, 1);
        assert_non_null(strstr(text, "  "));
        assert_true(strlen(text) > sizeof key && strlen(text) < 5 * sizeof key);
        assert_null(strstr(text, "..."));
        free(text);
    }
}

static void full_buffer_is_a_failure(void **state)
{
    static const enum print_format formats[] = {PRINT_CSV, PRINT_JSON, PRINT_TABLE};
    (void)state;
    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        const struct print_shape shape = {
            .format = formats[f], .key = "k,", .value = "v", .statistics = true, .key_width = 9};
        char *whole = print(&shape, two, 1);
        for (size_t max = 0; max < strlen(whole); max++) {
            struct buf out;
            struct err err = {0};
            buf_init(&out, max);
            print_header(&out, &shape);
            print_row(&out, &shape, &two[0]);
            CHECK(!buf_ok(&out, &err), "format %zu in %zu bytes", f, max);
            CHECK(err.status == STATUS_BUG, "format %zu in %zu bytes", f, max);
            buf_release(&out);
        }
        free(whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_header_and_line_feeds),
        cmocka_unit_test(json_is_one_object_a_line),
        cmocka_unit_test(table_aligns_its_columns),
        cmocka_unit_test(csv_quotes_what_rfc_4180_says),
        cmocka_unit_test(hostile_names_are_quoted_too),
        cmocka_unit_test(every_key_makes_a_valid_json_line),
        cmocka_unit_test(table_survives_any_key),
        cmocka_unit_test(long_keys_are_shown_whole_beyond_the_column),
        cmocka_unit_test(full_buffer_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
