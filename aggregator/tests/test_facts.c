#include "aggregator/load/facts.h"

#include "common/tests/unit.h"

static const char *told(const char *name, const struct run_facts *run, int decimals)
{
    static char room[FACT_ROOM];

    for (const struct fact *fact = facts; fact < facts + FACTS; fact++)
        if (fact->report != NULL && strcmp(fact->report, name) == 0)
            return fact_value(fact, run, decimals, room);
    fail_msg("no fact %s", name);
    return NULL;
}

static void each_kind_of_value_is_told_exactly(void **state)
{
    const struct run_facts run = {
        .run_id = "r",
        .shard = {.index = UINT32_MAX},
        .input = {.bytes = UINT64_MAX, .total = (unsigned __int128)INT64_MAX << 64},
        .loaded = true,
        .seconds = 1.23456789,
        .usage = {.peak_known = true, .peak_rss_bytes = 5}};
    (void)state;
    assert_string_equal(told("run_id", &run, 6), "r");
    assert_null(told("digest", &run, 6));
    assert_string_equal(told("shard", &run, 6), "4294967295");
    assert_string_equal(told("bytes", &run, 6), "18446744073709551615");
    assert_string_equal(told("total", &run, 6), "170141183460469231713240559642174554112");
    assert_string_equal(told("loaded", &run, 6), "true");
    assert_string_equal(told("already_applied", &run, 6), "false");
    assert_string_equal(told("seconds", &run, 6), "1.234568");
    assert_string_equal(told("seconds", &run, 3), "1.235");
    assert_string_equal(told("peak_rss_bytes", &run, 6), "5");
}

static void unknown_memory_is_not_a_number(void **state)
{
    const struct run_facts run = {.usage = {.peak_rss_bytes = 5}};
    (void)state;
    assert_null(told("peak_rss_bytes", &run, 6));
}

static void every_fact_is_told_somewhere_and_nowhere_twice(void **state)
{
    (void)state;
    for (const struct fact *a = facts; a < facts + FACTS; a++) {
        assert_true(a->report != NULL || a->output != NULL || a->column != NULL);
        for (const struct fact *b = facts; b < a; b++) {
            assert_true(a->report == NULL || b->report == NULL || strcmp(a->report, b->report));
            assert_true(a->output == NULL || b->output == NULL || strcmp(a->output, b->output));
            assert_true(a->column == NULL || b->column == NULL || strcmp(a->column, b->column));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_is_told_exactly),
        cmocka_unit_test(unknown_memory_is_not_a_number),
        cmocka_unit_test(every_fact_is_told_somewhere_and_nowhere_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
