#include "aggregator/totals/order.h"

#include "aggregator/scan/scan.h"
#include "aggregator/tests/one_event.h"
#include "common/tests/unit.h"

enum { KEYS = 100000, KEY_TEXT = 64, CHUNKS = 4096, BITS = 4 };

static bool add_text(struct table *table, const char *key, int64_t value)
{
    size_t len = strlen(key);
    unsigned char *copy = exact_copy(key, len);
    bool added = table_add(table, copy, len, value);
    free(copy); /* the table keeps its own */
    return added;
}

/* A key that tells its number, of a length on either side of what an entry holds itself. */
static size_t numbered_key(char *out, unsigned number)
{
    int len = snprintf(out, KEY_TEXT, "%x", number);
    size_t pad = number % 40;
    memset(out + len, 'z', pad);
    out[(size_t)len + pad] = '\0';
    return (size_t)len + pad;
}

static void assert_total(const struct total *total, const char *key, int64_t sum)
{
    assert_int_equal(total->key_len, strlen(key));
    assert_memory_equal(total->key, key, total->key_len);
    assert_int_equal(total->sum, sum);
}

static void equal_keys_are_added_up_and_sorted(void **state)
{
    struct table table = table_new(CHUNKS, BITS, false, 1);
    size_t count;
    (void)state;
    assert_true(add_text(&table, "b", 1));
    assert_true(add_text(&table, "a", 2));
    assert_true(add_text(&table, "b", 3));
    assert_true(add_text(&table, "ab", 0));
    assert_true(add_text(&table, "a key longer than sixteen bytes", 5));
    assert_true(add_text(&table, "a key longer than sixteen bytes", 6));
    assert_true(add_text(&table, "a key longer than sixteen byteS", 7));
    struct total *all = table_sort(&table, 1, &count);
    assert_int_equal(count, 5);
    assert_total(&all[0], "a", 2);
    assert_total(&all[1], "a key longer than sixteen byteS", 7);
    assert_total(&all[2], "a key longer than sixteen bytes", 11);
    assert_total(&all[3], "ab", 0);
    assert_total(&all[4], "b", 4);
    free(all);
    table_free(&table);
    totals_free(NULL);
    order_free(NULL);
}

static void keys_compare_as_unsigned_bytes_with_prefixes_first(void **state)
{
    static const char *const sorted[] = {"\x01",
                                         " ",
                                         "A",
                                         "B",
                                         "Z",
                                         "a",
                                         "a\x01",
                                         "a ",
                                         "aa",
                                         "ab",
                                         "b",
                                         "\x7f",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80",
                                         "\xff",
                                         "\xff\x01",
                                         "\xff\xff"};
    struct table table = table_new(CHUNKS, BITS, false, 2);
    size_t count;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = total_compare((const unsigned char *)sorted[i], strlen(sorted[i]),
                                      (const unsigned char *)sorted[j], strlen(sorted[j]));
            CHECK((order > 0) - (order < 0) == (i > j) - (i < j), "%zu and %zu", i, j);
        }
        assert_true(add_text(&table, sorted[(i * 7) % ARRAY_LEN(sorted)], 1));
    }
    struct total *all = table_sort(&table, 1, &count);
    assert_int_equal(count, ARRAY_LEN(sorted));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        assert_total(&all[i], sorted[i], 1);
    free(all);
    table_free(&table);
}

/* What the table ought to hold, by the number of the key. */
static struct {
    int64_t sum, count, min, max;
} expected[KEYS];

static void add_by_chance(struct table *table, unsigned keys, size_t events)
{
    uint64_t random = 3;
    char key[KEY_TEXT];

    memset(expected, 0, sizeof expected);
    for (size_t i = 0; i < events; i++) {
        unsigned number = (unsigned)chance_below(&random, keys);
        int64_t value = (int64_t)chance_below(&random, 1000000);
        assert_true(table_add(table, key, numbered_key(key, number), value));
        memset(key, '?', sizeof key); /* the table keeps its own */
        bool first = expected[number].count++ == 0;
        expected[number].sum += value;
        if (first || value < expected[number].min)
            expected[number].min = value;
        if (first || value > expected[number].max)
            expected[number].max = value;
    }
}

/* As table_sort(), and as expected. */
static void assert_expected(struct table *table, unsigned threads)
{
    char key[KEY_TEXT], made[KEY_TEXT];
    size_t count, distinct = 0;

    for (size_t i = 0; i < KEYS; i++)
        distinct += expected[i].count > 0;
    struct total *all = table_sort(table, threads, &count);
    assert_int_equal(count, distinct);
    for (size_t i = 0; i < count; i++) {
        memcpy(key, all[i].key, all[i].key_len);
        key[all[i].key_len] = '\0';
        unsigned long number = strtoul(key, NULL, 16);
        assert_true(number < KEYS);
        assert_int_equal(numbered_key(made, (unsigned)number), all[i].key_len);
        assert_string_equal(made, key);
        assert_int_equal(all[i].sum, expected[number].sum);
        if (!table->totals->statistics) {
            assert_true(all[i].count == 0 && all[i].min == 0 && all[i].max == 0);
            continue;
        }
        assert_int_equal(all[i].count, expected[number].count);
        assert_int_equal(all[i].min, expected[number].min);
        assert_int_equal(all[i].max, expected[number].max);
    }
    free(all);
}

static void few_and_many_keys_agree_with_a_plain_array(void **state)
{
    static const unsigned keys[] = {1, 2, 100, 5000, KEYS};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        for (unsigned threads = 1; threads <= 3; threads++)
            for (unsigned bits = BITS; bits <= TOTALS_BITS_MOST; bits += 2) {
                struct table table = table_new(CHUNKS, bits, bits == BITS, 12345);
                add_by_chance(&table, keys[i], 2 * KEYS);
                assert_expected(&table, threads);
                table_free(&table);
            }
}

static void what_is_not_compacted_is_added_up_when_sorted(void **state)
{
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct table table = table_new(CHUNKS, BITS, statistics == 1, 8);
        table.index.most = 0;
        add_by_chance(&table, 20000, 3 * KEYS);
        assert_expected(&table, 2);
        table_free(&table);
    }
}

static void compacting_frees_what_equal_keys_took(void **state)
{
    struct table table = table_new(CHUNKS, BITS, true, 7);
    (void)state;
    add_by_chance(&table, 1000, 5 * KEYS);
    assert_in_range(pool_used(table.totals->pool), 1, CHUNKS / 8);
    for (unsigned p = 0; p < totals_partition_count(table.totals); p++)
        totals_compact(table.totals, p, &table.index);
    /* 63 keys a partition, of which the longest take 11 words. */
    assert_int_equal(pool_used(table.totals->pool), 1 << BITS);
    assert_expected(&table, 1);
    assert_true(pool_used(table.totals->pool) < 1 << BITS);
    table_clear(&table);
    assert_int_equal(pool_used(table.totals->pool), 0);
    table_free(&table);
}

/* Fills the table with keys of their own; the count of those that found room. */
static unsigned fill(struct table *table)
{
    char key[KEY_TEXT];
    unsigned count = 0;
    while (table_add(table, key, numbered_key(key, count), count))
        count++;
    return count;
}

static void full_table_refuses_records_and_keeps_the_others(void **state)
{
    char key[KEY_TEXT];
    size_t sorted;
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct table table = table_new(512, BITS, statistics == 1, 9);
        unsigned count = fill(&table);
        assert_in_range(count, 1000, KEYS);
        assert_false(totals_has_room(table.totals));
        for (int i = 0; i < 3; i++) /* asked again, the answer is the same */
            assert_false(table_add(&table, key, numbered_key(key, count), 1));
        struct total *all = table_sort(&table, 2, &sorted);
        assert_int_equal(sorted, count);
        for (size_t i = 0; i < count; i++)
            assert_int_equal(all[i].sum, strtoul((const char *)all[i].key, NULL, 16));
        free(all);
        table_free(&table);
    }
}

static void cleared_table_takes_as_much_as_before(void **state)
{
    size_t sorted;
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct table table = table_new(400, BITS, statistics == 1, 4);
        unsigned first = fill(&table);
        for (int round = 0; round < 10; round++) {
            free(table_sort(&table, 1, &sorted));
            table_clear(&table);
            assert_int_equal(pool_used(table.totals->pool), 0);
            unsigned again = fill(&table);
            CHECK(again == first, "round %d: %u after %u", round, again, first);
        }
        table_free(&table);
    }
}

static void smallest_table_takes_the_longest_keys(void **state)
{
    unsigned char key[SCAN_KEY_LIMIT];
    size_t sorted;
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct table table = table_new(100, BITS, statistics == 1, 5);
        for (int round = 0; round < 3; round++) {
            size_t count = 0;
            for (unsigned char lead = 1; lead < 100; lead++) {
                memset(key, 'k', sizeof key);
                key[0] = lead;
                count += table_add(&table, key, sizeof key, lead);
            }
            assert_true(count > 50);
            struct total *all = table_sort(&table, 1, &sorted);
            assert_int_equal(sorted, count);
            for (size_t i = 0; i < sorted; i++) {
                key[0] = all[i].key[0];
                assert_int_equal(all[i].sum, key[0]);
                assert_int_equal(all[i].key_len, sizeof key);
                assert_memory_equal(all[i].key, key, sizeof key);
            }
            free(all);
            table_clear(&table);
        }
        table_free(&table);
    }
}

static void every_key_length_keeps_its_bytes(void **state)
{
    struct table table = table_new(CHUNKS, BITS, false, 6);
    unsigned char key[SCAN_KEY_LIMIT];
    size_t count;
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t len = 1; len <= SCAN_KEY_LIMIT; len++) {
            memset(key, (int)(1 + len % 251), len);
            unsigned char *copy = exact_copy(key, len);
            assert_true(table_add(&table, copy, len, (int64_t)len));
            free(copy);
        }
    }
    struct total *all = table_sort(&table, 1, &count);
    assert_int_equal(count, SCAN_KEY_LIMIT);
    for (size_t i = 0; i < count; i++) {
        memset(key, (int)(1 + all[i].key_len % 251), all[i].key_len);
        assert_int_equal(all[i].sum, 2 * all[i].key_len);
        assert_memory_equal(all[i].key, key, all[i].key_len);
    }
    free(all);
    table_free(&table);
}

static void sum_beyond_64_bits_sticks(void **state)
{
    static const struct {
        int64_t values[4], sum;
    } cases[] = {
        {{INT64_MAX, 0, 0, 0}, INT64_MAX},
        {{INT64_MAX - 1, 1, 0, 0}, INT64_MAX},
        {{INT64_MAX, 1, 0, 0}, TOTAL_OVERFLOW},
        {{INT64_MAX - 1, 2, 0, 5}, TOTAL_OVERFLOW},
        {{INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}, TOTAL_OVERFLOW},
        {{INT64_MAX, INT64_MAX, 2, 0}, TOTAL_OVERFLOW},
        {{0, 0, 0, 0}, 0},
    };
    size_t count;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int compacted = 0; compacted < 2; compacted++) {
            struct table table = table_new(CHUNKS, BITS, true, 7);
            struct total merged = {.sum = 0, .min = INT64_MAX};
            table.index.most = compacted == 1 ? INDEX_BYTES : 0;
            for (size_t v = 0; v < 4; v++) {
                const struct total one = {.sum = cases[i].values[v],
                                          .count = 1,
                                          .min = cases[i].values[v],
                                          .max = cases[i].values[v]};
                assert_true(add_text(&table, "k", cases[i].values[v]));
                total_merge(&merged, &one);
            }
            struct total *all = table_sort(&table, 1, &count);
            assert_int_equal(count, 1);
            assert_total(&all[0], "k", cases[i].sum);
            assert_int_equal(merged.sum, cases[i].sum);
            assert_int_equal(merged.count, 4);
            free(all);
            table_free(&table);
        }
}

static void merging_keeps_statistics_and_overflow(void **state)
{
    struct total into = {.sum = 10, .count = 2, .min = 4, .max = 6};
    const struct total other = {.sum = 9, .count = 3, .min = 1, .max = 5};
    const struct total overflowed = {.sum = TOTAL_OVERFLOW, .count = 2, .min = 9, .max = INT64_MAX};
    (void)state;
    total_merge(&into, &other);
    assert_int_equal(into.sum, 19);
    assert_int_equal(into.count, 5);
    assert_int_equal(into.min, 1);
    assert_int_equal(into.max, 6);
    total_merge(&into, &overflowed);
    assert_int_equal(into.sum, TOTAL_OVERFLOW);
    assert_int_equal(into.count, 7);
    assert_int_equal(into.min, 1);
    assert_true(into.max == INT64_MAX);
    total_merge(&into, &other);
    assert_int_equal(into.sum, TOTAL_OVERFLOW);
}

static void empty_table_sorts_and_clears(void **state)
{
    struct table table = table_new(CHUNKS, BITS, true, 0);
    size_t count;
    (void)state;
    for (unsigned threads = 1; threads < 4; threads++) {
        free(table_sort(&table, threads, &count));
        assert_int_equal(count, 0);
        table_clear(&table);
    }
    assert_true(add_text(&table, "k", 5));
    table_free(&table);
}

/* Sorting itself. */

static void short_keys_are_sorted_whatever_they_hold(void **state)
{
    static const char alphabet[] = "\x01 0189az\x7f\x80\xff";
    struct table table = table_new(CHUNKS, BITS, false, 11);
    uint64_t random = 4;
    size_t count;
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        unsigned char key[EVENT_KEY_INLINE];
        size_t len = 1 + chance_below(&random, sizeof key);
        for (size_t at = 0; at < len; at++)
            key[at] = (unsigned char)alphabet[chance_below(&random, sizeof alphabet - 1)];
        assert_true(table_add(&table, key, len, 1));
    }
    struct total *all = table_sort(&table, 2, &count);
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += all[i].sum;
    assert_int_equal(sum, KEYS);
    free(all);
    table_free(&table);
}

/* Keys that agree in much: what each begins with, how many letters by chance follow, of how many.
 */
static void keys_that_agree_in_many_bits_are_sorted(void **state)
{
    enum { ROOM = 400, MANY = 30000 };
    static const struct {
        size_t same, then;
        unsigned letters, strays; /* strays: one of so many begins otherwise */
    } cases[] = {
        {0, 16, 2, 0},   {5, 11, 2, 3},    {15, 1, 90, 0},  {16, 1, 90, 0}, {0, 17, 2, 100},
        {24, 12, 16, 0}, {200, 12, 10, 0}, {200, 30, 2, 0}, {3, 60, 90, 2}, {40, 80, 2, 1000},
        {300, 4, 10, 7}, {7, 9, 200, 0},   {70, 1, 2, 2},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (unsigned threads = 1; threads < 3; threads++) {
            struct table table = table_new(CHUNKS * 2, BITS, i % 2 == 0, i);
            uint64_t random = i;
            size_t count;
            int64_t sum = 0;
            for (size_t n = 0; n < MANY; n++) {
                unsigned char key[ROOM];
                memset(key, 'a', cases[i].same);
                for (size_t at = 0; at < cases[i].then; at++)
                    key[cases[i].same + at] =
                        (unsigned char)('0' + chance_below(&random, cases[i].letters));
                if (cases[i].strays > 0 && n % cases[i].strays == 0)
                    key[0] = 'z';
                assert_true(table_add(&table, key, cases[i].same + cases[i].then, 1));
            }
            struct total *all = table_sort(&table, threads, &count);
            for (size_t k = 0; k < count; k++)
                sum += all[k].sum;
            CHECK(sum == MANY, "case %zu", i);
            free(all);
            table_free(&table);
        }
}

/* Each key differs from the next in one byte far behind: no number of 64 bits tells them apart. */
static void keys_that_differ_in_other_places_each_are_sorted(void **state)
{
    enum { PLACES = 2000, LETTERS = 3 };
    struct table table = table_new(CHUNKS, BITS, false, 3);
    unsigned char key[PLACES];
    size_t count;
    (void)state;
    for (int letter = 1; letter <= LETTERS; letter++)
        for (size_t at = 0; at < PLACES; at++) {
            memset(key, 'k', sizeof key);
            key[at] = (unsigned char)('k' + letter);
            /* Cut behind that place, or the table would be large. */
            assert_true(table_add(&table, key, at + 1, 1));
        }
    free(table_sort(&table, 2, &count));
    assert_int_equal(count, PLACES * LETTERS);
    table_free(&table);
}

static void it_can_be_read_again_from_anywhere(void **state)
{
    struct table table = table_new(CHUNKS, BITS, false, 3);
    size_t count;
    (void)state;
    unsigned filled = 3000;
    char key[KEY_TEXT];
    for (unsigned i = 0; i < filled; i++)
        assert_true(table_add(&table, key, numbered_key(key, i), i));
    struct total *all = table_sort(&table, 1, &count);
    struct total_stream *stream = order_stream(table.order);
    for (size_t read = 0; read <= count; read += 7) {
        struct total total;
        assert_true(stream->rewind(stream, NULL));
        for (size_t i = 0; i < read; i++) {
            assert_int_equal(stream->next(stream, &total, NULL), 1);
            assert_true(total.key == all[i].key);
        }
    }
    free(all);
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_are_added_up_and_sorted),
        cmocka_unit_test(keys_compare_as_unsigned_bytes_with_prefixes_first),
        cmocka_unit_test(few_and_many_keys_agree_with_a_plain_array),
        cmocka_unit_test(what_is_not_compacted_is_added_up_when_sorted),
        cmocka_unit_test(compacting_frees_what_equal_keys_took),
        cmocka_unit_test(full_table_refuses_records_and_keeps_the_others),
        cmocka_unit_test(cleared_table_takes_as_much_as_before),
        cmocka_unit_test(smallest_table_takes_the_longest_keys),
        cmocka_unit_test(every_key_length_keeps_its_bytes),
        cmocka_unit_test(sum_beyond_64_bits_sticks),
        cmocka_unit_test(merging_keeps_statistics_and_overflow),
        cmocka_unit_test(empty_table_sorts_and_clears),
        cmocka_unit_test(short_keys_are_sorted_whatever_they_hold),
        cmocka_unit_test(keys_that_agree_in_many_bits_are_sorted),
        cmocka_unit_test(keys_that_differ_in_other_places_each_are_sorted),
        cmocka_unit_test(it_can_be_read_again_from_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
