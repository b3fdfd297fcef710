#include "fake_gen/broken_line.h"

#include "common/tests/unit.h"

#include "common/json_scan.h"

static const struct event short_event = {
    .second = 0, .user = 1, .product = 1, .type = 0, .duration = EVENT_DURATION_MIN};
static const struct event long_event = {
    .second = 86399, .user = 1000000000, .product = 1000000000, .type = 15, .duration = 999};

/* The line without its end; the caller frees. */
static char *make(const struct event *event, unsigned kind, size_t *ret_len)
{
    struct event_text *text = malloc(sizeof *text);
    char *line = malloc(BROKEN_LINE_MAX);

    assert_non_null(text);
    assert_non_null(line);
    event_text_init(text, 20089, 20089);
    size_t len = (size_t)(broken_line_put(text, event, kind, line) - line);
    assert_in_range(len, 2, BROKEN_LINE_MAX);
    assert_int_equal(line[len - 1], '\n');
    free(text);
    *ret_len = len - 1;
    return line;
}

static void every_kind_is_one_line_that_fits(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < BROKEN_KINDS; kind++) {
        size_t len;
        char *line = make(&long_event, kind, &len);
        CHECK(memchr(line, '\n', len) == NULL && memchr(line, '\0', len) == NULL, "%s",
              broken_line_fault(kind));
        free(line);
    }
}

/* Those that break JSON itself; the others break a rule about the key or the value. */
static void what_should_not_be_json_is_not(void **state)
{
    static const char *const not_json[] = {
        "cut in the middle",    "raw control character",     "invalid UTF-8",
        "comma before the end", "value with a leading zero", "text after the object",
    };
    (void)state;
    for (unsigned kind = 0; kind < BROKEN_KINDS; kind++) {
        struct json_fault fault = {0};
        bool expected = true;
        size_t len;
        char *line = make(&short_event, kind, &len);
        const unsigned char *start = (const unsigned char *)line, *end = start + len;
        bool is_json = json_scan_value(start, end, JSON_DEPTH_MAX, &fault) == end;
        for (size_t i = 0; i < ARRAY_LEN(not_json); i++)
            expected = expected && strcmp(not_json[i], broken_line_fault(kind)) != 0;
        CHECK(is_json == expected, "%s: %s", broken_line_fault(kind), line);
        free(line);
    }
}

static void kinds_differ_in_text_and_name(void **state)
{
    (void)state;
    for (unsigned a = 0; a < BROKEN_KINDS; a++) {
        for (unsigned b = 0; b < a; b++) {
            size_t a_len, b_len;
            char *a_line = make(&short_event, a, &a_len), *b_line = make(&short_event, b, &b_len);
            assert_true(a_len != b_len || memcmp(a_line, b_line, a_len) != 0);
            assert_string_not_equal(broken_line_fault(a), broken_line_fault(b));
            free(a_line);
            free(b_line);
        }
    }
}

static void fields_of_the_event_stand_in_its_line(void **state)
{
    size_t len;
    char *line = make(&short_event, 3, &len);
    static const char expected[] =
        "{\"timestamp\":\"2025-01-01T00:00:00\",\"userId\":\"user001\",\"eventType\":\"click\","
        "\"productId\":\"product001\",\"sessionDuration\":-30}";
    (void)state;
    assert_int_equal(len, sizeof expected - 1);
    assert_memory_equal(line, expected, len);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_one_line_that_fits),
        cmocka_unit_test(what_should_not_be_json_is_not),
        cmocka_unit_test(kinds_differ_in_text_and_name),
        cmocka_unit_test(fields_of_the_event_stand_in_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
