#include "aggregator/scan/decimal.h"

#include "common/tests/unit.h"

enum { NOT_WHOLE = -1, BEYOND = -2 }; /* as values */

static bool read(const char *text, struct decimal *ret)
{
    const unsigned char *p = (const unsigned char *)text;
    return decimal_read(p, p + strlen(text), ret);
}

static int64_t value_of(const char *text)
{
    struct decimal number;
    int64_t value;

    if (!read(text, &number))
        return NOT_WHOLE;
    return decimal_value(&number, &value) ? value : BEYOND;
}

static void numbers_are_whole_or_not_whatever_their_notation(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"0.0", 0},
        {"-0.0", 0},
        {"-0.000e-5", 0},
        {"0e0", 0},
        {"0e999999999999", 0},
        {"0e-999999999999", 0},
        {"0.00e99999999999999999999999999999999", 0},
        {"1", 1},
        {"1.0", 1},
        {"1.000000000000000000000000000000000000000000", 1},
        {"100", 100},
        {"100.0", 100},
        {"1e2", 100},
        {"1E2", 100},
        {"1E+2", 100},
        {"1e02", 100},
        {"1.00e2", 100},
        {"1.5e1", 15},
        {"1.5E+01", 15},
        {"0.15e2", 15},
        {"0.00015e5", 15},
        {"1500e-2", 15},
        {"1500.0e-2", 15},
        {"10000000000000000000000000e-25", 1},
        {"0.00000000000000000000000001e26", 1},
        {"12.50e1", 125},
        {"1.05e2", 105},
        {"9007199254740993.0", INT64_C(9007199254740993)},
        {"9.007199254740993e15", INT64_C(9007199254740993)},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775807.0", INT64_MAX},
        {"9.223372036854775807e18", INT64_MAX},
        {"92233720368547758070e-1", INT64_MAX},
        {"9223372036854775806.00", INT64_MAX - 1},
        {"9e18", INT64_C(9000000000000000000)},
        {"9223372036854775808", BEYOND},
        {"9223372036854775808.0", BEYOND},
        {"9.223372036854775808e18", BEYOND},
        {"1e19", BEYOND},
        {"1e400", BEYOND},
        {"1e999999999999", BEYOND},
        {"1e99999999999999999999999999999999999999", BEYOND},
        {"-1", BEYOND},
        {"-1.0", BEYOND},
        {"-1e2", BEYOND},
        {"0.5", NOT_WHOLE},
        {"1.5", NOT_WHOLE},
        {"-0.1", NOT_WHOLE},
        {"1.05e1", NOT_WHOLE},
        {"15e-1", NOT_WHOLE},
        {"1500e-3", NOT_WHOLE},
        {"1e-1", NOT_WHOLE},
        {"1e-400", NOT_WHOLE},
        {"1e-99999999999999999999999999999999999999", NOT_WHOLE},
        {"9223372036854775807.5", NOT_WHOLE},
        {"9223372036854775807.0000000000000000000000000001", NOT_WHOLE},
        {"100.00000000000000000001", NOT_WHOLE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(value_of(cases[i].text) == cases[i].value, "%s: %lld", cases[i].text,
              (long long)value_of(cases[i].text));
}

static void digits_are_written_as_an_integer_has_them(void **state)
{
    static const struct {
        const char *text, *digits;
    } cases[] = {
        {"0", "0"},
        {"-0", "0"},
        {"-0.0", "0"},
        {"0e5", "0"},
        {"4711", "4711"},
        {"4711.0", "4711"},
        {"47.11e2", "4711"},
        {"4.700e3", "4700"},
        {"4700", "4700"},
        {"-4711", "-4711"},
        {"-47.0", "-47"},
        {"123456789012345678901234567890", "123456789012345678901234567890"},
        {"1e30", "1000000000000000000000000000000"},
    };
    unsigned char out[64];
    struct decimal number;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].digits);
        assert_true(read(cases[i].text, &number));
        for (size_t room = 0; room < len; room++)
            CHECK(decimal_text(&number, out, room) == SIZE_MAX, "%s in %zu", cases[i].text, room);
        CHECK(decimal_text(&number, out, len) == len && memcmp(out, cases[i].digits, len) == 0,
              "%s: %.*s", cases[i].text, (int)len, out);
    }
    assert_true(read("1e999999999999999999999999", &number));
    assert_int_equal(decimal_text(&number, out, sizeof out), SIZE_MAX);
}

/* A number written in a notation by chance is the number. */
static void every_notation_of_a_number_is_that_number(void **state)
{
    uint64_t random = 7;
    char text[96];
    (void)state;
    for (int i = 0; i < 200000; i++) {
        int64_t value = (int64_t)(chance(&random) >> (1 + chance_below(&random, 63)));
        char digits[24];
        int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
        /* The point among the digits, or before them and some zeros; zeros behind. */
        int before = (int)chance_below(&random, (size_t)len + 1);
        int zeros = before == 0 ? (int)chance_below(&random, 5) : 0;
        (void)snprintf(text, sizeof text, "%.*s.%.*s%s%.*se%d", before > 0 ? before : 1,
                       before > 0 ? digits : "0", zeros, "00000", digits + before,
                       (int)chance_below(&random, 5) + (before == len), "00000",
                       len - before + zeros);
        CHECK(value_of(text) == value, "%s is %lld, not %lld", text, (long long)value_of(text),
              (long long)value);
        /* One power less is whole where its last digit is zero. */
        (void)snprintf(text, sizeof text, "%se-1", digits);
        CHECK(value_of(text) == (value % 10 == 0 ? value / 10 : NOT_WHOLE), "%s", text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_or_not_whatever_their_notation),
        cmocka_unit_test(digits_are_written_as_an_integer_has_them),
        cmocka_unit_test(every_notation_of_a_number_is_that_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
