#include "fake_gen/generator.h"

#include "common/tests/unit.h"

#include "fake_gen/broken_line.h"

enum { COUNT = 1000 };

static const struct generator_rules plain = {
    .seed = 7, .users = 10, .products = 5, .from = 1735689600, .to = 1767225600};

static struct generator *make(const struct generator_rules *rules)
{
    struct generator *generator = generator_new(rules);
    assert_non_null(generator);
    return generator;
}

/* Lines first to first + count - 1, terminated; memory ends after the promised slack. */
static char *lines_of(const struct generator *generator, uint64_t first, size_t count)
{
    size_t size = count * GENERATOR_LINE_MAX + GENERATOR_SLACK;
    char *out = malloc(size);
    assert_non_null(out);
    size_t len = generator_write(generator, first, count, out);
    assert_in_range(len, 0, count * GENERATOR_LINE_MAX);
    out[len] = '\0';
    return out;
}

static char *lines_by(const struct generator_rules *rules, uint64_t first, size_t count)
{
    struct generator *generator = make(rules);
    char *lines = lines_of(generator, first, count);
    generator_free(generator);
    return lines;
}

static void first_lines_of_seed_7_never_change(void **state)
{
    char *lines = lines_by(&plain, 0, 3);
    (void)state;
    assert_string_equal(
        lines,
        "{\"timestamp\":\"2025-09-21T08:24:41\",\"userId\":\"user007\",\"eventType\":\"search\","
        "\"productId\":\"product003\",\"sessionDuration\":186}\n"
        "{\"timestamp\":\"2025-05-08T00:59:32\",\"userId\":\"user002\",\"eventType\":\"download\","
        "\"productId\":\"product005\",\"sessionDuration\":325}\n"
        "{\"timestamp\":\"2025-11-12T01:03:53\",\"userId\":\"user002\",\"eventType\":\"videoPlay\","
        "\"productId\":\"product005\",\"sessionDuration\":811}\n");
    free(lines);
}

static void an_event_does_not_depend_on_those_written_with_it(void **state)
{
    struct generator_rules rules = plain;
    rules.bad_every = 3;
    rules.skew = 1.1;
    rules.users = 100000;
    struct generator *generator = make(&rules);
    char *whole = lines_of(generator, 123456, COUNT);
    (void)state;
    for (size_t part = 1; part < COUNT; part = part * 2 + 1) {
        size_t at = 0;
        for (size_t first = 0; first < COUNT; first += part) {
            size_t count = COUNT - first < part ? COUNT - first : part;
            char *lines = lines_of(generator, 123456 + first, count);
            CHECK(strncmp(whole + at, lines, strlen(lines)) == 0, "in parts of %zu at %zu", part,
                  first);
            at += strlen(lines);
            free(lines);
        }
        assert_int_equal(whole[at], '\0');
    }
    free(whole);
    generator_free(generator);
}

static void fields_stay_in_their_ranges_and_reach_both_ends(void **state)
{
    static const struct generator_rules cases[] = {
        {.seed = 1, .users = 1, .products = 1, .from = 0, .to = 1},
        {.seed = 2, .users = 3, .products = 2, .from = -3, .to = 4},
        {.seed = 3, .users = 20, .products = 7, .from = 86399, .to = 86401, .skew = 0.5},
        {.seed = 4, .users = 2, .products = 20, .from = -86405, .to = -86400, .skew = 2},
    };
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        const struct generator_rules *rules = &cases[c];
        struct generator *generator = make(rules);
        uint64_t midnight = (uint64_t)((rules->from % 86400 + 86400) % 86400);
        uint64_t span = (uint64_t)(rules->to - rules->from);
        bool time_seen[8] = {0}, user_seen[21] = {0}, product_seen[21] = {0};
        bool type_seen[EVENT_TYPES] = {0}, low = false, high = false;

        for (uint64_t i = 0; i < 20000; i++) {
            struct event event;
            generator_draw(generator, i, 1, &event);
            CHECK(event.second >= midnight && event.second < midnight + span, "case %zu", c);
            CHECK(event.user >= 1 && event.user <= rules->users, "case %zu", c);
            CHECK(event.product >= 1 && event.product <= rules->products, "case %zu", c);
            assert_in_range(event.type, 0, EVENT_TYPES - 1);
            assert_in_range(event.duration, EVENT_DURATION_MIN, EVENT_DURATION_MAX);
            time_seen[event.second - midnight] = true;
            user_seen[event.user] = product_seen[event.product] = true;
            type_seen[event.type] = true;
            low = low || event.duration == EVENT_DURATION_MIN;
            high = high || event.duration == EVENT_DURATION_MAX;
        }
        CHECK(time_seen[0] && time_seen[span - 1], "case %zu", c);
        CHECK(user_seen[1] && user_seen[rules->users], "case %zu", c);
        CHECK(product_seen[1] && product_seen[rules->products], "case %zu", c);
        for (unsigned type = 0; type < EVENT_TYPES; type++)
            CHECK(type_seen[type], "case %zu, type %u", c, type);
        assert_true(low && high);
        generator_free(generator);
    }
}

static double chi_square(const uint32_t *counts, size_t cells, double draws)
{
    double expected = draws / (double)cells, sum = 0;
    for (size_t i = 0; i < cells; i++)
        sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    return sum;
}

/* Bounds that 99.99 % of fair samples keep, for that many degrees of freedom. */
static void fields_are_uniform_and_independent(void **state)
{
    enum { DRAWS = 1000000 };
    static uint32_t users[10], products[5], types[EVENT_TYPES], durations[970], days[365];
    static uint32_t pairs[10 * EVENT_TYPES], neighbours[100];
    struct generator *generator = make(&plain);
    uint32_t last = 0;
    (void)state;
    for (uint64_t i = 0; i < DRAWS; i++) {
        struct event event;
        generator_draw(generator, i, 1, &event);
        users[event.user - 1]++;
        products[event.product - 1]++;
        types[event.type]++;
        durations[event.duration - EVENT_DURATION_MIN]++;
        days[event.second / 86400]++;
        pairs[(event.user - 1) * EVENT_TYPES + event.type]++;
        neighbours[last * 10 + event.user - 1]++;
        last = event.user - 1;
    }
    assert_true(chi_square(users, 10, DRAWS) < 34);
    assert_true(chi_square(products, 5, DRAWS) < 24);
    assert_true(chi_square(types, EVENT_TYPES, DRAWS) < 47);
    assert_true(chi_square(durations, 970, DRAWS) < 1140);
    assert_true(chi_square(days, 365, DRAWS) < 472);
    assert_true(chi_square(pairs, 10 * EVENT_TYPES, DRAWS) < 257);
    assert_true(chi_square(neighbours, 100, DRAWS) < 159);
    generator_free(generator);
}

static void seeds_give_different_events(void **state)
{
    static const uint64_t seeds[] = {0, 1, 7, 8, 0x9e3779b97f4a7c15u, UINT64_MAX};
    (void)state;
    for (size_t a = 0; a < ARRAY_LEN(seeds); a++) {
        for (size_t b = 0; b < a; b++) {
            struct generator_rules one = plain, other = plain;
            one.seed = seeds[a];
            other.seed = seeds[b];
            char *lines = lines_by(&one, 0, 5), *others = lines_by(&other, 0, 5);
            assert_string_not_equal(lines, others);
            free(lines);
            free(others);
        }
    }
}

/* Length of the line at text, with its end. */
static size_t line_len(const char *text)
{
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    return (size_t)(end - text) + 1;
}

static void broken_lines_stand_where_asked_in_turn_and_change_no_other(void **state)
{
    static const uint64_t periods[] = {1, 2, 7, 100, 256, 257, 999, 1000, 1001};
    const uint64_t first = 500;
    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(periods); p++) {
        struct generator_rules rules = plain;
        rules.bad_every = periods[p];
        struct generator *generator = make(&rules);
        struct event_text *text = malloc(sizeof *text);
        assert_non_null(text);
        event_text_init(text, 20089, 20453);
        char *good = lines_by(&plain, first, COUNT), *mixed = lines_of(generator, first, COUNT);
        const char *a = good, *b = mixed;
        uint64_t broken = 0;
        for (uint64_t i = first; i < first + COUNT; i++) {
            char line[BROKEN_LINE_MAX];
            const char *expected = a;
            size_t len = line_len(a);
            if ((i + 1) % periods[p] == 0) {
                struct event event;
                generator_draw(generator, i, 1, &event);
                unsigned kind = (unsigned)(((i + 1) / periods[p] - 1) % BROKEN_KINDS);
                len = (size_t)(broken_line_put(text, &event, kind, line) - line);
                expected = line;
                broken++;
            }
            CHECK(memcmp(b, expected, len) == 0, "every %llu, event %llu",
                  (unsigned long long)periods[p], (unsigned long long)i);
            a += line_len(a);
            b += len;
        }
        assert_int_equal(*b, '\0');
        assert_true(broken == generator_bad_lines(&rules, first, first + COUNT));
        free(good);
        free(mixed);
        free(text);
        generator_free(generator);
    }
    assert_true(generator_bad_lines(&plain, 0, GENERATOR_EVENTS_MAX) == 0);
}

static void shards_tile_the_whole_evenly(void **state)
{
    static const uint64_t totals[] = {0, 1, 2, 3, 1000, 1000003, GENERATOR_EVENTS_MAX};
    static const uint32_t counts[] = {1, 2, 3, 4, 7, 64, 1000};
    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(totals); t++) {
        for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
            uint64_t at = generator_shard_start(totals[t], 0, counts[c]);
            assert_true(at == 0);
            for (uint32_t i = 0; i < counts[c]; i++) {
                uint64_t next = generator_shard_start(totals[t], i + 1, counts[c]);
                uint64_t least = totals[t] / counts[c];
                assert_true(next - at == least || next - at == least + 1);
                at = next;
            }
            assert_true(at == totals[t]);
        }
    }
    /* Beyond 64 bits on the way: 10^12 * (2^31 - 2). */
    assert_true(generator_shard_start(GENERATOR_EVENTS_MAX, INT32_MAX - 1, INT32_MAX) ==
                UINT64_C(999999999534));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_lines_of_seed_7_never_change),
        cmocka_unit_test(an_event_does_not_depend_on_those_written_with_it),
        cmocka_unit_test(fields_stay_in_their_ranges_and_reach_both_ends),
        cmocka_unit_test(fields_are_uniform_and_independent),
        cmocka_unit_test(seeds_give_different_events),
        cmocka_unit_test(broken_lines_stand_where_asked_in_turn_and_change_no_other),
        cmocka_unit_test(shards_tile_the_whole_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
