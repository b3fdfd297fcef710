#include "aggregator/totals/recent.h"

#include "common/tests/unit.h"

enum { KEYS_MAX = 5000, KEY_ROOM = 40, GIVEN_MAX = 256 };

/* What came out of it: a sum for each key, and how many events that took. */
struct outcome {
    int64_t sum[KEYS_MAX];
    size_t events, calls, fails_at; /* fails_at: in which call, from 1 */
    bool overflows;
};

static bool keep(void *context, const struct event *events, size_t count, struct err *err)
{
    struct outcome *outcome = context;

    assert_true(count > 0);
    if (++outcome->calls == outcome->fails_at)
        return err_set(err, STATUS_TRANSIENT, "planted");
    for (size_t i = 0; i < count; i++) {
        char key[KEY_ROOM];
        unsigned number;
        (void)snprintf(key, sizeof key, "%.*s", (int)events[i].key_len,
                       (const char *)event_key(&events[i]));
        assert_int_equal(sscanf(key, "%u", &number), 1);
        assert_in_range(number, 0, KEYS_MAX - 1);
        assert_true(events[i].value >= 0);
        outcome->overflows |=
            __builtin_add_overflow(outcome->sum[number], events[i].value, &outcome->sum[number]);
    }
    outcome->events += count;
    return true;
}

/* A key of up to 16 bytes or, where a number asks for that, of more: its digits, then filler. */
static void make_event(struct event *event, char room[KEY_ROOM], unsigned number, int64_t value)
{
    static const size_t widths[] = {1, 7, 8, 9, 15, 16, 17, 36};
    int len = snprintf(room, KEY_ROOM, "%u", number);
    size_t width = widths[number % ARRAY_LEN(widths)];

    for (; (size_t)len < width; len++)
        room[len] = 'x';
    event_set(event, (const unsigned char *)room, (size_t)len, value);
}

/* Drives events of so many keys through it, in calls of any size, and checks their sums. */
static void drive(unsigned keys, size_t count, bool sums, struct outcome *ret)
{
    static struct recent recent;
    static int64_t expected[KEYS_MAX];
    struct event events[GIVEN_MAX];
    char rooms[GIVEN_MAX][KEY_ROOM];
    uint64_t random = keys;
    struct err err = {0};

    memset(expected, 0, sizeof expected);
    *ret = (struct outcome){0};
    recent_init(&recent, 7, sums, keep, ret);
    for (size_t done = 0; done < count;) {
        size_t given = chance_below(&random, GIVEN_MAX + 1);
        for (size_t i = 0; i < given; i++) {
            unsigned number = (unsigned)chance_below(&random, keys);
            int64_t value = (int64_t)chance_below(&random, 1000);
            make_event(&events[i], rooms[i], number, value);
            expected[number] += value;
        }
        assert_true(recent_add(&recent, events, given, &err));
        done += given;
    }
    assert_true(recent_flush(&recent, &err));
    assert_memory_equal(ret->sum, expected, sizeof expected);
    size_t before = ret->events;
    assert_true(recent_flush(&recent, &err));
    assert_int_equal(ret->events, before);
}

static void sums_are_exact_however_many_keys_there_are(void **state)
{
    static const unsigned keys[] = {1, 2, 10, 1000, KEYS_MAX};
    struct outcome outcome;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        drive(keys[i], 300000, true, &outcome);
}

static void few_keys_go_on_rarely(void **state)
{
    struct outcome outcome;

    (void)state;
    drive(6, 100000, true, &outcome); /* all of them short */
    assert_in_range(outcome.events, 1, 100);
}

static void events_pass_by_where_keys_are_many(void **state)
{
    struct outcome outcome;

    (void)state;
    drive(KEYS_MAX, 300000, true, &outcome);
    assert_true(outcome.events > 290000);
}

static void events_that_are_counted_all_go_on(void **state)
{
    struct outcome outcome;

    (void)state;
    drive(1, 100000, false, &outcome);
    assert_true(outcome.events >= 100000);
}

static void few_keys_after_many_are_summed_up_again(void **state)
{
    static struct recent recent;
    static struct outcome outcome;
    char room[KEY_ROOM];
    struct event event;
    struct err err = {0};

    (void)state;
    outcome = (struct outcome){0};
    recent_init(&recent, 7, true, keep, &outcome);
    for (unsigned i = 0; i < 20000; i++) {
        make_event(&event, room, i % KEYS_MAX, 1);
        assert_true(recent_add(&recent, &event, 1, &err));
    }
    assert_true(outcome.events > 18000);
    for (unsigned i = 0; i < 300000; i++) {
        make_event(&event, room, 1, 1);
        assert_true(recent_add(&recent, &event, 1, &err));
    }
    assert_true(outcome.events < 150000);
}

/* The totals see no sum that does not fit, so that theirs alone tells which key's is too great. */
static void sums_near_the_limit_go_on_in_pieces(void **state)
{
    static struct recent recent;
    static struct outcome outcome;
    char room[KEY_ROOM];
    struct event event;
    struct err err = {0};

    (void)state;
    outcome = (struct outcome){0};
    recent_init(&recent, 7, true, keep, &outcome);
    make_event(&event, room, 3, INT64_MAX);
    assert_true(recent_add(&recent, &event, 1, &err));
    assert_int_equal(outcome.events, 0);
    make_event(&event, room, 3, 0);
    assert_true(recent_add(&recent, &event, 1, &err));
    assert_int_equal(outcome.events, 0);
    make_event(&event, room, 3, 1);
    assert_true(recent_add(&recent, &event, 1, &err));
    assert_int_equal(outcome.events, 1);
    assert_true(outcome.sum[3] == INT64_MAX);
    assert_true(recent_flush(&recent, &err));
    assert_int_equal(outcome.events, 2);
    assert_true(outcome.overflows);
}

static void failures_of_what_follows_are_passed_on(void **state)
{
    static struct recent recent;
    static struct outcome outcome;
    char room[KEY_ROOM];
    struct event event;
    struct err err = {0};

    (void)state;
    outcome = (struct outcome){.fails_at = 1};
    recent_init(&recent, 7, true, keep, &outcome);
    make_event(&event, room, 7, 1); /* long: goes on at once */
    assert_false(recent_add(&recent, &event, 1, &err));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    outcome = (struct outcome){.fails_at = 1};
    make_event(&event, room, 1, 1);
    assert_true(recent_add(&recent, &event, 1, &err));
    assert_false(recent_flush(&recent, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_exact_however_many_keys_there_are),
        cmocka_unit_test(few_keys_go_on_rarely),
        cmocka_unit_test(events_pass_by_where_keys_are_many),
        cmocka_unit_test(events_that_are_counted_all_go_on),
        cmocka_unit_test(few_keys_after_many_are_summed_up_again),
        cmocka_unit_test(sums_near_the_limit_go_on_in_pieces),
        cmocka_unit_test(failures_of_what_follows_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
