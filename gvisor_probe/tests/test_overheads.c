#include "gvisor_probe/compare/overheads.h"

#include "common/tests/unit.h"

static struct cell timed(const char *name, double median, double mad, bool noisy)
{
    struct cell cell = {.name = name, .benchmark_count = 1};
    cell.benchmarks[0] = (struct cell_benchmark){
        .id = "getppid", .title = "t", .median_ns = median, .mad_percent = mad, .noisy = noisy};
    return cell;
}

static void overheads_are_ratios_of_medians_and_noise_is_no_answer(void **state)
{
    static const struct {
        double baseline, subject, mad;
        bool noisy;
        double percent, break_even;
        enum overhead_verdict verdict;
    } cases[] = {
        {100, 100, 1, false, 0, 0, OVERHEAD_WITHIN},
        {100, 120, 1, false, 20, 100, OVERHEAD_WITHIN},
        {100, 121, 1, false, 21, 105, OVERHEAD_BEYOND},
        {200, 5200, 10, false, 2500, 25000, OVERHEAD_BEYOND},
        {100, 90, 1, false, -10, 0, OVERHEAD_WITHIN},
        {100, 100, 10.5, false, 0, 0, OVERHEAD_NOISY},
        {100, 500, 1, true, 0, 0, OVERHEAD_NOISY},
        {0, 100, 1, false, 0, 0, OVERHEAD_UNKNOWN},
    };
    static struct overheads overheads;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cell cells[] = {timed("a", cases[i].baseline, 1, false),
                               timed("b", cases[i].subject, cases[i].mad, cases[i].noisy)};
        const struct experiment experiment = {.cells = cells, .cell_count = 2};
        overheads.count = 0;
        overheads_weigh(&experiment, &overheads);
        assert_int_equal(overheads.count, 1);
        const struct overhead *overhead = &overheads.items[0];
        CHECK(overhead->verdict == cases[i].verdict, "case %zu: %s", i,
              overhead_verdict_name(overhead->verdict));
        assert_float_equal(overhead->percent, cases[i].percent, 1e-6);
        assert_float_equal(overhead->break_even_ns, cases[i].break_even, 1e-6);
    }
}

static void a_busy_machine_gives_no_answer_at_all(void **state)
{
    static struct cell cells[2];
    static struct overheads overheads;
    const struct experiment experiment = {.cells = cells, .cell_count = 2};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        cells[i] = timed("a", 100, 1, false);
        cells[i].benchmarks[1] = (struct cell_benchmark){.id = "cpu_loop", .median_ns = 2};
        cells[i].benchmark_count = 2;
    }
    cells[1].benchmarks[1].mad_percent = NOISE_LIMIT_PERCENT + 1;
    overheads_weigh(&experiment, &overheads);
    assert_int_equal(overheads.items[0].verdict, OVERHEAD_NOISY);
}

static void each_kind_of_work_has_an_answer_of_its_own(void **state)
{
    static struct cell cells[2];
    static struct overheads overheads;
    const struct experiment experiment = {.cells = cells, .cell_count = 2};
    static const struct {
        const char *id;
        double subject, mad;
    } measured[] = {{"cpu_loop", 101, 1},
                    {"read_and_hash", 150, 50},
                    {"getppid", 110, 1},
                    {"pipe", 900, 1},
                    {"clock_cold", 90000, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(measured); i++) {
        cells[0].benchmarks[i] =
            (struct cell_benchmark){.id = measured[i].id, .median_ns = 100, .mad_percent = 1};
        cells[1].benchmarks[i] = (struct cell_benchmark){
            .id = measured[i].id, .median_ns = measured[i].subject, .mad_percent = measured[i].mad};
    }
    cells[0].benchmark_count = cells[1].benchmark_count = ARRAY_LEN(measured);
    overheads_weigh(&experiment, &overheads);
    assert_int_equal(overheads_worst(&overheads, 1, WORK_CPU), OVERHEAD_WITHIN);
    assert_int_equal(overheads_worst(&overheads, 1, WORK_MIXED), OVERHEAD_NOISY);
    assert_int_equal(overheads_worst(&overheads, 1, WORK_SYSCALL), OVERHEAD_BEYOND);
    assert_int_equal(overheads_worst(&overheads, 0, WORK_CPU), OVERHEAD_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overheads_are_ratios_of_medians_and_noise_is_no_answer),
        cmocka_unit_test(a_busy_machine_gives_no_answer_at_all),
        cmocka_unit_test(each_kind_of_work_has_an_answer_of_its_own),
    };
    return cmocka_run_group_tests_name("overheads", tests, NULL, NULL);
}
