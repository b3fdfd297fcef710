#include "aggregator/scan/layout.h"

#include <stdbool.h>
#include <string.h>

#include "common/json_scan.h"

enum { GAP_MAX = 4096, WORTHWHILE_HITS = 16, LENGTHS_VARY = 16 };

layout_matcher *layout_variant(size_t index)
{
#ifdef __x86_64__
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2");

    if (avx2 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi2") && index-- == 0)
        return layout_match_avx512;
    if (avx2 && index-- == 0)
        return layout_match_avx2;
#elif defined(__aarch64__)
    if (index-- == 0)
        return layout_match_neon;
#endif
    return index == 0 ? layout_match_portable : NULL;
}

static bool is_mark(unsigned char byte)
{
    return byte < 0x20 || byte >= 0x80 || byte == '\\' || byte == '"';
}

/* Where a literal begins in plain lines; false where it could lie before or after what is read. */
static bool find_place(const struct layout *layout, const unsigned char *from,
                       const unsigned char *to, struct layout_place *ret)
{
    int before = 0, len = (int)(to - from);

    *ret = (struct layout_place){0};
    if (layout->part_count == 0)
        return len <= LAYOUT_LITERAL_MAX;
    while (before < len && !is_mark(from[before]))
        before++;
    *ret = (struct layout_place){.mark = (uint16_t)(layout->marks + 1),
                                 .offset = (int16_t)(-before - 1)};
    /* So many marks before it are so many bytes at least. */
    return before <= layout->marks && len <= LAYOUT_LITERAL_MAX;
}

/* Appends a literal, in as many parts as it needs, and the value after it. */
static bool add_part(struct layout *layout, const unsigned char *from, const unsigned char *to,
                     enum layout_value value)
{
    struct layout_place place;

    if (!find_place(layout, from, to, &place))
        layout->reach = 0;
    for (;;) {
        size_t left = (size_t)(to - from), len = left < LAYOUT_VECTOR ? left : LAYOUT_VECTOR;
        if (layout->part_count == LAYOUT_PARTS_MAX)
            return false;
        struct layout_part *part = &layout->part[layout->part_count++];
        *part = (struct layout_part){.place = place, .len = (uint8_t)len};
        memcpy(part->literal, from, len);
        memset(part->mask, 0xff, len);
        for (size_t i = 0; i < len; i++)
            layout->marks = (uint16_t)(layout->marks + is_mark(from[i]));
        from += len;
        place.offset = (int16_t)(place.offset + LAYOUT_VECTOR);
        if (from == to) {
            part->value = (uint8_t)value;
            return true;
        }
    }
}

/* The values that no literal proves. */
static void find_spans(struct layout *layout)
{
    for (size_t i = 0; i + 1 < layout->part_count; i++) {
        const struct layout_part *part = &layout->part[i];
        struct layout_span span = {.start = part->place, .end = part[1].place};
        span.start.offset = (int16_t)(span.start.offset + part->len);
        span.is_sum = part->value == LAYOUT_SUM;
        if (part->value == LAYOUT_KEY)
            layout->key = span;
        if (part->value == LAYOUT_SUM || part->value == LAYOUT_OTHER)
            layout->number[layout->number_count++] = span;
    }
}

static bool is_name(const struct json_string *name, const char *wanted, size_t len)
{
    unsigned char decoded[SCAN_FIELD_NAME_LIMIT];
    return json_decode(name, decoded, sizeof decoded) == len && memcmp(decoded, wanted, len) == 0;
}

/* Cuts an accepted line into parts; false where it has what layouts cannot hold. */
static bool cut(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                const unsigned char *end)
{
    const unsigned char *literal = line, *p = json_skip_space(line, end);
    struct json_string string;
    struct json_fault fault;

    for (p = json_skip_space(p + 1, end); *p != '}'; p = json_skip_space(p, end)) {
        if (*p == ',')
            p = json_skip_space(p + 1, end);
        p = json_scan_string(p, end, &string, &fault);
        enum layout_value value = is_name(&string, rules->key, rules->key_len)       ? LAYOUT_KEY
                                  : is_name(&string, rules->value, rules->value_len) ? LAYOUT_SUM
                                                                                     : LAYOUT_OTHER;
        p = json_skip_space(json_skip_space(p, end) + 1, end);
        if (*p == '"') {
            value = value == LAYOUT_KEY ? LAYOUT_KEY : LAYOUT_STRING;
            if (!add_part(layout, literal, p + 1, value))
                return false;
            literal = json_scan_string(p, end, &string, &fault) - 1;
            p = literal + 1;
        } else {
            if (*p == '{' || *p == '[' || !add_part(layout, literal, p, value))
                return false;
            literal = p = json_scan_value(p, end, JSON_DEPTH_MAX - 1, &fault);
        }
    }
    return add_part(layout, literal, end + 1, LAYOUT_END);
}

void layout_learn(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                  size_t len)
{
    if (layout->wait > 0) {
        layout->wait--;
        return;
    }
    /* Lines that keep differing are not worth the lessons: these become rarer and rarer. */
    layout->gap = layout->hits >= WORTHWHILE_HITS ? 0
                  : layout->gap < GAP_MAX         ? layout->gap * 2 + 1
                                                  : GAP_MAX;
    layout->wait = layout->gap;
    layout->hits = 0;
    layout->part_count = layout->number_count = 0;
    layout->marks = 0;
    layout->reach = LAYOUT_WORDS_MAX;
    if (len >= LAYOUT_LINE_MAX || !cut(layout, rules, line, line + len))
        layout->part_count = 0;
    else
        find_spans(layout);
}
