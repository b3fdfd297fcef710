#include "aggregator/scan/layout.h"

#include "common/tests/unit.h"

enum {
    LINE_ROOM = 600,
    TEXT_ROOM = 64 * 1024,
    MUTATIONS = 20000,
    ALIGNMENTS = 64, /* of the widest vector */
    EVENTS = 256,
    BEYOND = 4096, /* bytes after a text, more than is looked at */
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

/* Events in any order, as a sum. */
static uint64_t fingerprint(const unsigned char *key, size_t key_len, int64_t value)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */

    for (size_t i = 0; i < key_len; i++)
        hash = (hash ^ key[i]) * 1099511628211u;
    return hash * (2 * (uint64_t)value + 1);
}

/* What the strict scanner says about the lines that were recognised must be what was recognised. */
static void assert_strictly(const struct scan_rules *by, const unsigned char *text, size_t len,
                            const bool *missed, size_t count, uint64_t sum)
{
    struct scan_result strict;
    size_t lines = 0;

    for (size_t at = 0, next; at < len; at = next) {
        const unsigned char *line = text + at, *end = memchr(line, '\n', len - at);
        next = (size_t)(end - text) + 1;
        if (missed[at])
            continue;
        lines++;
        CHECK(scan_line(by, line, (size_t)(end - line), &strict) == SCAN_EVENT, "%.*s",
              (int)(end - line), (const char *)line);
        sum -= fingerprint(strict.key, strict.key_len, strict.value);
    }
    CHECK(lines == count && sum == 0, "%zu events of %zu lines, of %.*s", count, lines, (int)len,
          (const char *)text);
}

/* As many lines in each range as there are in the others, about. */
static void deal(struct layout_ranges *ranges, const unsigned char *text, size_t len)
{
    const unsigned char *at = text, *end = text + len;

    for (size_t i = 0; i < LAYOUT_RANGES; i++) {
        const unsigned char *from = text + len / LAYOUT_RANGES * (i + 1);
        from = from > at ? from - 1 : at;
        const unsigned char *newline = from < end ? memchr(from, '\n', (size_t)(end - from)) : NULL;
        ranges->at[i] = at;
        ranges->end[i] = at = i + 1 < LAYOUT_RANGES && newline != NULL ? newline + 1 : end;
    }
}

/*
 * Goes through text, whole lines with so many bytes of rubbish beyond them, and returns how many
 * lines were recognised. The text is the end of exactly its memory, so that ASan sees more.
 */
static size_t recognise_before(size_t beyond, layout_matcher *matcher, struct layout *layout,
                               const struct scan_rules *by, const char *text, size_t len,
                               size_t alignment, size_t room)
{
    unsigned char *memory = malloc(alignment + len + beyond);
    unsigned char *p = memory + alignment, *end = p + len;
    bool *missed = calloc(len, sizeof *missed);
    struct layout_ranges ranges;
    size_t recognised = 0;
    uint64_t sum = 0;

    assert_non_null(memory);
    assert_non_null(missed);
    memset(memory, '"', alignment);
    memcpy(p, text, len);
    memset(end, '"', beyond);
    deal(&ranges, p, len);
    do {
        struct event events[EVENTS];
        unsigned missed_ranges;
        size_t count = matcher(layout, by, &ranges, end + beyond, events, room, &missed_ranges);
        assert_in_range(count, 0, room);
        for (size_t i = 0; i < count; i++)
            sum += fingerprint(event_key(&events[i]), events[i].key_len, events[i].value);
        recognised += count;
        for (size_t i = 0; i < LAYOUT_RANGES; i++) {
            if ((missed_ranges >> i & 1) == 0)
                continue;
            const unsigned char *line = ranges.at[i];
            missed[line - p] = true;
            ranges.at[i] = (unsigned char *)memchr(line, '\n', (size_t)(end - line)) + 1;
        }
    } while (layout_ranges_share(&ranges));
    assert_strictly(by, p, len, missed, recognised, sum);
    free(missed);
    free(memory);
    return recognised;
}

static size_t recognise(layout_matcher *matcher, struct layout *layout, const struct scan_rules *by,
                        const char *text, size_t len, size_t alignment, size_t room)
{
    return recognise_before(BEYOND, matcher, layout, by, text, len, alignment, room);
}

/* A line in each range; none of them, or all. */
static bool recognises(layout_matcher *matcher, struct layout *layout, const struct scan_rules *by,
                       const char *line)
{
    char text[LAYOUT_RANGES * LINE_ROOM];
    size_t len = 0;

    for (size_t i = 0; i < LAYOUT_RANGES; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", line);
    layout->odd = 0;
    size_t got = recognise(matcher, layout, by, text, len, 0, LAYOUT_RANGES);
    CHECK(got == 0 || got == LAYOUT_RANGES, "%zu of %s", got, text);
    return got > 0;
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
        "{\"userId\":\"u\",\"sessionDuration\":0123456789}",
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

static void no_control_character_is_recognised_within_a_text(void **state)
{
    struct layout layout;
    char line[64];
    (void)state;
    teach(&layout, "{\"userId\":\"user007\",\"sessionDuration\":186}");
    for (size_t m = 0; layout_variant(m) != NULL; m++)
        for (int c = 1; c < 0x20; c++) {
            if (c == '\n')
                continue;
            (void)snprintf(line, sizeof line, "{\"userId\":\"us%cr007\",\"sessionDuration\":186}",
                           c);
            CHECK(!recognises(layout_variant(m), &layout, &rules, line), "variant %zu: 0x%02x", m,
                  (unsigned)c);
        }
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

static void nothing_is_recognised_before_a_lesson(void **state)
{
    struct layout layout = {0};

    (void)state;
    for (size_t m = 0; layout_variant(m) != NULL; m++)
        assert_false(recognises(layout_variant(m), &layout, &rules, compact));
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

/* In one range, and beside lines in the others that are damaged, too, or not. */
static void mutated_lines_are_never_recognised_wrongly(void **state)
{
    uint64_t random = 1;
    struct layout layout;
    size_t recognised = 0;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(taught); i++) {
        teach(&layout, taught[i]);
        for (int n = 0; n < MUTATIONS; n++) {
            char text[LAYOUT_RANGES * LINE_ROOM];
            size_t len = 0, ranges = n % 2 == 0 ? 1 : LAYOUT_RANGES;
            for (size_t r = 0; r < ranges; r++) {
                size_t line_len = strlen(taught[i]);
                memcpy(text + len, taught[i], line_len);
                if (r == 0 || chance(&random) % 2 == 0)
                    line_len = mutate(text + len, line_len, &random);
                len += line_len;
                text[len++] = '\n';
            }
            for (size_t m = 0; layout_variant(m) != NULL; m++) {
                layout.odd = 0;
                recognised += recognise(layout_variant(m), &layout, &rules, text, len, 0, EVENTS);
            }
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
        size_t room = alignment % 5 == 0 ? LAYOUT_RANGES + chance_below(&random, 8) : EVENTS;
        size_t expected = 0;
        for (size_t m = 0; layout_variant(m) != NULL; m++) {
            teach(&layout, line);
            size_t got = recognise(layout_variant(m), &layout, &rules, text, len, alignment, room);
            if (m == 0)
                expected = got;
            assert_int_equal(got, expected);
        }
        assert_true(expected > 0);
    }
}

/* Fewer bytes beyond the last line than are looked at, down to none: ASan sees if more are read. */
static void lines_near_the_end_of_memory_are_left(void **state)
{
    static char text[TEXT_ROOM];
    uint64_t random = 3;
    struct layout layout;
    const size_t lines = 30;

    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(taught); t++) {
        size_t len = 0;
        for (size_t i = 0; i < lines; i++)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", taught[t]);
        for (size_t m = 0; layout_variant(m) != NULL; m++)
            for (size_t beyond = 0; beyond < 400; beyond += 1 + chance_below(&random, 7)) {
                teach(&layout, taught[t]);
                size_t got = recognise_before(beyond, layout_variant(m), &layout, &rules, text, len,
                                              0, EVENTS);
                CHECK(got < lines || beyond > 0, "%zu lines of %s", got, taught[t]);
                CHECK(got == lines || beyond < 2 * LAYOUT_VECTOR, "%zu lines of %s", got,
                      taught[t]);
            }
    }
}

static void ranges_share_all_lines(void **state)
{
    static const char *const texts[] = {
        "",         "\n",           "a\n",
        "\n\n\n\n", "a\nbb\nccc\n", "a long line, and then short ones\n\na\nb\n\nc\n"};

    (void)state;
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        const unsigned char *text = (const unsigned char *)texts[t];
        size_t len = strlen(texts[t]), lines = 0, expected = 0;
        struct layout_ranges ranges;
        for (size_t i = 0; i < len; i++)
            expected += text[i] == '\n';
        layout_ranges_init(&ranges, text, text + len);
        while (layout_ranges_share(&ranges)) {
            size_t i = lines % LAYOUT_RANGES; /* not in order */
            while (ranges.at[i] == ranges.end[i])
                i = (i + 1) % LAYOUT_RANGES;
            ranges.at[i] = (unsigned char *)memchr(ranges.at[i], '\n',
                                                   (size_t)(ranges.end[i] - ranges.at[i])) +
                           1;
            lines++;
        }
        assert_int_equal(lines, expected);
    }
}

static void a_text_full_of_quotes_is_left(void **state)
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
        cmocka_unit_test(no_control_character_is_recognised_within_a_text),
        cmocka_unit_test(limits_of_the_rules_hold),
        cmocka_unit_test(nothing_is_recognised_before_a_lesson),
        cmocka_unit_test(lines_that_no_layout_can_hold_teach_nothing),
        cmocka_unit_test(lessons_become_rare_when_every_line_differs),
        cmocka_unit_test(mutated_lines_are_never_recognised_wrongly),
        cmocka_unit_test(texts_are_recognised_alike_at_every_alignment),
        cmocka_unit_test(lines_near_the_end_of_memory_are_left),
        cmocka_unit_test(ranges_share_all_lines),
        cmocka_unit_test(a_text_full_of_quotes_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
