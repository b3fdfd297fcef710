#include "fake_gen/event_text.h"

#include "common/tests/unit.h"

#include <time.h>

#include "fake_gen/splitmix.h"

static const uint32_t telling_ids[] = {
    1,       9,       10,       99,       100,       101,       999,       1000,      1001,
    9999,    10000,   99999,    100000,   100001,    999999,    1000000,   1000001,   9999999,
    9990999, 1009009, 10000000, 99999999, 100000000, 123456789, 999000001, 999999999, 1000000000,
};

static const char *const type_names[EVENT_TYPES] = {
    "click",          "signIn",        "signOut",      "formSubmit",       "purchase", "addToCart",
    "removeFromCart", "videoPlay",     "videoPause",   "scroll",           "search",   "error",
    "exception",      "profileUpdate", "registration", "newsletterSignup", "download", "pageView",
};

/* The same line by the C library. */
static size_t print_line(char *out, size_t size, int64_t first_day, const struct event *event)
{
    time_t seconds = (time_t)(first_day * 86400 + (int64_t)event->second);
    struct tm time;
    assert_non_null(gmtime_r(&seconds, &time));
    int len = snprintf(out, size,
                       "{\"timestamp\":\"%04d-%02d-%02dT%02d:%02d:%02d\",\"userId\":\"user%03u\","
                       "\"eventType\":\"%s\",\"productId\":\"product%03u\","
                       "\"sessionDuration\":%u}\n",
                       time.tm_year + 1900, time.tm_mon + 1, time.tm_mday, time.tm_hour,
                       time.tm_min, time.tm_sec, event->user, type_names[event->type],
                       event->product, event->duration);
    assert_true(len > 0);
    return (size_t)len;
}

/* Into memory that ends after the promised slack. */
static void check_events(int64_t first_day, int64_t last_day, const struct event *events,
                         size_t count)
{
    struct event_text *text = malloc(sizeof *text);
    char *out = malloc(count * EVENT_LINE_MAX + EVENT_TEXT_SLACK);
    char line[2 * EVENT_LINE_MAX];

    assert_non_null(text);
    assert_non_null(out);
    event_text_init(text, first_day, last_day);
    const char *end = event_text_put(text, events, count, out), *at = out;
    for (size_t i = 0; i < count; i++) {
        size_t len = print_line(line, sizeof line, first_day, &events[i]);
        CHECK((size_t)(end - at) >= len && memcmp(at, line, len) == 0,
              "event %zu is\n%.*sinstead of\n%s", i, (int)len, at, line);
        assert_true(len <= EVENT_LINE_MAX);
        at += len;
    }
    assert_ptr_equal(at, end);
    free(out);
    free(text);
}

static void lines_are_what_printf_would_write(void **state)
{
    enum { COUNT = 100000 };
    struct event *events = calloc(COUNT, sizeof *events);
    (void)state;
    assert_non_null(events);
    for (uint64_t i = 0; i < COUNT; i++) {
        const uint64_t ids = UINT64_C(1) << (splitmix_at(1, 8 * i) % 30);
        events[i] = (struct event){
            .second = splitmix_below(splitmix_at(1, 8 * i + 1), 365 * 86400),
            .user = 1 + (uint32_t)splitmix_below(splitmix_at(1, 8 * i + 2), ids),
            .product = 1 + (uint32_t)splitmix_below(splitmix_at(1, 8 * i + 3), ids),
            .type = (uint16_t)(i % EVENT_TYPES),
            .duration = (uint16_t)(EVENT_DURATION_MIN + i % 970),
        };
    }
    check_events(20089, 20089 + 364, events, COUNT);
    free(events);
}

static void ids_have_at_least_three_digits_and_up_to_ten(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(telling_ids); i++) {
        const struct event event = {.user = telling_ids[i],
                                    .product = telling_ids[ARRAY_LEN(telling_ids) - 1 - i],
                                    .duration = EVENT_DURATION_MAX};
        char digits[EVENT_ID_DIGITS_MAX], expected[16];
        size_t len = (size_t)(event_text_put_id(telling_ids[i], digits) - digits);
        (void)snprintf(expected, sizeof expected, "%03u", telling_ids[i]);
        CHECK(len == strlen(expected) && memcmp(digits, expected, len) == 0, "%s", expected);
        check_events(0, 0, &event, 1);
    }
}

static void the_longest_line_has_the_promised_length(void **state)
{
    const struct event event = {
        .user = 1000000000, .product = 1000000000, .type = 15, .duration = EVENT_DURATION_MAX};
    char line[2 * EVENT_LINE_MAX];
    (void)state;
    assert_int_equal(print_line(line, sizeof line, 0, &event), EVENT_LINE_MAX);
    check_events(0, 0, &event, 1);
}

static void days_are_right_whether_cached_or_not(void **state)
{
    /* First and last days: short and long ranges, leap days, before 1970, the calendar's ends. */
    static const struct {
        int64_t first, last;
    } ranges[] = {
        {20089, 20089},           {19723, 19723 + 365},     {-5, 5},
        {0, EVENT_DAYS_MAX - 1},  {0, EVENT_DAYS_MAX},      {-719162, 2932896},
        {-719162, -719162 + 400}, {2932896 - 400, 2932896},
    };
    (void)state;
    for (size_t r = 0; r < ARRAY_LEN(ranges); r++) {
        const uint64_t days = (uint64_t)(ranges[r].last - ranges[r].first) + 1;
        struct event events[2000];
        for (uint64_t i = 0; i < ARRAY_LEN(events); i++)
            events[i] = (struct event){.second = splitmix_below(splitmix_at(r, i), days * 86400),
                                       .user = 1,
                                       .product = 1,
                                       .duration = EVENT_DURATION_MIN};
        events[0].second = 0;
        events[1].second = days * 86400 - 1;
        check_events(ranges[r].first, ranges[r].last, events, ARRAY_LEN(events));
    }
}

static void pieces_agree_with_whole_lines(void **state)
{
    struct event_text *text = malloc(sizeof *text);
    char time[CIVIL_TIME_LEN];
    (void)state;
    assert_non_null(text);
    event_text_init(text, 20089, 20090);
    assert_ptr_equal(event_text_put_time(text, 86400 + 3661, time), time + CIVIL_TIME_LEN);
    assert_memory_equal(time, "2025-01-02T01:01:01", CIVIL_TIME_LEN);
    for (unsigned type = 0; type < EVENT_TYPES; type++)
        assert_string_equal(event_type_name(type), type_names[type]);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_what_printf_would_write),
        cmocka_unit_test(ids_have_at_least_three_digits_and_up_to_ten),
        cmocka_unit_test(the_longest_line_has_the_promised_length),
        cmocka_unit_test(days_are_right_whether_cached_or_not),
        cmocka_unit_test(pieces_agree_with_whole_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
