#include "common/table.h"

#include "common/tests/unit.h"

static const struct table shape = {
    .gap = "  ", .count = 3, .column = {{.width = 4}, {.width = 3, .right = true}, {.width = 0}}};

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
        table_row(&out, &shape, cases[i].cells);
        assert_string_equal(out.data, cases[i].line);
    }
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
        table_row(&out, &shape, cells);
        assert_false(buf_ok(&out, &err));
        assert_int_equal(err.status, STATUS_BUG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_are_filled_up_to_their_columns),
        cmocka_unit_test(a_rule_is_as_wide_as_the_columns),
        cmocka_unit_test(full_buffer_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
