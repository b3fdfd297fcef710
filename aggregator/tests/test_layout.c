#include "aggregator/layout.h"

#include "common/tests/unit.h"

enum { ROOM = LAYOUT_LINE_MAX + 64, MUTATIONS = 20000 };

static const struct scan_rules rules = {.key = "userId",
                                        .key_len = 6,
                                        .value = "sessionDuration",
                                        .value_len = 15,
                                        .max_line = 1 << 20,
                                        .max_key = 1024};

static const char compact[] =
    "{\"timestamp\":\"2025-09-21T08:24:41\",\"userId\":\"user007\",\"eventType\":\"search\","
    "\"productId\":\"product003\",\"sessionDuration\":186}";

static const char *const taught[] = {
    compact,
    "{\"timestamp\": \"2025-09-21T08:24:41\", \"userId\": \"user007\", \"sessionDuration\": 186}",
    "{\"sessionDuration\":186,\"productId\":\"product003\",\"userId\":\"user007\"}",
    " {\t\"a\" : -1.5e3 , \"userId\" : \"user007\" , \"b\" : null , \"sessionDuration\" : 0 } ",
    "{\"user\\u0049d\":\"user007\",\"\\u00e9\":true,\"sessionDuration\":186,\"e\":\"\"}\r",
    "{\"a long name that needs more than one vector of literal bytes\":1,\"userId\":\"u\","
    "\"sessionDuration\":999999999999999999}",
    "{\"userId\":\"a key that is longer than one vector, so that its end is looked for twice\","
    "\"sessionDuration\":1}",
};

static layout_matcher *const matchers[] = {
    layout_match_portable,
#ifdef __x86_64__
    layout_match_avx2,
#endif
};

static size_t matcher_count(void)
{
    return layout_choose() == layout_match_portable ? 1 : ARRAY_LEN(matchers);
}

static void teach(struct layout *layout, const char *line)
{
    char text[ROOM];
    size_t len = strlen(line);

    memcpy(text, line, len);
    text[len] = '\n';
    *layout = (struct layout){0};
    layout_learn(layout, &rules, (unsigned char *)text, len);
}

/* line, its end and rubbish, in memory of exactly LAYOUT_LINE_MAX bytes, so that ASan sees more. */
static const unsigned char *match(layout_matcher *matcher, const struct layout *layout,
                                  const struct scan_rules *by, const char *line, size_t len,
                                  unsigned char **ret_memory, struct scan_result *ret)
{
    unsigned char *memory = malloc(LAYOUT_LINE_MAX);
    assert_non_null(memory);
    memset(memory, '"', LAYOUT_LINE_MAX);
    memcpy(memory, line, len);
    memory[len] = '\n';
    *ret_memory = memory;
    return matcher(layout, by, memory, memory + LAYOUT_LINE_MAX, ret);
}

/* Whether it was recognised; what is recognised must be what the strict scanner says. */
static bool agrees(layout_matcher *matcher, const struct layout *layout, const char *line,
                   size_t len)
{
    struct scan_result fast, strict;
    unsigned char *memory;
    const unsigned char *next = match(matcher, layout, &rules, line, len, &memory, &fast);

    if (next != NULL) {
        const unsigned char *end = memchr(memory, '\n', LAYOUT_LINE_MAX);
        assert_int_equal(scan_line(&rules, memory, (size_t)(end - memory), &strict), SCAN_EVENT);
        assert_ptr_equal(next, end + 1);
        assert_int_equal(fast.key_len, strict.key_len);
        assert_memory_equal(fast.key, strict.key, strict.key_len);
        assert_int_equal(fast.value, strict.value);
    }
    free(memory);
    return next != NULL;
}

static void lines_of_a_learnt_layout_are_recognised(void **state)
{
    static const char same[] =
        "{\"timestamp\":\"\",\"userId\":\"somebody else\",\"eventType\":\"a very long event type, "
        "longer than a vector\",\"productId\":\"x\",\"sessionDuration\":123456789012345678}";
    struct layout layout;

    (void)state;
    for (size_t m = 0; m < matcher_count(); m++) {
        for (size_t i = 0; i < ARRAY_LEN(taught); i++) {
            teach(&layout, taught[i]);
            assert_true(agrees(matchers[m], &layout, taught[i], strlen(taught[i])));
        }
        teach(&layout, compact);
        assert_true(agrees(matchers[m], &layout, same, strlen(same)));
    }
}

static void what_is_not_plain_is_left_to_the_strict_scanner(void **state)
{
    static const char *const others[] = {
        "{\"userId\":\"\",\"sessionDuration\":1}",
        "{\"userId\":\"a\\u0062\",\"sessionDuration\":1}",
        "{\"userId\":\"\xc3\xa9\",\"sessionDuration\":1}",
        "{\"userId\":\"a\tb\",\"sessionDuration\":1}",
        "{\"userId\":\"u\",\"sessionDuration\":01}",
        "{\"userId\":\"u\",\"sessionDuration\":-0}",
        "{\"userId\":\"u\",\"sessionDuration\":1.0}",
        "{\"userId\":\"u\",\"sessionDuration\":1e3}",
        "{\"userId\":\"u\",\"sessionDuration\":}",
        "{\"userId\":\"u\",\"sessionDuration\":9223372036854775807}",
        "{\"userId\":\"u\",\"sessionDuration\":1} ",
        "{\"userId\":\"u\",\"sessionDuration\":1",
        "{\"userId\":\"u\" ,\"sessionDuration\":1}",
        "{\"userId\":\"u\",\"sessionDuration\":1,\"sessionDuration\":1}",
        "",
    };
    struct layout layout;

    (void)state;
    teach(&layout, "{\"userId\":\"user007\",\"sessionDuration\":186}");
    for (size_t m = 0; m < matcher_count(); m++)
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
            assert_false(agrees(matchers[m], &layout, others[i], strlen(others[i])));
}

static void limits_of_the_rules_hold(void **state)
{
    struct scan_rules narrow = rules;
    struct scan_result found;
    struct layout layout;
    unsigned char *memory;

    (void)state;
    teach(&layout, compact);
    for (size_t m = 0; m < matcher_count(); m++) {
        narrow.max_key = 6;
        narrow.max_line = rules.max_line;
        assert_null(
            match(matchers[m], &layout, &narrow, compact, strlen(compact), &memory, &found));
        free(memory);
        narrow.max_key = 7;
        narrow.max_line = strlen(compact) - 1;
        assert_null(
            match(matchers[m], &layout, &narrow, compact, strlen(compact), &memory, &found));
        free(memory);
    }
}

static void nothing_is_recognised_near_the_end_of_memory_or_before_a_lesson(void **state)
{
    struct layout layout = {0};
    struct scan_result found;
    unsigned char *memory = calloc(1, LAYOUT_LINE_MAX);

    (void)state;
    memcpy(memory, compact, sizeof compact);
    memory[sizeof compact - 1] = '\n';
    for (size_t m = 0; m < matcher_count(); m++)
        assert_null(matchers[m](&layout, &rules, memory, memory + LAYOUT_LINE_MAX, &found));
    teach(&layout, compact);
    for (size_t m = 0; m < matcher_count(); m++)
        assert_null(matchers[m](&layout, &rules, memory, memory + LAYOUT_LINE_MAX - 1, &found));
    free(memory);
}

static void lines_that_no_layout_can_hold_teach_nothing(void **state)
{
    static const char *const odd[] = {
        "{\"userId\":\"u\",\"sessionDuration\":1,\"a\":[1]}",
        "{\"userId\":\"u\",\"sessionDuration\":1,\"a\":{}}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
        "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1,\"u\":1,\"v\":1,"
        "\"w\":1,\"x\":1,\"y\":1,\"userId\":\"u\",\"sessionDuration\":1}",
    };
    struct layout layout;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        teach(&layout, odd[i]);
        assert_int_equal(layout.part_count, 0);
    }
}

static void lessons_become_rare_when_every_line_differs(void **state)
{
    struct layout layout = {0};
    size_t lessons = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        layout.part_count = 0;
        layout_learn(&layout, &rules, (const unsigned char *)taught[0], strlen(taught[0]));
        lessons += layout.part_count > 0;
    }
    assert_true(lessons < 20);
}

static size_t mutate(char *line, size_t len, uint64_t *random)
{
    static const char spice[] = "\"\\{}[]:, \t\r\n01-.eu\x7f\x80\xc3\xa9";
    for (uint64_t edits = 1 + chance(random) % 3; edits > 0 && len > 1; edits--) {
        size_t at = chance(random) % len;
        char byte = spice[chance(random) % (sizeof spice - 1)];
        switch (chance(random) % 3) {
        case 0:
            line[at] = byte;
            break;
        case 1:
            memmove(line + at, line + at + 1, --len - at);
            break;
        default:
            memmove(line + at + 1, line + at, len++ - at);
            line[at] = byte;
        }
    }
    return len;
}

static void mutated_lines_are_never_recognised_wrongly(void **state)
{
    uint64_t random = 1;
    struct layout layout;
    size_t recognised = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taught); i++) {
        teach(&layout, taught[i]);
        for (int n = 0; n < MUTATIONS; n++) {
            char line[ROOM];
            size_t len = strlen(taught[i]);
            memcpy(line, taught[i], len);
            len = mutate(line, len, &random);
            for (size_t m = 0; m < matcher_count(); m++)
                recognised += agrees(matchers[m], &layout, line, len);
        }
    }
    assert_true(recognised > MUTATIONS); /* edits within values leave lines recognisable */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_learnt_layout_are_recognised),
        cmocka_unit_test(what_is_not_plain_is_left_to_the_strict_scanner),
        cmocka_unit_test(limits_of_the_rules_hold),
        cmocka_unit_test(nothing_is_recognised_near_the_end_of_memory_or_before_a_lesson),
        cmocka_unit_test(lines_that_no_layout_can_hold_teach_nothing),
        cmocka_unit_test(lessons_become_rare_when_every_line_differs),
        cmocka_unit_test(mutated_lines_are_never_recognised_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
