#include "common/progress.h"

#include "common/tests/scratch.h"

static void bar_tells_share_rate_and_time_left(void **state)
{
    static const struct {
        uint64_t done, total;
        double seconds;
        const char *text;
    } cases[] = {
        {0, 100, 0, "[                              ]   0%  0.0 rows, 0.0/s, --:-- left"},
        {0, 100, 5, "[                              ]   0%  0.0 rows, 0.0/s, --:-- left"},
        {50, 100, 5, "[===============               ]  50%  50.0 rows, 10.0/s, 00:05 left"},
        {100, 100, 10, "[==============================] 100%  100.0 rows, 10.0/s, 00:00 left"},
        {150, 100, 10, "[==============================] 100%  150.0 rows, 15.0/s, 00:00 left"},
        {1500000, 3000000, 1.5,
         "[===============               ]  50%  1.5 M rows, 1.0 M/s, 00:01 left"},
        {1, 7200, 1, "[                              ]   0%  1.0 rows, 1.0/s, 119:59 left"},
        {2500, 0, 2, "2.5 k rows, 1.2 k/s"},
        {0, 0, 0, "0.0 rows, 0.0/s"},
        {UINT64_MAX, UINT64_MAX, 1,
         "[==============================] 100%  18446744.1 T rows, 18446744.1 T/s, 00:00 left"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[200];
        progress_format(out, sizeof out, "rows", cases[i].done, cases[i].total, cases[i].seconds);
        assert_string_equal(out, cases[i].text);
    }
}

static void bar_is_cut_to_its_buffer(void **state)
{
    (void)state;
    for (size_t size = 1; size < 90; size++) {
        char *out = malloc(size);
        assert_non_null(out);
        progress_format(out, size, "events", 12345678, 99999999, 3);
        assert_true(strlen(out) < size);
        progress_format(out, size, "events", 12345678, 0, 3);
        assert_true(strlen(out) < size);
        free(out);
    }
}

static void argo_reads_done_of_total_at_the_end(void **state)
{
    char *path = scratch_path("progress");
    (void)state;
    progress_start("bytes", 1000, path);
    progress_add(300);
    progress_add(200);
    progress_end();
    char *text = scratch_read(path, NULL);
    assert_string_equal(text, "500/1000\n");
    free(text);

    progress_start("bytes", 0, path);
    progress_total(20);
    progress_add(400); /* a file that grew */
    progress_end();
    progress_end();
    text = scratch_read(path, NULL);
    assert_string_equal(text, "20/20\n");
    free(text);
    free(path);
}

static void nothing_is_written_without_a_file_or_a_total(void **state)
{
    char *path = scratch_path("none");
    (void)state;
    progress_start("bytes", 0, path);
    progress_add(3);
    progress_end();
    progress_start("bytes", 5, "");
    progress_end();
    progress_start("bytes", 5, NULL);
    progress_end();
    assert_null(scratch_read(path, NULL));
    free(path);
}

static void unwritable_progress_is_no_failure(void **state)
{
    char *path = scratch_path("missing/progress");
    (void)state;
    progress_start("bytes", 5, path);
    progress_tick();
    progress_end();
    progress_tick();
    assert_null(scratch_read(path, NULL));
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bar_tells_share_rate_and_time_left),
        cmocka_unit_test(bar_is_cut_to_its_buffer),
        cmocka_unit_test(argo_reads_done_of_total_at_the_end),
        cmocka_unit_test(nothing_is_written_without_a_file_or_a_total),
        cmocka_unit_test(unwritable_progress_is_no_failure),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
