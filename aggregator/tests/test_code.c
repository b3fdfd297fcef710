#include "aggregator/totals/code.h"

#include "aggregator/totals/items.h"
#include "common/tests/unit.h"

enum { KEY_ROOM = 200, ROUNDS = 400, KEYS = 40 };

struct keys {
    unsigned char bytes[KEYS][KEY_ROOM];
    size_t len[KEYS], count;
    uint64_t records[KEYS][KEY_ROOM / 8 + 8];
};

/* Keys by chance of few letters: many agree in much. */
static void make_keys(struct keys *keys, uint64_t *random, bool statistics)
{
    const size_t same = chance_below(random, 60), most = 1 + chance_below(random, 120);
    const size_t letters = 1 + chance_below(random, 1u << chance_below(random, 8));
    struct event event;

    keys->count = 1 + chance_below(random, KEYS);
    for (size_t k = 0; k < keys->count; k++) {
        keys->len[k] = same + 1 + chance_below(random, most);
        memset(keys->bytes[k], 'x', same);
        for (size_t at = same; at < keys->len[k]; at++)
            keys->bytes[k][at] = (unsigned char)(1 + chance_below(random, letters));
        event_set(&event, keys->bytes[k], keys->len[k], 1);
        record_set(keys->records[k], &event, 7, statistics);
    }
}

static bool bit_of(const struct keys *keys, size_t k, size_t bit)
{
    return bit / 8 < keys->len[k] && (keys->bytes[k][bit / 8] >> (7 - bit % 8) & 1) != 0;
}

/* The first 64 bits in which any two keys differ, one by one. */
static uint64_t plain_code(const struct keys *keys, size_t k, bool *ret_exact, unsigned *ret_bits)
{
    uint64_t number = 0;

    *ret_exact = true;
    *ret_bits = 0;
    for (size_t bit = 0; bit < KEY_ROOM * 8; bit++) {
        bool differs = false;
        for (size_t other = 1; other < keys->count; other++)
            differs |= bit_of(keys, 0, bit) != bit_of(keys, other, bit);
        if (!differs)
            continue;
        if (*ret_bits == CODE_BITS) {
            *ret_exact = false;
            break;
        }
        number = number << 1 | bit_of(keys, k, bit);
        ++*ret_bits;
    }
    return number;
}

static void numbers_are_the_first_64_bits_that_differ(void **state)
{
    static struct keys keys;
    static struct code code;
    uint64_t random = 1;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct code_sight sight, second;
        bool statistics = round % 2 == 0, exact;
        unsigned bits;
        make_keys(&keys, &random, statistics);
        code_sight_begin(&sight);
        code_sight_begin(&second);
        for (size_t k = 0; k < keys.count; k++)
            code_sight_add(k % 3 == 0 ? &second : &sight, keys.records[k], statistics);
        code_sight_join(&sight, &second);
        code_make(&code, &sight);
        for (size_t k = 0; k < keys.count; k++) {
            uint64_t number = plain_code(&keys, k, &exact, &bits);
            CHECK(code_of(&code, keys.records[k], statistics) == number, "round %d", round);
            assert_int_equal(code.bits, bits);
            assert_true(code.exact == exact);
        }
    }
}

static void one_key_or_none_needs_no_bits(void **state)
{
    static struct keys keys;
    static struct code code;
    struct code_sight sight;
    uint64_t random = 2;
    (void)state;
    code_sight_begin(&sight);
    code_make(&code, &sight);
    assert_true(code.bits == 0 && code.exact);
    make_keys(&keys, &random, false);
    code_sight_add(&sight, keys.records[0], false);
    code_sight_add(&sight, keys.records[0], false);
    code_make(&code, &sight);
    assert_true(code.bits == 0 && code.exact);
    assert_int_equal(code_of(&code, keys.records[0], false), 0);
}

static void items_are_sorted_by_key(void **state)
{
    enum { MOST = 5000, SIZE = 24 };
    static uint64_t records[MOST][SIZE];
    static struct item items[2 * MOST];
    static const size_t counts[] = {0, 1, 2, 24, 25, 300, 2047, 2048, MOST};
    static struct code code;
    uint64_t random = 3;
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(counts); c++)
        for (size_t spread = 1; spread < 9; spread++) {
            const bool statistics = spread % 2 == 0;
            struct code_sight sight;
            code_sight_begin(&sight);
            for (size_t i = 0; i < counts[c]; i++) {
                unsigned char key[SIZE * 4];
                struct event event;
                size_t len = 1 + chance_below(&random, sizeof key);
                for (size_t at = 0; at < len; at++)
                    key[at] = (unsigned char)(1 + chance_below(&random, 1u << (spread - 1)));
                event_set(&event, key, len, 1);
                record_set(records[i], &event, 7, statistics);
                code_sight_add(&sight, records[i], statistics);
                items[i].record = records[i];
            }
            code_make(&code, &sight);
            for (size_t i = 0; i < counts[c]; i++)
                items[i].number = code_of(&code, items[i].record, statistics);
            struct item *sorted =
                items_sort(items, items + counts[c], counts[c], &code, statistics);
            for (size_t i = 1; i < counts[c]; i++)
                CHECK(code_compare_keys(sorted[i - 1].record, sorted[i].record, statistics) <= 0,
                      "%zu items, item %zu", counts[c], i);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_first_64_bits_that_differ),
        cmocka_unit_test(one_key_or_none_needs_no_bits),
        cmocka_unit_test(items_are_sorted_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
