#include "aggregator/scan/layout.h"

#include "common/tests/unit.h"

enum {
    LINE_ROOM = 600,
    TEXT_ROOM = 64 * 1024,
    MUTATIONS = 20000,
    ALIGNMENTS = 64, /* of the widest vector */
    EVENTS = 256,
};

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

static void teach(struct layout *layout, const char *line)
{
    size_t len = strlen(line);
    unsigned char *text = exact_copy(line, len + 1);

    text[len] = '\n';
    *layout = (struct layout){0};
    layout_learn(layout, &rules, text, len);
    free(text);
}

/* What the strict scanner says about a line must be what was recognised. */
static void assert_strictly(const struct scan_rules *by, const unsigned char *line, size_t len,
                            const struct event *event)
{
    struct scan_result strict;

    CHECK(scan_line(by, line, len, &strict) == SCAN_EVENT, "%.*s", (int)len, (const char *)line);
    CHECK(event->key_len == strict.key_len &&
              memcmp(event_key(event), strict.key, strict.key_len) == 0,
          "key %.*s of %.*s", (int)event->key_len, (const char *)event_key(event), (int)len,
          (const char *)line);
    CHECK(event->value == strict.value, "%lld of %.*s", (long long)event->value, (int)len,
          (const char *)line);
}

/*
 * Goes through text, whole lines and then LAYOUT_LINE_MAX bytes of rubbish, and returns how many
 * lines were recognised. The text is the end of exactly its memory, so that ASan sees more.
 */
static size_t recognise(layout_matcher *matcher, struct layout *layout, const struct scan_rules *by,
                        const char *text, size_t len, size_t alignment, size_t room)
{
    unsigned char *memory = malloc(alignment + len + LAYOUT_LINE_MAX);
    unsigned char *p = memory + alignment, *end = p + len;
    size_t recognised = 0;

    assert_non_null(memory);
    memset(memory, '"', alignment);
    memcpy(p, text, len);
    memset(end, '"', LAYOUT_LINE_MAX);
    while (p < end) {
        struct event events[EVENTS];
        size_t count;
        const unsigned char *next =
            matcher(layout, by, p, end + LAYOUT_LINE_MAX, events, room, &count);
        assert_in_range(count, 0, room);
        for (size_t i = 0; i < count; i++) {
            unsigned char *line_end = memchr(p, '\n', (size_t)(end - p));
            assert_strictly(by, p, (size_t)(line_end - p), &events[i]);
            p = line_end + 1;
        }
        assert_ptr_equal(p, next);
        recognised += count;
        if (count == 0)
            p = (unsigned char *)memchr(p, '\n', (size_t)(end - p)) + 1;
    }
    free(memory);
    return recognised;
}

static bool recognises(layout_matcher *matcher, struct layout *layout, const struct scan_rules *by,
                       const char *line)
{
    char text[LINE_ROOM];
    int len = snprintf(text, sizeof text, "%s\n", line);
    return recognise(matcher, layout, by, text, (size_t)len, 0, 1) == 1;
}

static void lines_of_a_learnt_layout_are_recognised(void **state)
{
    static const char *const same[] = {
        "{\"timestamp\":\"\",\"userId\":\"somebody else\",\"eventType\":\"a very long event type, "
        "longer than a vector\",\"productId\":\"x\",\"sessionDuration\":123456789012345678}",
        "{\"timestamp\":\"\",\"userId\":\"16 bytes, no "
        "more\",\"eventType\":\"\",\"productId\":\"\","
        "\"sessionDuration\":0}",
        "{\"timestamp\":\"\",\"userId\":\"\\u0075\\n\xc3\xa9\",\"eventType\":\"\xe2\x82\xac\\\"\","
        "\"productId\":\"\\ud83d\\ude00\",\"sessionDuration\":12345678}",
        "{\"timestamp\":\"\xe2\x82\xac\",\"userId\":\"ordinary, but longer than "
        "sixteen\",\"eventType\":"
        "\"\",\"productId\":\"\",\"sessionDuration\":123456789}",
    };
    struct layout layout;

    (void)state;
    for (size_t m = 0; layout_variant(m) != NULL; m++) {
        for (size_t i = 0; i < ARRAY_LEN(taught); i++) {
            teach(&layout, taught[i]);
            CHECK(recognises(layout_variant(m), &layout, &rules, taught[i]), "variant %zu: %s", m,
                  taught[i]);
        }
        teach(&layout, compact);
        for (size_t i = 0; i < ARRAY_LEN(same); i++)
            CHECK(recognises(layout_variant(m), &layout, &rules, same[i]), "variant %zu: %s", m,
                  same[i]);
    }
}

static void what_differs_is_left_to_the_strict_scanner(void **state)
{
    static const char *const others[] = {
        "{\"userId\":\"\",\"sessionDuration\":1}",
        "{\"userId\":\"a\tb\",\"sessionDuration\":1}",
        "{\"userId\":\"\xff\",\"sessionDuration\":1}",
        "{\"userId\":\"\\u0000\",\"sessionDuration\":1}",
        "{\"userId\":\"\\ud800\",\"sessionDuration\":1}",
        "{\"userId\":\"\\u0061bcdefghijklmnopq\",\"sessionDuration\":1}",
        "{\"userId\":\"a\\\",\"sessionDuration\":1}",
        "{\"userId\":\"a\"b\",\"sessionDuration\":1}",
        "{\"userId\":\"u\",\"sessionDuration\":01}",
        "{\"userId\":\"u\",\"sessionDuration\":-0}",
        "{\"userId\":\"u\",\"sessionDuration\":1.0}",
        "{\"userId\":\"u\",\"sessionDuration\":1e3}",
        "{\"userId\":\"u\",\"sessionDuration\":}",
        "{\"userId\":\"u\",\"sessionDuration\":\xb1}",
        "{\"userId\":\"u\",\"sessionDuration\":9223372036854775807}",
        "{\"userId\":\"u\",\"sessionDuration\":1} ",
        "{\"userId\":\"u\",\"sessionDuration\":1",
        "{\"userId\":\"u\",\"sessionDuration\":1}\r",
        "{\"userId\":\"u\" ,\"sessionDuration\":1}",
        "{\"userId\":\"u\",\"sessionDuration\":1,\"sessionDuration\":1}",
        "",
    };
    struct layout layout;

    (void)state;
    teach(&layout, "{\"userId\":\"user007\",\"sessionDuration\":186}");
    for (size_t m = 0; layout_variant(m) != NULL; m++)
        for (size_t i = 0; i < ARRAY_LEN(others); i++)
            CHECK(!recognises(layout_variant(m), &layout, &rules, others[i]), "variant %zu: %s", m,
                  others[i]);
}

static void limits_of_the_rules_hold(void **state)
{
    struct scan_rules narrow = rules;
    struct layout layout;

    (void)state;
    teach(&layout, compact);
    for (size_t m = 0; layout_variant(m) != NULL; m++) {
        narrow.max_line = rules.max_line;
        narrow.max_key = 6;
        assert_false(recognises(layout_variant(m), &layout, &narrow, compact));
        narrow.max_key = 7;
        assert_true(recognises(layout_variant(m), &layout, &narrow, compact));
        narrow.max_line = strlen(compact) - 1;
        assert_false(recognises(layout_variant(m), &layout, &narrow, compact));
    }
}

static void nothing_is_recognised_near_the_end_of_memory_or_before_a_lesson(void **state)
{
    struct layout layout = {0};
    struct event event;
    size_t count;
    unsigned char *memory = calloc(1, LAYOUT_LINE_MAX);

    (void)state;
    memcpy(memory, compact, sizeof compact);
    memory[sizeof compact - 1] = '\n';
    for (size_t m = 0; layout_variant(m) != NULL; m++) {
        layout = (struct layout){0};
        (void)layout_variant(m)(&layout, &rules, memory, memory + LAYOUT_LINE_MAX, &event, 1,
                                &count);
        assert_int_equal(count, 0);
        teach(&layout, compact);
        (void)layout_variant(m)(&layout, &rules, memory, memory + LAYOUT_LINE_MAX - 1, &event, 1,
                                &count);
        assert_int_equal(count, 0);
    }
    free(memory);
}

static void lines_that_no_layout_can_hold_teach_nothing(void **state)
{
    static const char *const odd[] = {
        "{\"userId\":\"u\",\"sessionDuration\":1,\"a\":[1]}",
        "{\"userId\":\"u\",\"sessionDuration\":1,\"a\":{}}",
        "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,"
        "\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1,\"r\":1,\"s\":1,\"t\":1,\"u\":1,\"v\":1,"
        "\"w\":1,\"x\":1,\"y\":1,\"z\":1,\"A\":1,\"B\":1,\"C\":1,\"D\":1,\"E\":1,\"F\":1,"
        "\"userId\":\"u\",\"sessionDuration\":1}",
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

/* Lines of one layout, some of them damaged, until the room is used up. */
static size_t make_text(char *text, const char *line, size_t damaged_of_100, uint64_t *random)
{
    size_t len = 0;

    while (len + LINE_ROOM < TEXT_ROOM) {
        char made[LINE_ROOM];
        size_t made_len = strlen(line);
        memcpy(made, line, made_len);
        if (chance_below(random, 100) < damaged_of_100)
            made_len = mutate(made, made_len, random);
        memcpy(text + len, made, made_len);
        len += made_len;
        text[len++] = '\n';
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
            char line[LINE_ROOM];
            size_t len = strlen(taught[i]);
            memcpy(line, taught[i], len);
            len = mutate(line, len, &random);
            line[len++] = '\n';
            for (size_t m = 0; layout_variant(m) != NULL; m++)
                recognised += recognise(layout_variant(m), &layout, &rules, line, len, 0, EVENTS);
        }
    }
    assert_true(recognised > MUTATIONS); /* edits within values leave lines recognisable */
}

static void texts_are_recognised_alike_at_every_alignment(void **state)
{
    static char text[TEXT_ROOM];
    uint64_t random = 2;
    struct layout layout;

    (void)state;
    for (size_t alignment = 0; alignment < ALIGNMENTS; alignment++) {
        const char *line = taught[alignment % ARRAY_LEN(taught)];
        size_t len = make_text(text, line, alignment % 3 * 10, &random);
        size_t room = alignment % 5 == 0 ? 1 + chance_below(&random, 8) : EVENTS;
        size_t expected = 0;
        teach(&layout, line);
        for (size_t m = 0; layout_variant(m) != NULL; m++) {
            size_t got = recognise(layout_variant(m), &layout, &rules, text, len, alignment, room);
            if (m == 0)
                expected = got;
            assert_int_equal(got, expected);
        }
        assert_true(expected > 0);
    }
}

/* A text that begins at every byte of a line puts the ends of what is looked at everywhere. */
static void lines_across_the_end_of_marked_text_are_recognised(void **state)
{
    static char text[TEXT_ROOM];
    uint64_t random = 3;
    struct layout layout;
    const size_t line_len = strlen(compact) + 1;
    size_t len = make_text(text, compact, 0, &random);

    (void)state;
    teach(&layout, compact);
    for (size_t m = 0; layout_variant(m) != NULL; m++)
        for (size_t skip = 1; skip < line_len; skip++)
            assert_int_equal(
                recognise(layout_variant(m), &layout, &rules, text + skip, len - skip, 0, EVENTS),
                len / line_len - 1);
}

static void a_text_full_of_marks_fits(void **state)
{
    static char text[TEXT_ROOM];
    struct layout layout;

    (void)state;
    memset(text, '"', sizeof text);
    text[sizeof text - 1] = '\n';
    teach(&layout, compact);
    for (size_t m = 0; layout_variant(m) != NULL; m++)
        assert_int_equal(
            recognise(layout_variant(m), &layout, &rules, text, sizeof text, 0, EVENTS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_a_learnt_layout_are_recognised),
        cmocka_unit_test(what_differs_is_left_to_the_strict_scanner),
        cmocka_unit_test(limits_of_the_rules_hold),
        cmocka_unit_test(nothing_is_recognised_near_the_end_of_memory_or_before_a_lesson),
        cmocka_unit_test(lines_that_no_layout_can_hold_teach_nothing),
        cmocka_unit_test(lessons_become_rare_when_every_line_differs),
        cmocka_unit_test(mutated_lines_are_never_recognised_wrongly),
        cmocka_unit_test(texts_are_recognised_alike_at_every_alignment),
        cmocka_unit_test(lines_across_the_end_of_marked_text_are_recognised),
        cmocka_unit_test(a_text_full_of_marks_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
