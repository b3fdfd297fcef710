#include "common/table.h"

#include "common/tests/unit.h"

static const struct table shape = {.gap = 2, .count = 3, .width = {4, -3}};

static void cells_are_filled_up_to_their_columns(void **state)
{
    static const struct {
        const char *cells[3], *line;
    } cases[] = {
        {{"a", "1", "end"}, "a       1  end\n"},
        {{"", "", ""}, "           \n"},
        {{"longer", "1234", "e"}, "longer  1234  e\n"},
        {{"caf\xc3\xa9", "\xe2\x82\xac", "x"}, "caf\xc3\xa9    \xe2\x82\xac  x\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 256);
        table_row(&out, &shape, cases[i].cells, NULL);
        assert_string_equal(out.data, cases[i].line);
    }
}

static void colours_take_no_room_and_blanks_at_the_end_can_go(void **state)
{
    static const char *const cells[] = {"a", "", ""}, *const colours[] = {"\033[1m", "\033[2m",
                                                                          NULL};
    struct table table = shape;
    OWNED_BUF(out, 256);
    struct err err = {0};
    (void)state;
    table.indent = 3;
    table_row(&out, &table, cells, colours);
    table.trimmed = true;
    table_row(&out, &table, cells, colours);
    assert_true(buf_ok(&out, &err));
    assert_string_equal(out.data, "   \033[1ma\033[0m          \n   \033[1ma\033[0m\n");
}

static void a_rule_is_as_wide_as_the_columns(void **state)
{
    struct table table = shape;
    OWNED_BUF(out, 256);
    (void)state;
    table_fit(&table, 2, "caf\xc3\xa9");
    table_fit(&table, 0, "abc");
    table_rule(&out, &table);
    assert_string_equal(out.data, "----  ---  ----\n");
}

static void full_buffer_is_a_failure(void **state)
{
    const char *const cells[] = {"a", "1", "end"};
    (void)state;
    for (size_t max = 0; max < strlen("a       1  end\n"); max++) {
        OWNED_BUF(out, max);
        struct err err = {0};
        table_row(&out, &shape, cells, NULL);
        assert_false(buf_ok(&out, &err));
        assert_int_equal(err.status, STATUS_BUG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_filled_up_to_their_columns),
        cmocka_unit_test(colours_take_no_room_and_blanks_at_the_end_can_go),
        cmocka_unit_test(a_rule_is_as_wide_as_the_columns),
        cmocka_unit_test(full_buffer_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
