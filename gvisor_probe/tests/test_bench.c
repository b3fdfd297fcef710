#include "gvisor_probe/probes/bench.h"

#include "common/tests/unit.h"

static struct bench_result judged(const double *samples, size_t count)
{
    struct bench_result result = {.count = count};

    memcpy(result.samples, samples, count * sizeof *samples);
    bench_judge(&result);
    return result;
}

static void the_median_is_the_middle_of_an_odd_count(void **state)
{
    struct bench_result got = judged((const double[]){900, 10, 30, 20, 40}, 5);

    (void)state;
    assert_true(got.median == 30 && got.least == 10);
    assert_true(got.mad == 10); /* of 870, 20, 0, 10, 10 */
}

static void of_an_even_count_it_is_between_the_middle_two(void **state)
{
    struct bench_result got = judged((const double[]){1, 2, 4, 100}, 4);

    (void)state;
    assert_true(got.median == 3);
    assert_true(got.mad == 1.5); /* of 2, 1, 1, 97 */
}

static void the_samples_keep_their_order(void **state)
{
    struct bench_result got = judged((const double[]){3, 1, 2}, 3);

    (void)state;
    assert_true(got.samples[0] == 3 && got.samples[1] == 1 && got.samples[2] == 2);
}

static void noise_is_a_deviation_of_more_than_a_tenth(void **state)
{
    (void)state;
    assert_false(judged((const double[]){90, 100, 110}, 3).noisy);
    assert_true(judged((const double[]){89, 100, 111}, 3).noisy);
    assert_false(judged((const double[]){100, 100, 100, 900}, 4).noisy);
}

static void every_benchmark_can_be_done_here(void **state)
{
    struct bench_site site;

    (void)state;
    bench_site_open(&site);
    for (const struct benchmark *b = benchmarks; b->id != NULL; b++)
        CHECK(b->batch(&site, 3), "%s", b->id);
    bench_site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_median_is_the_middle_of_an_odd_count),
        cmocka_unit_test(of_an_even_count_it_is_between_the_middle_two),
        cmocka_unit_test(the_samples_keep_their_order),
        cmocka_unit_test(noise_is_a_deviation_of_more_than_a_tenth),
        cmocka_unit_test(every_benchmark_can_be_done_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
