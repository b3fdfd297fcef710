/*
 * A matcher over primitives that the including file defines for its instruction set. They may read
 * a vector past what they look at.
 */
#include "aggregator/scan/layout.h"
#include "common/json_scan.h"

enum { REACH_MIN = 8 };

/* Which of LAYOUT_WORD bytes are marks. */
static uint64_t find_marks(const unsigned char *p);

/* The places of all bits, plus base, in order; may write up to LAYOUT_WORD places. */
static void put_marks(uint16_t *out, uint64_t bits, unsigned base);

/* The first len (up to EVENT_KEY_INLINE) bytes at p, then zeros. */
static void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p, size_t len);

/* The compiler's own vectors, which it makes of whatever the instruction set has. */
typedef uint64_t differences __attribute__((vector_size(LAYOUT_VECTOR)));

/* Adds what differs from the literal. */
static inline void compare(differences *sum, const unsigned char *p, const struct layout_part *part)
{
    differences text, literal, mask;

    memcpy(&text, p, sizeof text);
    memcpy(&literal, part->literal, sizeof literal);
    memcpy(&mask, part->mask, sizeof mask);
    *sum |= (text ^ literal) & mask;
}

static inline bool is_equal(const differences *sum)
{
    return ((*sum)[0] | (*sum)[1] | (*sum)[2] | (*sum)[3]) == 0;
}

/* Where the marks of a text end: at[0] is its begin, at[n] the byte after the n-th mark. */
struct marks {
    uint16_t at[1 + (LAYOUT_WORDS_MAX + 1) * LAYOUT_WORD];
    size_t count;
};

static void find_all_marks(const unsigned char *text, unsigned words, struct marks *ret)
{
    size_t count = 1;

    ret->at[0] = 0;
    for (unsigned at = 0; at < words * LAYOUT_WORD; at += LAYOUT_WORD) {
        uint64_t bits = find_marks(text + at);
        put_marks(ret->at + count, bits, at + 1);
        count += (unsigned)__builtin_popcountll(bits);
    }
    ret->count = count;
}

static inline const unsigned char *at_place(const unsigned char *text, const uint16_t *at,
                                            struct layout_place place)
{
    return text + at[place.mark] + place.offset;
}

/* Digits from p to end, with eight bytes to be read; false: no number of up to 18 digits. */
static inline bool take_sum(const unsigned char *p, const unsigned char *end, int64_t *ret)
{
    const uint64_t ones = 0x0101010101010101u;
    const size_t len = (size_t)(end - p);
    uint64_t word;
    int64_t value = 0;

    if (len - 1 >= 18 || (*p == '0' && len > 1))
        return false;
    if (len <= sizeof word) {
        /* The last byte to the top, zeros before the first; then pairs, pairs of pairs, and all. */
        memcpy(&word, p, sizeof word);
        word = (word ^ (ones * '0')) << (64 - 8 * len);
        if ((((word & (ones * 0x7f)) + ones * (0x80 - 10)) | word) & (ones * 0x80))
            return false;
        word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ffu;
        word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffffu;
        *ret = (int64_t)((word * 10000 + (word >> 32)) & 0xffffffffu);
        return true;
    }
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        value = value * 10 + (*p - '0');
    *ret = value;
    return p == end;
}

static inline bool take_key(const struct scan_rules *rules, const unsigned char *key, size_t len,
                            struct event *ret)
{
    ret->key_len = (uint32_t)len;
    if (len <= EVENT_KEY_INLINE)
        put_short_key(ret->bytes, key, len);
    else
        ret->long_key = key;
    return len > 0 && len <= rules->max_key;
}

/* The values that no literal proves; all literals have been. */
static inline bool take_values(const struct layout *layout, const struct scan_rules *rules,
                               const unsigned char *text, const uint16_t *at, struct event *ret)
{
    struct json_fault fault;

    for (size_t i = 0; i < layout->number_count; i++) {
        const struct layout_span *number = &layout->number[i];
        const unsigned char *start = at_place(text, at, number->start);
        const unsigned char *end = at_place(text, at, number->end);
        if (start >= end || (number->is_sum ? !take_sum(start, end, &ret->value)
                                            : json_scan_value(start, end, 0, &fault) != end))
            return false;
    }
    const unsigned char *key = at_place(text, at, layout->key.start);
    return take_key(rules, key, (size_t)(at_place(text, at, layout->key.end) - key), ret);
}

/*
 * A line whose marks begin at at[1]. Each literal that is found holds marks itself, so the marks
 * between two literals are counted, too: there are none but the quotes of a string.
 */
static inline bool match_plain(const struct layout *layout, const struct scan_rules *rules,
                               const unsigned char *text, const uint16_t *at, struct event *ret)
{
    differences sum = {0};

    for (size_t i = 0; i < layout->part_count; i++)
        compare(&sum, at_place(text, at, layout->part[i].place), &layout->part[i]);
    return is_equal(&sum) && (size_t)(at[layout->marks] - at[0]) <= rules->max_line &&
           take_values(layout, rules, text, at, ret);
}

/* The key with its escapes resolved, where it is then short; others are the strict scanner's. */
static const unsigned char *take_escaped_key(const struct scan_rules *rules,
                                             const struct json_string *string, struct event *ret)
{
    unsigned char text[EVENT_KEY_INLINE];
    size_t len = (size_t)(string->end - string->start);

    if (!string->text)
        return NULL;
    if (!string->escaped)
        return take_key(rules, string->start, len, ret) ? string->end : NULL;
    len = json_decode(string, text, sizeof text);
    if (len == 0 || len > sizeof text || len > rules->max_key)
        return NULL;
    ret->key_len = (uint32_t)len;
    memset(ret->bytes, 0, sizeof ret->bytes);
    memcpy(ret->bytes, text, len);
    return string->end;
}

/* Any line, string by string. */
static const unsigned char *match_other(const struct layout *layout, const struct scan_rules *rules,
                                        const unsigned char *line, struct event *ret)
{
    const unsigned char *p = line, *bound = line + LAYOUT_LINE_MAX - 2 * LAYOUT_VECTOR;

    for (const struct layout_part *part = layout->part;; part++) {
        const unsigned char *start = p + part->len;
        struct json_string string;
        struct json_fault fault;
        differences sum = {0};

        if (start > bound)
            return NULL;
        compare(&sum, p, part);
        if (!is_equal(&sum))
            return NULL;
        switch ((enum layout_value)part->value) {
        case LAYOUT_NOTHING:
            p = start;
            break;
        case LAYOUT_STRING:
        case LAYOUT_KEY:
            if (json_scan_string(start - 1, bound, &string, &fault) == NULL)
                return NULL;
            p = part->value == LAYOUT_KEY ? take_escaped_key(rules, &string, ret) : string.end;
            break;
        case LAYOUT_SUM:
            p = start;
            while (p < bound && *p >= '0' && *p <= '9')
                p++;
            if (!take_sum(start, p, &ret->value))
                return NULL;
            break;
        case LAYOUT_OTHER:
            p = json_scan_value(start, bound, 0, &fault);
            break;
        case LAYOUT_END:
            return (size_t)(start - line) <= rules->max_line ? start : NULL;
        }
        if (p == NULL)
            return NULL;
    }
}

/* Finds marks as far ahead as the last lines were recognised, and a little farther, while any of
 * them were plain. */
static void adapt_reach(struct layout *layout, size_t recognised, size_t plain)
{
    size_t words = plain == 0 ? 0 : 2 * recognised / LAYOUT_WORD;

    if (layout->reach > 0)
        layout->reach = words < REACH_MIN          ? REACH_MIN
                        : words > LAYOUT_WORDS_MAX ? LAYOUT_WORDS_MAX
                                                   : (unsigned)words;
}

static const unsigned char *match(struct layout *layout, const struct scan_rules *rules,
                                  const unsigned char *text, const unsigned char *limit,
                                  struct event *ret, size_t room, size_t *ret_count)
{
    struct marks marks;
    const unsigned char *p = text;
    size_t count = 0, plain = 0, mark = 0;

    *ret_count = 0;
    if (layout->part_count == 0 || limit - text < LAYOUT_LINE_MAX)
        return text;
    size_t words = (size_t)(limit - text - LAYOUT_LITERAL_MAX - LAYOUT_WORD) / LAYOUT_WORD;
    words = layout->reach < words ? layout->reach : words;
    find_all_marks(text, (unsigned)words, &marks);
    for (; count < room; count++) {
        bool whole = mark + layout->marks < marks.count;
        if (whole && match_plain(layout, rules, text, marks.at + mark, &ret[count])) {
            mark += layout->marks;
            p = text + marks.at[mark];
            plain++;
            continue;
        }
        if ((!whole && plain > 0) || limit - p < LAYOUT_LINE_MAX)
            break;
        const unsigned char *next = match_other(layout, rules, p, &ret[count]);
        if (next == NULL)
            break;
        p = next;
        while (mark + 1 < marks.count && text + marks.at[mark + 1] <= p)
            mark++;
    }
    adapt_reach(layout, (size_t)(p - text), plain);
    *ret_count = count;
    return p;
}
