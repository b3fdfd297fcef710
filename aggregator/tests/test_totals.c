#include "aggregator/totals/totals.h"

#include "aggregator/tests/one_event.h"
#include "common/tests/unit.h"

enum { KEYS = 100000, KEY_TEXT = 64 };

static bool add_text(struct totals *totals, const char *key, int64_t value)
{
    size_t len = strlen(key);
    unsigned char *copy = exact_copy(key, len);
    bool added = add_one_event(totals, copy, len, value);
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
    struct totals *totals = totals_new(TOTALS_BUDGET_MIN, false, 1);
    (void)state;
    assert_true(add_text(totals, "b", 1));
    assert_true(add_text(totals, "a", 2));
    assert_true(add_text(totals, "b", 3));
    assert_true(add_text(totals, "ab", 0));
    assert_true(add_text(totals, "a key longer than sixteen bytes", 5));
    assert_true(add_text(totals, "a key longer than sixteen bytes", 6));
    assert_true(add_text(totals, "a key longer than sixteen byteS", 7));
    assert_int_equal(totals_count(totals), 5);
    struct total *all = sorted_totals(totals);
    assert_total(&all[0], "a", 2);
    assert_total(&all[1], "a key longer than sixteen byteS", 7);
    assert_total(&all[2], "a key longer than sixteen bytes", 11);
    assert_total(&all[3], "ab", 0);
    assert_total(&all[4], "b", 4);
    free(all);
    totals_free(totals);
    totals_free(NULL);
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
    struct totals *totals = totals_new(TOTALS_BUDGET_MIN, false, 2);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
            int order = total_compare((const unsigned char *)sorted[i], strlen(sorted[i]),
                                      (const unsigned char *)sorted[j], strlen(sorted[j]));
            CHECK((order > 0) - (order < 0) == (i > j) - (i < j), "%zu and %zu", i, j);
        }
        assert_true(add_text(totals, sorted[(i * 7) % ARRAY_LEN(sorted)], 1));
    }
    struct total *all = sorted_totals(totals);
    assert_int_equal(totals_count(totals), ARRAY_LEN(sorted));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
        assert_total(&all[i], sorted[i], 1);
    free(all);
    totals_free(totals);
}

/* What the table ought to hold, by the number of the key. */
static struct {
    int64_t sum, count, min, max;
} expected[KEYS];

static void many_keys_agree_with_a_plain_array(void **state)
{
    struct totals *totals = totals_new(64 << 20, true, 12345);
    uint64_t random = 3;
    char key[KEY_TEXT];
    (void)state;
    memset(expected, 0, sizeof expected);
    for (size_t i = 0; i < 3 * KEYS; i++) {
        unsigned number = (unsigned)chance_below(&random, KEYS);
        int64_t value = (int64_t)chance_below(&random, 1000000);
        size_t len = numbered_key(key, number);
        assert_true(add_one_event(totals, key, len, value));
        bool first = expected[number].count++ == 0;
        expected[number].sum += value;
        if (first || value < expected[number].min)
            expected[number].min = value;
        if (first || value > expected[number].max)
            expected[number].max = value;
    }
    size_t distinct = 0;
    for (size_t i = 0; i < KEYS; i++)
        distinct += expected[i].count > 0;
    assert_int_equal(totals_count(totals), distinct);

    struct total *all = sorted_totals(totals);
    char before[KEY_TEXT] = "";
    for (size_t i = 0; i < distinct; i++) {
        struct total total = all[i];
        memcpy(key, total.key, total.key_len);
        key[total.key_len] = '\0';
        unsigned long number = strtoul(key, NULL, 16);
        assert_true(strcmp(before, key) < 0);
        assert_true(number < KEYS);
        assert_int_equal(numbered_key(before, (unsigned)number), total.key_len);
        assert_string_equal(before, key);
        assert_int_equal(total.sum, expected[number].sum);
        assert_int_equal(total.count, expected[number].count);
        assert_int_equal(total.min, expected[number].min);
        assert_int_equal(total.max, expected[number].max);
    }
    free(all);
    totals_free(totals);
}

/* Fills the table to its budget; the count of keys that found room. */
static unsigned fill(struct totals *totals)
{
    char key[KEY_TEXT];
    unsigned count = 0;
    while (add_one_event(totals, key, numbered_key(key, count), count))
        count++;
    return count;
}

static void full_table_refuses_new_keys_and_changes_nothing(void **state)
{
    char key[KEY_TEXT];
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct totals *totals = totals_new(4 << 20, statistics == 1, 9);
        unsigned count = fill(totals);
        assert_in_range(count, 1000, 4 << 20);
        assert_int_equal(totals_count(totals), count);
        for (int i = 0; i < 3; i++) /* asked again, the answer is the same */
            assert_false(add_one_event(totals, key, numbered_key(key, count), 1));
        for (unsigned i = 0; i < count; i++)
            assert_true(add_one_event(totals, key, numbered_key(key, i), 1));
        assert_int_equal(totals_count(totals), count);
        struct total *all = sorted_totals(totals);
        for (size_t i = 0; i < count; i++) {
            struct total total = all[i];
            memcpy(key, total.key, total.key_len);
            key[total.key_len] = '\0';
            assert_int_equal(total.sum, strtoul(key, NULL, 16) + 1);
        }
        free(all);
        totals_free(totals);
    }
}

static void cleared_table_takes_as_much_as_before(void **state)
{
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct totals *totals = totals_new(3 << 20, statistics == 1, 4);
        unsigned first = fill(totals);
        for (int round = 0; round < 10; round++) {
            struct total *all = sorted_totals(totals);
            free(all);
            totals_clear(totals);
            assert_int_equal(totals_count(totals), 0);
            unsigned again = fill(totals);
            CHECK(again >= first, "round %d: %u after %u", round, again, first);
        }
        totals_free(totals);
    }
}

static void smallest_table_takes_the_longest_keys(void **state)
{
    enum { LONGEST = UINT16_MAX };
    unsigned char *key = malloc(LONGEST);
    (void)state;
    assert_non_null(key);
    for (int statistics = 0; statistics < 2; statistics++) {
        struct totals *totals = totals_new(TOTALS_BUDGET_MIN, statistics == 1, 5);
        for (int round = 0; round < 3; round++) {
            size_t count = 0;
            for (unsigned char lead = 0; lead < 10; lead++) {
                memset(key, 'k', LONGEST);
                key[0] = lead;
                count += add_one_event(totals, key, LONGEST, lead);
            }
            assert_true(count > 0);
            assert_int_equal(totals_count(totals), count);
            struct total *all = sorted_totals(totals);
            struct total total = all[count - 1];
            assert_int_equal(total.key_len, LONGEST);
            key[0] = (unsigned char)(count - 1);
            assert_memory_equal(total.key, key, LONGEST);
            free(all);
            totals_clear(totals);
        }
        totals_free(totals);
    }
    free(key);
}

static void every_key_length_keeps_its_bytes(void **state)
{
    enum { LENGTHS = 3000 };
    struct totals *totals = totals_new(32 << 20, false, 6);
    unsigned char key[LENGTHS];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t len = 1; len < LENGTHS; len++) {
            memset(key, (int)(len % 251), len);
            key[0] = (unsigned char)(len >> 8);
            if (len > 1)
                key[1] = (unsigned char)len;
            unsigned char *copy = exact_copy(key, len);
            assert_true(add_one_event(totals, copy, len, (int64_t)len));
            free(copy);
        }
    }
    assert_int_equal(totals_count(totals), LENGTHS - 1);
    struct total *all = sorted_totals(totals);
    for (size_t i = 0; i < LENGTHS - 1; i++) {
        struct total total = all[i];
        memset(key, (int)(total.key_len % 251), total.key_len);
        assert_int_equal(total.sum, 2 * total.key_len);
        if (total.key_len > 2)
            assert_memory_equal(total.key + 2, key + 2, total.key_len - 2);
    }
    free(all);
    totals_free(totals);
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
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct totals *totals = totals_new(TOTALS_BUDGET_MIN, true, 7);
        struct total merged = {.sum = 0, .min = INT64_MAX};
        for (size_t v = 0; v < 4; v++) {
            const struct total one = {.sum = cases[i].values[v],
                                      .count = 1,
                                      .min = cases[i].values[v],
                                      .max = cases[i].values[v]};
            assert_true(add_text(totals, "k", cases[i].values[v]));
            total_merge(&merged, &one);
        }
        struct total *all = sorted_totals(totals);
        assert_total(&all[0], "k", cases[i].sum);
        assert_int_equal(merged.sum, cases[i].sum);
        assert_int_equal(merged.count, 4);
        free(all);
        totals_free(totals);
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

static void without_statistics_they_are_zero(void **state)
{
    struct totals *totals = totals_new(TOTALS_BUDGET_MIN, false, 8);
    (void)state;
    assert_true(add_text(totals, "k", 5));
    struct total *all = sorted_totals(totals);
    assert_true(all[0].count == 0 && all[0].min == 0 && all[0].max == 0);
    free(all);
    totals_free(totals);
}

static void empty_table_sorts_and_clears(void **state)
{
    struct totals *totals = totals_new(TOTALS_BUDGET_MIN, true, 0);
    (void)state;
    struct total *all = sorted_totals(totals);
    assert_int_equal(totals_count(totals), 0);
    free(all);
    totals_clear(totals);
    assert_true(add_text(totals, "k", 5));
    totals_free(totals);
}

static void short_keys_are_sorted_whatever_they_hold(void **state)
{
    static const char alphabet[] = "\x01 0189az\x7f\x80\xff";
    struct totals *totals = totals_new(32 << 20, false, 11);
    uint64_t random = 4;
    (void)state;
    for (size_t i = 0; i < KEYS; i++) {
        unsigned char key[EVENT_KEY_INLINE];
        size_t len = 1 + chance_below(&random, sizeof key);
        for (size_t at = 0; at < len; at++)
            key[at] = (unsigned char)alphabet[chance_below(&random, sizeof alphabet - 1)];
        assert_true(add_one_event(totals, key, len, 1));
    }
    struct total *all = sorted_totals(totals);
    int64_t sum = 0;
    for (size_t i = 0; i < totals_count(totals); i++) {
        assert_true(i == 0 || by_key(&all[i - 1], &all[i]) < 0);
        sum += all[i].sum;
    }
    assert_int_equal(sum, KEYS);
    free(all);
    totals_free(totals);
}

/* Two tables of which some keys are in both; what each key's number adds up to. */
static void fill_two(struct totals *a, struct totals *b, unsigned keys)
{
    char key[KEY_TEXT];
    for (unsigned i = 0; i < keys; i++) {
        if (i % 3 != 0)
            assert_true(add_one_event(a, key, numbered_key(key, i), i));
        if (i % 3 != 1)
            assert_true(add_one_event(b, key, numbered_key(key, i), i + 1));
    }
}

static int64_t sum_of(unsigned number)
{
    return (number % 3 != 0 ? number : 0) + (number % 3 != 1 ? number + 1 : 0);
}

static void parts_of_two_tables_are_combined(void **state)
{
    (void)state;
    for (int statistics = 0; statistics < 2; statistics++) {
        struct totals *a = totals_new(64 << 20, statistics == 1, 12);
        struct totals *b = totals_new(32 << 20, statistics == 1, 12);
        fill_two(a, b, KEYS);
        for (unsigned p = 0; p < TOTALS_PARTS; p++)
            totals_take_part(a, b, p);
        assert_int_equal(totals_count(a), KEYS);
        assert_int_equal(totals_count(b), 0);
        struct total *all = sorted_totals(a);
        for (size_t i = 0; i < KEYS; i++) {
            unsigned number = (unsigned)strtoul((const char *)all[i].key, NULL, 16);
            assert_int_equal(all[i].sum, sum_of(number));
            if (statistics == 1) {
                assert_int_equal(all[i].count, number % 3 == 2 ? 2 : 1);
                assert_int_equal(all[i].min, number % 3 == 0 ? number + 1 : number);
                assert_int_equal(all[i].max, number % 3 == 1 ? number : number + 1);
            }
        }
        free(all);
        totals_free(a);
        totals_free(b);
    }
}

static void events_may_come_part_by_part(void **state)
{
    struct totals *whole = totals_new(32 << 20, true, 14), *parts = totals_new(32 << 20, true, 14);
    char key[KEY_TEXT];
    (void)state;
    for (unsigned i = 0; i < 3 * KEYS; i++) {
        struct event event;
        uint64_t hash;
        event_set(&event, (unsigned char *)key, numbered_key(key, i % KEYS), i);
        assert_int_equal(totals_add(whole, &event, 1), 1);
        totals_hash(parts, &event, 1, &hash);
        event.hash = (uint32_t)hash;
        assert_true(totals_part_of(hash) < TOTALS_PARTS);
        assert_int_equal(totals_add_part(parts, totals_part_of(hash), &event, 1), 1);
    }
    struct total *expected_all = sorted_totals(whole), *all = sorted_totals(parts);
    assert_int_equal(totals_count(parts), KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(by_key(&all[i], &expected_all[i]), 0);
        assert_int_equal(all[i].sum, expected_all[i].sum);
        assert_int_equal(all[i].count, 3);
        assert_int_equal(all[i].max, expected_all[i].max);
    }
    free(expected_all);
    free(all);
    totals_free(whole);
    totals_free(parts);
}

static void what_does_not_fit_stays_in_its_table(void **state)
{
    struct totals *a = totals_new(TOTALS_BUDGET_MIN, false, 13);
    struct totals *b = totals_new(32 << 20, false, 13);
    char key[KEY_TEXT];
    int64_t sum = 0, expected_sum = 0;
    (void)state;
    for (unsigned i = 0; i < KEYS; i++) {
        if (i < 1000)
            assert_true(add_one_event(a, key, numbered_key(key, i), 1));
        assert_true(add_one_event(b, key, numbered_key(key, i), 2));
        expected_sum += i < 1000 ? 3 : 2;
    }
    for (unsigned p = 0; p < TOTALS_PARTS; p++)
        totals_take_part(a, b, p);
    assert_in_range(totals_count(b), 1, KEYS - 1);
    struct total *in_a = sorted_totals(a), *in_b = sorted_totals(b);
    for (size_t i = 0; i < totals_count(a); i++)
        sum += in_a[i].sum;
    for (size_t i = 0; i < totals_count(b); i++)
        sum += in_b[i].sum;
    assert_int_equal(sum, expected_sum);
    free(in_a);
    free(in_b);
    totals_free(a);
    totals_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_keys_are_added_up_and_sorted),
        cmocka_unit_test(keys_compare_as_unsigned_bytes_with_prefixes_first),
        cmocka_unit_test(many_keys_agree_with_a_plain_array),
        cmocka_unit_test(full_table_refuses_new_keys_and_changes_nothing),
        cmocka_unit_test(cleared_table_takes_as_much_as_before),
        cmocka_unit_test(smallest_table_takes_the_longest_keys),
        cmocka_unit_test(every_key_length_keeps_its_bytes),
        cmocka_unit_test(sum_beyond_64_bits_sticks),
        cmocka_unit_test(merging_keeps_statistics_and_overflow),
        cmocka_unit_test(without_statistics_they_are_zero),
        cmocka_unit_test(empty_table_sorts_and_clears),
        cmocka_unit_test(short_keys_are_sorted_whatever_they_hold),
        cmocka_unit_test(parts_of_two_tables_are_combined),
        cmocka_unit_test(events_may_come_part_by_part),
        cmocka_unit_test(what_does_not_fit_stays_in_its_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
