#include "common/num.h"

#include "common/tests/unit.h"

#include <inttypes.h>

enum { UNTOUCHED = 4711 };

static void whole_numbers(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"7", true, 7},
        {"007", true, 7},
        {"18446744073709551615", true, UINT64_MAX},
        {"00000000000000000000000000001", true, 1},
        {"18446744073709551616", false, 0},
        {"18446744073709551620", false, 0},
        {"99999999999999999999", false, 0},
        {"", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {"-0", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"0x10", false, 0},
        {"1_000", false, 0},
        {"1,000", false, 0},
        {"\xd9\xa1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = UNTOUCHED;
        CHECK(num_u64(cases[i].text, &value) == cases[i].good, "'%s'", cases[i].text);
        CHECK(value == (cases[i].good ? cases[i].value : UNTOUCHED), "'%s'", cases[i].text);
    }
}

static void sizes(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t value;
    } cases[] = {
        {"0", true, 0},
        {"65536", true, 65536},
        {"5B", true, 5},
        {"64K", true, 65536},
        {"64k", true, 65536},
        {"64KB", true, 65536},
        {"64Ki", true, 65536},
        {"64KiB", true, 65536},
        {"1M", true, 1 << 20},
        {"3G", true, (uint64_t)3 << 30},
        {"2T", true, (uint64_t)2 << 40},
        {"16777215T", true, (uint64_t)16777215 << 40},
        {"16777216T", false, 0},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551615K", false, 0},
        {"18014398509481984K", false, 0},
        {"18014398509481983K", true, UINT64_C(18014398509481983) << 10},
        {"", false, 0},
        {"K", false, 0},
        {"1.5M", false, 0},
        {"1 M", false, 0},
        {"1MM", false, 0},
        {"1Mb", false, 0},
        {"1iB", false, 0},
        {"1BB", false, 0},
        {"1P", false, 0},
        {"-1K", false, 0},
        {"1m", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t value = UNTOUCHED;
        CHECK(num_size(cases[i].text, &value) == cases[i].good, "'%s'", cases[i].text);
        CHECK(value == (cases[i].good ? cases[i].value : UNTOUCHED), "'%s'", cases[i].text);
    }
}

static void durations(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t ms;
    } cases[] = {
        {"0", true, 0},
        {"60", true, 60000},
        {"60s", true, 60000},
        {"0s", true, 0},
        {"500ms", true, 500},
        {"5m", true, 300000},
        {"1h", true, 3600000},
        {"1.5s", true, 1500},
        {"0.25", true, 250},
        {"1.5m", true, 90000},
        {"0.001h", true, 3600},
        {"1.9999s", true, 1999},
        {"1.0000000000000000000001s", true, 1000},
        {"18446744073709551614ms", true, UINT64_MAX - 1},
        {"18446744073709551615ms", false, 0},
        {"18446744073709551615h", false, 0},
        {"5124095576029h", true, UINT64_C(5124095576029) * 3600000},
        {"5124095576031h", false, 0},
        {"", false, 0},
        {"s", false, 0},
        {".5s", false, 0},
        {"1.s", false, 0},
        {"1.", false, 0},
        {"1.5.5s", false, 0},
        {"-1s", false, 0},
        {"1 s", false, 0},
        {"1d", false, 0},
        {"1S", false, 0},
        {"1e3s", false, 0},
        {"1h30m", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint64_t ms = UNTOUCHED;
        CHECK(num_duration(cases[i].text, &ms) == cases[i].good, "'%s'", cases[i].text);
        CHECK(ms == (cases[i].good ? cases[i].ms : UNTOUCHED), "'%s' gave %" PRIu64, cases[i].text,
              ms);
    }
}

static void decimals(void **state)
{
    static const struct {
        const char *text;
        bool good;
        double value;
    } cases[] = {
        {"0", true, 0},
        {"1", true, 1},
        {"0.5", true, 0.5},
        {"12.25", true, 12.25},
        {"1.1", true, 1.1},
        {"999999999.999999999", true, 999999999.999999999},
        {"0.000000001", true, 1e-9},
        {"1000000000", false, 0},
        {"1.0000000000", false, 0},
        {"", false, 0},
        {".5", false, 0},
        {"1.", false, 0},
        {"1..5", false, 0},
        {"1e3", false, 0},
        {"nan", false, 0},
        {"inf", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {"1,5", false, 0},
        {"0x1p3", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double value = UNTOUCHED;
        CHECK(num_decimal(cases[i].text, &value) == cases[i].good, "'%s'", cases[i].text);
        double off = value - (cases[i].good ? cases[i].value : UNTOUCHED);
        CHECK(off < 1e-15 && off > -1e-15, "'%s' gave %.17g", cases[i].text, value);
    }
}

static void shards(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint32_t index, count;
    } cases[] = {
        {"0/1", true, 0, 1},
        {"3/4", true, 3, 4},
        {"2147483646/2147483647", true, 2147483646, 2147483647},
        {"0/2147483648", false, 0, 0},
        {"4294967296/4294967297", false, 0, 0},
        {"4/4", false, 0, 0},
        {"0/0", false, 0, 0},
        {"1", false, 0, 0},
        {"/4", false, 0, 0},
        {"1/", false, 0, 0},
        {"1/4/", false, 0, 0},
        {"1/-4", false, 0, 0},
        {"-1/4", false, 0, 0},
        {" 1/4", false, 0, 0},
        {"1 /4", false, 0, 0},
        {"", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint32_t index = UNTOUCHED, count = UNTOUCHED;
        bool good = cases[i].good;
        CHECK(num_shard(cases[i].text, &index, &count) == good, "'%s'", cases[i].text);
        CHECK(index == (good ? cases[i].index : UNTOUCHED), "'%s'", cases[i].text);
        CHECK(count == (good ? cases[i].count : UNTOUCHED), "'%s'", cases[i].text);
    }
}

static void wide_integers_are_written_exactly(void **state)
{
    const unsigned __int128 two_64 = (unsigned __int128)1 << 64;
    const struct {
        unsigned __int128 value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {10, "10"},
        {INT64_MAX, "9223372036854775807"},
        {UINT64_MAX, "18446744073709551615"},
        {two_64, "18446744073709551616"},
        {two_64 * 1000000007, "18446744202836760131966861312"},
        {~(unsigned __int128)0, "340282366920938463463374607431768211455"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *out = malloc(NUM_U128_TEXT);
        assert_non_null(out);
        num_put_u128(out, cases[i].value);
        assert_string_equal(out, cases[i].text);
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers), cmocka_unit_test(sizes),
        cmocka_unit_test(durations),     cmocka_unit_test(decimals),
        cmocka_unit_test(shards),        cmocka_unit_test(wide_integers_are_written_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
