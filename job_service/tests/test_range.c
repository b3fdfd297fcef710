#include "job_service/route/range.h"

#include "common/tests/unit.h"

static void one_range_of_bytes_is_read(void **state)
{
    static const struct {
        const char *value;
        bool suffix;
        uint64_t first, last;
    } cases[] = {
        {"bytes=0-0", false, 0, 0},
        {"bytes=2-5", false, 2, 5},
        {"BYTES= 2-5 ", false, 2, 5},
        {"bytes=7-", false, 7, INT64_MAX},
        {"bytes=-3", true, 0, 3},
        {"bytes=-0", true, 0, 0},
        {"bytes=999999999999999999-", false, 999999999999999999, INT64_MAX},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct range range = range_read(cases[i].value);
        CHECK(range.asked && range.suffix == cases[i].suffix && range.first == cases[i].first &&
                  range.last == cases[i].last,
              "%s: %d %llu %llu", cases[i].value, range.asked, (unsigned long long)range.first,
              (unsigned long long)range.last);
    }
}

static void what_is_not_one_range_asks_for_nothing(void **state)
{
    static const char *const cases[] = {
        "",          "bytes",       "bytes=",     "bytes=-",       "bytes=5-2",
        "bytes=1",   "bytes=a-b",   "lines=1-2",  "bytes=1-2,4-5", "bytes=--1",
        "bytes=1-x", "bytes=+1-2",  "bytes=1-2;", "bytes 1-2",     "bytes=1234567890123456789-",
        "bytes=- 3", "bytes=1 - 2",
    };
    (void)state;
    assert_false(range_read(NULL).asked);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(!range_read(cases[i]).asked, "%s", cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_range_of_bytes_is_read),
        cmocka_unit_test(what_is_not_one_range_asks_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
