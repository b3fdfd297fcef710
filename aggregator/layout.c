#include "aggregator/layout.h"

#include <string.h>

#include "common/json_scan.h"

enum { GAP_MAX = 4096, WORTHWHILE_HITS = 16 };

layout_matcher *layout_choose(void)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi"))
        return layout_match_avx2;
#endif
    return layout_match_portable;
}

struct lesson {
    struct layout *layout;
    size_t used; /* of the literals */
};

static bool add_part(struct lesson *lesson, const unsigned char *from, const unsigned char *to,
                     enum layout_value value)
{
    struct layout *layout = lesson->layout;
    size_t len = (size_t)(to - from);

    if (layout->part_count == LAYOUT_PARTS_MAX || len > LAYOUT_LITERALS_MAX - lesson->used)
        return false;
    memcpy(layout->literals + lesson->used, from, len);
    layout->part[layout->part_count++] = (struct layout_part){
        .literal_at = (uint16_t)lesson->used,
        .literal_len = (uint16_t)len,
        .value = (uint8_t)value,
    };
    lesson->used += (len + LAYOUT_VECTOR - 1) / LAYOUT_VECTOR * LAYOUT_VECTOR;
    return true;
}

static bool is_name(const struct json_string *name, const char *wanted, size_t len)
{
    unsigned char decoded[SCAN_FIELD_NAME_LIMIT];
    return json_decode(name, decoded, sizeof decoded) == len && memcmp(decoded, wanted, len) == 0;
}

/* Cuts an accepted line into parts; false where it has what layouts cannot hold. */
static bool cut(struct lesson *lesson, const struct scan_rules *rules, const unsigned char *line,
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
            if (!add_part(lesson, literal, p + 1, value))
                return false;
            literal = json_scan_string(p, end, &string, &fault) - 1;
            p = literal + 1;
        } else {
            if (*p == '{' || *p == '[' || !add_part(lesson, literal, p, value))
                return false;
            literal = p = json_scan_value(p, end, JSON_DEPTH_MAX - 1, &fault);
        }
    }
    return add_part(lesson, literal, end + 1, LAYOUT_END);
}

void layout_learn(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                  size_t len)
{
    struct lesson lesson = {.layout = layout};

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
    layout->part_count = 0;
    if (len >= LAYOUT_LINE_MAX || !cut(&lesson, rules, line, line + len))
        layout->part_count = 0;
}
