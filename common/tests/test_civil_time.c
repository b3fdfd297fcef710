#include "common/civil_time.h"

#include "common/tests/unit.h"

#include <time.h>

enum { DAY = 86400 };

static const int64_t first_day = -719162, last_day = 2932896; /* 0001-01-01, 9999-12-31 */

static void every_day_agrees_with_the_c_library_both_ways(void **state)
{
    char expected[64], text[CIVIL_TIME_LEN + 1] = "";
    (void)state;
    for (int64_t day = first_day; day <= last_day; day++) {
        /* Another second of each day, so that all of them occur. */
        const time_t seconds = day * DAY + (day - first_day) % DAY;
        struct tm tm;
        int64_t parsed;

        assert_non_null(gmtime_r(&seconds, &tm));
        (void)snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d",
                       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                       tm.tm_sec);
        civil_put_time(text, seconds);
        assert_string_equal(text, expected);
        assert_true(civil_parse(text, &parsed));
        assert_true(parsed == seconds);
        if (day % 64 == 0)
            assert_true(timegm(&tm) == parsed);
    }
}

static void dates_are_written_without_a_terminator(void **state)
{
    static const struct {
        int64_t day;
        const char *text;
    } cases[] = {{0, "1970-01-01"},
                 {-1, "1969-12-31"},
                 {19782, "2024-02-29"},
                 {-719162, "0001-01-01"},
                 {2932896, "9999-12-31"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *out = malloc(CIVIL_DATE_LEN);
        assert_non_null(out);
        civil_put_date(out, cases[i].day);
        assert_memory_equal(out, cases[i].text, CIVIL_DATE_LEN);
        free(out);
    }
}

static void texts_mean_seconds(void **state)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"2024-10-07T14:30:00", 1728311400},
        {"2024-10-07T14:30:00Z", 1728311400},
        {"2024-10-07T14:30:00+00:00", 1728311400},
        {"2024-10-07T14:30:00-00:00", 1728311400},
        {"2024-10-07T14:30:00+02:30", 1728311400 - 9000},
        {"2024-10-07T14:30:00-02:30", 1728311400 + 9000},
        {"2024-10-07T14:30:00.5", 1728311400},
        {"2024-10-07T14:30:00.123456789Z", 1728311400},
        {"2024-10-07T14:30:00.999999999999999999+01:00", 1728311400 - 3600},
        {"1969-12-31T23:59:59", -1},
        {"2024-12-31T23:59:59-23:59", 1735689599 + 86340},
        {"0001-01-01T00:00:00Z", INT64_C(-62135596800)},
        {"9999-12-31T23:59:59Z", INT64_C(253402300799)},
        {"0001-01-01T00:59:59-01:00", INT64_C(-62135596800) + 7199},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t seconds = 1;
        CHECK(civil_parse(cases[i].text, &seconds), "'%s'", cases[i].text);
        CHECK(seconds == cases[i].seconds, "'%s' gave %lld", cases[i].text, (long long)seconds);
    }
}

static void leap_days_exist_in_leap_years_only(void **state)
{
    char text[CIVIL_DATE_LEN + 8];
    (void)state;
    for (int year = 1; year <= 9999; year++) {
        const bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);
        int64_t seconds;
        (void)snprintf(text, sizeof text, "%04d-02-29", year);
        CHECK(civil_parse(text, &seconds) == leap, "'%s'", text);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "2025",
        "2025-01",
        "2025-1-01",
        "2025-01-1",
        "25-01-01",
        "02025-01-01",
        "2025/01/01",
        "20250101",
        "0000-01-01",
        "2025-00-01",
        "2025-13-01",
        "2025-01-00",
        "2025-01-32",
        "2025-04-31",
        "2025-06-31",
        "2025-09-31",
        "2025-11-31",
        "1900-02-29",
        "2025-01-01T",
        "2025-01-01 00:00:00",
        "2025-01-01t00:00:00",
        "2025-01-01T00:00",
        "2025-01-01T24:00:00",
        "2025-01-01T00:60:00",
        "2025-01-01T00:00:60",
        "2025-01-01T0:00:00",
        "2025-01-01T00:00:00.",
        "2025-01-01T00:00:00.Z",
        "2025-01-01T00:00:00.5.5",
        "2025-01-01T00:00:00,5",
        "2025-01-01T00:00:00z",
        "2025-01-01T00:00:00ZZ",
        "2025-01-01T00:00:00Z ",
        " 2025-01-01",
        "2025-01-01 ",
        "2025-01-01Z",
        "2025-01-01+00:00",
        "2025-01-01T00:00:00+",
        "2025-01-01T00:00:00+1:00",
        "2025-01-01T00:00:00+0100",
        "2025-01-01T00:00:00+24:00",
        "2025-01-01T00:00:00+00:60",
        "2025-01-01T00:00:00+01:00Z",
        "2025-01-01T00:00:00+01:00:00",
        "2025-01-01T00:00:0\xd9\xa1",
        "-2025-01-01",
        "+2025-01-01",
        /* An offset may not lead out of the years that can be written. */
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const size_t size = strlen(cases[i]) + 1;
        char *text = (char *)exact_copy(cases[i], size);
        int64_t seconds = 4711;
        CHECK(!civil_parse(text, &seconds), "'%s'", cases[i]);
        CHECK(seconds == 4711, "'%s'", cases[i]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_agrees_with_the_c_library_both_ways),
        cmocka_unit_test(dates_are_written_without_a_terminator),
        cmocka_unit_test(texts_mean_seconds),
        cmocka_unit_test(leap_days_exist_in_leap_years_only),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
