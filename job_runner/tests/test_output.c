#include "job_runner/output.h"

#include "common/tests/unit.h"

static size_t passed(struct output *output, const char *text)
{
    unsigned char *exact = exact_copy(text, strlen(text));
    size_t len = output_pass(output, (char *)exact, strlen(text));
    free(exact);
    return len;
}

static void no_record_of_a_program_passes(void **state)
{
    struct output output = {.max = 100};
    char text[] = "a\x1e{}\n\x1e";

    (void)state;
    assert_int_equal(output_pass(&output, text, sizeof text - 1), sizeof text - 1);
    assert_string_equal(text, "a?{}\n?");
    assert_int_equal(output.bytes, sizeof text - 1);
}

static void whether_the_last_line_has_ended_is_known(void **state)
{
    struct output output = {.max = 100};

    (void)state;
    assert_false(output_is_within_line(&output));
    (void)passed(&output, "a");
    assert_true(output_is_within_line(&output));
    (void)passed(&output, "b\n");
    assert_false(output_is_within_line(&output));
}

static void no_more_than_the_limit_passes(void **state)
{
    struct output output = {.max = 5};

    (void)state;
    assert_int_equal(passed(&output, "abc"), 3);
    assert_int_equal(passed(&output, "def"), 2);
    assert_int_equal(passed(&output, "g"), 0);
    assert_int_equal(output.bytes, 5);
}

/* A node's log has the time of each line beside it: an empty line is 42 bytes there. */
static void short_lines_count_for_what_they_are_in_a_log(void **state)
{
    static char lines[65536];
    struct output output = {.max = 8 << 20};
    size_t len = sizeof lines;

    (void)state;
    while (len == sizeof lines) {
        memset(lines, '\n', sizeof lines);
        len = output_pass(&output, lines, sizeof lines);
    }
    assert_in_range(output.bytes * 42, 9 << 20, 10 << 20);
}

/* Of a line without an end containerd makes parts of 16 KiB. */
static void a_line_without_end_is_worth_its_parts(void **state)
{
    static char text[65536];
    struct output output = {.max = 8 << 20};

    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < (8 << 20) / sizeof text; i++)
        assert_int_equal(output_pass(&output, text, sizeof text), sizeof text);
    assert_int_equal(output.lines, (8 << 20) / 16384);
    assert_int_equal(output_pass(&output, text, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_record_of_a_program_passes),
        cmocka_unit_test(whether_the_last_line_has_ended_is_known),
        cmocka_unit_test(no_more_than_the_limit_passes),
        cmocka_unit_test(short_lines_count_for_what_they_are_in_a_log),
        cmocka_unit_test(a_line_without_end_is_worth_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
