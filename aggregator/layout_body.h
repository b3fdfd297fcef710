/*
 * layout_match() over two primitives that the including file defines for its instruction set.
 */
#include "aggregator/layout.h"
#include "common/json_scan.h"

/* Whether len bytes are equal; may read LAYOUT_VECTOR bytes of both at a time. */
static bool same(const unsigned char *p, const unsigned char *literal, size_t len);

/* The closing quote of a plain string at p, or NULL; reads up to a vector past bound. */
static const unsigned char *string_end(const unsigned char *p, const unsigned char *bound);

static inline const unsigned char *match(const struct layout *layout,
                                         const struct scan_rules *rules, const unsigned char *line,
                                         const unsigned char *limit, struct scan_result *ret)
{
    const unsigned char *p = line, *bound = line + LAYOUT_LINE_MAX - 2 * LAYOUT_VECTOR;

    if (limit - line < LAYOUT_LINE_MAX || layout->part_count == 0)
        return NULL;
    for (const struct layout_part *part = layout->part;; part++) {
        if (p > bound - part->literal_len ||
            !same(p, layout->literals + part->literal_at, part->literal_len))
            return NULL;
        p += part->literal_len;

        const unsigned char *start = p;
        struct json_fault fault;
        int64_t value = 0;
        switch ((enum layout_value)part->value) {
        case LAYOUT_STRING:
            p = string_end(p, bound);
            break;
        case LAYOUT_KEY:
            p = string_end(p, bound);
            if (p == NULL || p == start || (size_t)(p - start) > rules->max_key)
                return NULL;
            ret->key = start;
            ret->key_len = (size_t)(p - start);
            break;
        case LAYOUT_SUM:
            while (*p >= '0' && *p <= '9' && p - start < 18) /* 18 digits always fit */
                value = value * 10 + (*p++ - '0');
            if (p == start || (*start == '0' && p - start > 1))
                return NULL;
            ret->value = value;
            break;
        case LAYOUT_OTHER:
            p = json_scan_value(p, bound, 0, &fault);
            break;
        case LAYOUT_END:
            return (size_t)(p - line) <= rules->max_line ? p : NULL;
        }
        if (p == NULL)
            return NULL;
    }
}
