/* What a fold does when memory is short: fail as TRANSIENT, crash never, leave nothing. */
#include "common/tests/short_memory.h"

#include "aggregator/tests/zstd_made.h"
#include "aggregator/totals/fold.h"
#include "common/tests/scratch.h"

enum { EVENTS = 40000, FILES = 5 };

static char *names[FILES];

static bool read_totals(struct fold *fold, uint64_t keys, struct err *err)
{
    struct total_stream *totals = fold_totals(fold);
    struct total total;
    int got;

    if (!totals->rewind(totals, err))
        return false;
    while ((got = totals->next(totals, &total, err)) == 1)
        keys--;
    return got == 0 && keys == 0;
}

static bool fold_all(unsigned threads, struct err *err)
{
    const struct fold_rules rules = {.scan = {.key = "userId",
                                              .key_len = 6,
                                              .value = "sessionDuration",
                                              .value_len = 15,
                                              .max_line = 1 << 20,
                                              .max_key = 1024},
                                     .threads = threads,
                                     .statistics = true,
                                     .max_memory = FOLD_MEMORY_MIN + (3 << 20),
                                     .spill_dir = scratch_dir};
    struct fold_result result;
    struct fold *fold = fold_new(&rules, err);
    if (fold == NULL)
        return false;
    bool done = fold_run(fold, names, FILES, &result, err) && read_totals(fold, result.keys, err);
    if (done)
        assert_true(result.spilled_bytes > 0 && result.keys == EVENTS);
    fold_free(fold);
    return done;
}

static void assert_every_shortage_is_survived(unsigned threads)
{
    bool failed = SHORT_MEMORY_WORKS != 0;
    struct err warm_up = {0};
    assert_true(fold_all(threads, &warm_up));
    /* Every one of the first, then some of the many alike. */
    for (long good = 0; failed; good += 1 + good / 50) {
        struct err err = {0};
        short_memory_start(good);
        bool done = fold_all(threads, &err);
        failed = short_memory_stop();
        CHECK(done || failed, "%ld allocations: %s", good, err.text);
        CHECK(done || err.status == STATUS_TRANSIENT, "%ld allocations: status %d, %s", good,
              err.status, err.text);
        CHECK(atomic_load(&short_memory_held) <= 0, "%ld allocations: %ld not freed", good,
              atomic_load(&short_memory_held));
        assert_int_equal(scratch_count(), FILES);
    }
}

static void one_thread_survives(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(1);
}

static void two_threads_survive(void **state)
{
    (void)state;
    assert_every_shortage_is_survived(2);
}

static int set_up(void **state)
{
    char line[512];
    int failed = scratch_make(state);
    for (int f = 0; f < FILES; f++) { /* plain, gzip, BGZF, zstd in turn, side by side */
        OWNED_BUF(text, MADE_MAX);
        OWNED_BUF(stored, MADE_MAX);
        for (int i = f; i < EVENTS; i += FILES)
            made_add(&text, line,
                     (size_t)snprintf(line, sizeof line,
                                      "{\"userId\":\"user%0200d\",\"sessionDuration\":%d}\n", i,
                                      i));
        if (f == 0)
            made_add(&stored, text.data, text.len);
        else if (f == 1)
            made_add_gzip(&stored, text.data, text.len, 1, NULL);
        else if (f == 3)
            made_add_zstd(&stored, text.data, text.len, 1, MADE_UNSIZED);
        else if (f == 4)
            made_add_frames(&stored, text.data, text.len, 200000, 0);
        else
            made_add_bgzf(&stored, text.data, text.len, MADE_BGZF_TEXT);
        (void)snprintf(line, sizeof line, "file%d", f);
        names[f] = scratch_path(line);
        scratch_write(names[f], stored.data, stored.len);
    }
    return failed;
}

static int tear_down(void **state)
{
    for (int f = 0; f < FILES; f++)
        free(names[f]);
    return scratch_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_survives),
        cmocka_unit_test(two_threads_survive),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
