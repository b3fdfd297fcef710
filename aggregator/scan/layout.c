#include "aggregator/scan/layout.h"

#include <stdbool.h>
#include <string.h>

#include "common/json_scan.h"

enum { GAP_MAX = 4096, WORTHWHILE_HITS = 16 };

layout_matcher *layout_variant(size_t index)
{
#ifdef PORTABLE
#elif defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && index-- == 0)
        return layout_match_avx2;
#elif defined(__aarch64__)
    if (index-- == 0)
        return layout_match_neon;
#endif
    return index == 0 ? layout_match_portable : NULL;
}

void layout_ranges_init(struct layout_ranges *ranges, const unsigned char *from,
                        const unsigned char *to)
{
    for (size_t i = 0; i < LAYOUT_RANGES; i++)
        ranges->at[i] = ranges->end[i] = to;
    ranges->at[0] = from;
}

static size_t bytes_left(const struct layout_ranges *ranges, size_t i)
{
    return (size_t)(ranges->end[i] - ranges->at[i]);
}

/* Cuts the range that has most left at the line that its middle is in. */
bool layout_ranges_share(struct layout_ranges *ranges)
{
    bool any = false;

    for (size_t i = 0; i < LAYOUT_RANGES; i++) {
        size_t most = 0;
        for (size_t other = 1; other < LAYOUT_RANGES; other++)
            most = bytes_left(ranges, other) > bytes_left(ranges, most) ? other : most;
        size_t left = bytes_left(ranges, most);
        any = any || left > 0;
        if (left == 0 || bytes_left(ranges, i) > 0)
            continue;
        const unsigned char *middle = ranges->at[most] + left / 2;
        const unsigned char *newline = memchr(middle, '\n', left - left / 2);
        ranges->end[i] = ranges->end[most];
        ranges->at[i] = ranges->end[most] = newline + 1;
    }
    return any;
}

/* Appends a literal, in as many parts as it needs, and the value after it. */
static bool add_part(struct layout *layout, const unsigned char *from, const unsigned char *to,
                     enum layout_value value)
{
    for (;;) {
        size_t left = (size_t)(to - from), len = left < LAYOUT_VECTOR ? left : LAYOUT_VECTOR;
        if (layout->part_count == LAYOUT_PARTS_MAX)
            return false;
        struct layout_part *part = &layout->part[layout->part_count++];
        *part = (struct layout_part){.len = (uint8_t)len};
        memcpy(part->literal, from, len);
        memset(part->mask, 0xff, len);
        layout->reach += len + LAYOUT_VECTOR;
        from += len;
        if (from == to) {
            part->value = (uint8_t)value;
            return true;
        }
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
    /* Learning from lines that keep differing does not pay: it is done ever more rarely. */
    layout->gap = layout->hits >= WORTHWHILE_HITS ? 0
                  : layout->gap < GAP_MAX         ? layout->gap * 2 + 1
                                                  : GAP_MAX;
    layout->wait = layout->gap;
    layout->hits = 0;
    layout->odd = layout->odd_gap = 0;
    layout->part_count = 0;
    layout->reach = 2 * LAYOUT_VECTOR;
    if (!cut(layout, rules, line, line + len))
        layout->part_count = 0;
}
