#include "aggregator/totals/gather.h"

#include <pthread.h>

#include "aggregator/totals/merge.h"
#include "common/tests/scratch.h"

enum { KEYS = 180000, EVENTS = 250000, THREADS = 3, LONGEST = 2600, KEY_TEXT = LONGEST + 1 };

/* Threads add the same events each, so sums and counts are THREADS times one's. */
struct one {
    pthread_t thread;
    struct gather *gather;
    unsigned number, keys;
    bool done;
    size_t reserves; /* bytes, half way through */
    int room;
    struct err err;
};

static struct {
    int64_t sum, count;
} expected[KEYS];

static size_t numbered_key(char *out, unsigned number)
{
    /* Every third key is long, some of them longer than what is collected at once. */
    return (size_t)snprintf(out, KEY_TEXT, "%06u%*s", number,
                            number % 3000 == 0 ? LONGEST - 6
                            : number % 3 == 0  ? 20
                                               : 0,
                            "");
}

static void *add_all(void *context)
{
    struct one *one = context;
    uint64_t random = 5;
    char key[KEY_TEXT];

    one->done = true;
    for (unsigned i = 0; i < EVENTS && one->done; i++) {
        if (i == EVENTS / 2 && one->reserves > 0)
            one->room = gather_reserve(one->gather, one->reserves, &one->err);
        struct event event;
        unsigned number = (unsigned)chance_below(&random, one->keys);
        event_set(&event, (unsigned char *)key, numbered_key(key, number), i);
        one->done = gather_add(one->gather, one->number, &event, 1, &one->err);
        memset(key, 0, sizeof key); /* no long key may be kept where it was */
    }
    one->done = one->done && gather_flush(one->gather, one->number, &one->err);
    return NULL;
}

static void expect(unsigned keys)
{
    uint64_t random = 5;
    memset(expected, 0, sizeof expected);
    for (unsigned i = 0; i < EVENTS; i++) {
        unsigned number = (unsigned)chance_below(&random, keys);
        expected[number].sum += i;
        expected[number].count++;
    }
}

static void sort_all(struct gather *gather, unsigned threads)
{
    struct err err = {0};
    for (unsigned step = 0; step < ORDER_STEPS; step++) {
        assert_true(gather_sort_begin(gather, (enum order_step)step, &err));
        for (unsigned turn = 0; gather_sort_next(gather, (enum order_step)step, turn % threads);
             turn++)
            ;
        while (gather_sort_next(gather, (enum order_step)step, 0)) /* threads may be too many */
            ;
    }
}

static void assert_sorted(struct gather *gather, struct spill *spill, unsigned keys,
                          unsigned threads, bool statistics)
{
    struct total_stream *streams[1000];
    struct err err = {0};
    struct total total;
    char key[KEY_TEXT];
    size_t count = 1, seen = 0;

    sort_all(gather, threads);
    assert_true(spill_run_count(spill) < ARRAY_LEN(streams));
    struct order *order = gather_order(gather, &err);
    assert_non_null(order);
    streams[0] = order_stream(order);
    for (size_t i = 0; i < spill_run_count(spill); i++)
        streams[count++] = spill_run(spill, i);
    struct merge *merge = merge_new(streams, count);
    struct total_stream *merged = merge_stream(merge);
    assert_true(merged->rewind(merged, &err));
    for (unsigned number = 0; number < keys; number++) {
        if (expected[number].count == 0)
            continue;
        assert_int_equal(merged->next(merged, &total, &err), 1);
        assert_int_equal(total.key_len, numbered_key(key, number));
        assert_memory_equal(total.key, key, total.key_len);
        assert_int_equal(total.sum, threads * expected[number].sum);
        assert_int_equal(total.count, statistics ? threads * expected[number].count : 0);
        seen++;
    }
    assert_int_equal(merged->next(merged, &total, &err), 0);
    if (spill_run_count(spill) == 0)
        assert_int_equal(order_sum(order).keys, seen);
    merge_free(merge);
}

/* The last thread sets `reserves` bytes aside, where that is not 0; whether there was room. */
static int gather_and_check(unsigned threads, unsigned keys, size_t budget, size_t reserves,
                            bool statistics, bool spills)
{
    struct spill *spill = spill_new(scratch_dir);
    struct gather *gather = gather_new(threads, budget, statistics, 6, spill);
    struct one all[THREADS] = {0};

    assert_true(spill != NULL && gather != NULL);
    expect(keys);
    for (unsigned i = 0; i < threads; i++) {
        all[i] = (struct one){.gather = gather, .number = i, .keys = keys};
        all[i].reserves = i + 1 == threads ? reserves : 0;
        assert_int_equal(pthread_create(&all[i].thread, NULL, add_all, &all[i]), 0);
    }
    for (unsigned i = 0; i < threads; i++) {
        assert_int_equal(pthread_join(all[i].thread, NULL), 0);
        CHECK(all[i].done, "thread %u: %s", i, all[i].err.text);
    }
    assert_true((spill_run_count(spill) > 0) == spills);
    assert_sorted(gather, spill, keys, threads, statistics);
    gather_free(gather);
    spill_free(spill);
    return all[threads - 1].room;
}

static void few_and_many_keys_of_threads_add_up(void **state)
{
    static const unsigned keys[] = {1, 5000, KEYS};
    (void)state;
    for (unsigned threads = 1; threads <= THREADS; threads++)
        for (size_t i = 0; i < ARRAY_LEN(keys); i++)
            (void)gather_and_check(threads, keys[i], 64 << 20, 0, (i + threads) % 2 == 0, false);
    gather_free(NULL);
}

static void what_memory_does_not_hold_is_spilled_and_adds_up(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= THREADS; threads++)
        for (int statistics = 0; statistics < 2; statistics++)
            (void)gather_and_check(threads, KEYS, threads * (size_t)GATHER_BUDGET_MIN, 0,
                                   statistics == 1, true);
}

static void what_is_set_aside_pushes_totals_out_and_they_add_up(void **state)
{
    (void)state;
    /* Of 24 MiB: what the one table leaves no room for, and what it does. */
    static const size_t much[] = {19 << 20, 11 << 20, 10 << 20}, little = 1 << 20;
    for (unsigned threads = 1; threads <= THREADS; threads++) {
        const size_t budget = 24 << 20, large = much[threads - 1];
        assert_int_equal(gather_and_check(threads, KEYS, budget, large, true, true), 1);
        assert_int_equal(gather_and_check(threads, 100, budget, large, true, false), 1);
        assert_int_equal(gather_and_check(threads, KEYS, budget, little, true, false), 1);
        assert_int_equal(gather_and_check(threads, KEYS, budget, budget, true, true), 0);
    }
}

static void a_spill_that_fails_is_every_threads_error(void **state)
{
    struct spill *spill = spill_new("/nonexistent");
    struct gather *gather = gather_new(2, 2 * (size_t)GATHER_BUDGET_MIN, true, 6, spill);
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct one one = {.gather = gather, .number = i, .keys = KEYS};
        (void)add_all(&one);
        assert_false(one.done);
        assert_non_null(strstr(one.err.text, "/nonexistent"));
    }
    gather_free(gather);
    spill_free(spill);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_and_many_keys_of_threads_add_up),
        cmocka_unit_test(what_memory_does_not_hold_is_spilled_and_adds_up),
        cmocka_unit_test(what_is_set_aside_pushes_totals_out_and_they_add_up),
        cmocka_unit_test(a_spill_that_fails_is_every_threads_error),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
