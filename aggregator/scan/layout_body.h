/*
 * A matcher over primitives that the including file defines for its instruction set. They may read
 * up to a vector beyond the end of the text.
 */
#include "aggregator/scan/layout.h"
#include "common/json_escape.h"
#include "common/json_scan.h"
#include "common/utf8.h"

enum { ODD_GAP_MAX = 64 };

/*
 * The place of the first of LAYOUT_VECTOR bytes that ends a plain value: a quote, or what is not
 * plain (a backslash, a control character, non-ASCII); LAYOUT_VECTOR where there is none.
 */
static size_t find_stop(const unsigned char *p);

/* The first len (up to EVENT_KEY_INLINE) bytes at p, then zeros. */
static void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p, size_t len);

/* Does the same for each range, unrolled: what ranges have of their own stays in registers. */
#define EACH(i) _Pragma("GCC unroll 8") for (size_t i = 0; i < LAYOUT_RANGES; i++)

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
    typedef uint64_t half __attribute__((vector_size(LAYOUT_VECTOR / 2)));
    half halves[2];

    memcpy(halves, sum, sizeof halves);
    halves[0] |= halves[1];
    return (halves[0][0] | halves[0][1]) == 0;
}

static const uint64_t ones = 0x0101010101010101u;

/* Eight bytes less '0' each, and the high bits of those that are not digits. */
static inline uint64_t find_digits(const unsigned char *p, uint64_t *ret_others)
{
    uint64_t word;

    memcpy(&word, p, sizeof word);
    word ^= ones * '0';
    *ret_others = (((word & (ones * 0x7f)) + ones * (0x80 - 10)) | word) & (ones * 0x80);
    return word;
}

/*
 * The digits at p as a number, with LAYOUT_VECTOR bytes to be read, and the byte after them; *wrong
 * where they are not a number, or have more than 18 digits.
 */
static inline const unsigned char *take_sum(const unsigned char *p, int64_t *ret, uint64_t *wrong)
{
    uint64_t others, word = find_digits(p, &others);

    if (others != 0) {
        unsigned len = (unsigned)__builtin_ctzll(others) / 8;
        *wrong |= (len == 0) | ((len > 1) & ((word & 0xff) == 0));
        /* The last digit to the top, zeros before the first; then pairs, pairs of pairs, and all.
         */
        word = word << (56 - 8 * len) << 8;
        word = (word * 10 + (word >> 8)) & 0x00ff00ff00ff00ffu;
        word = (word * 100 + (word >> 16)) & 0x0000ffff0000ffffu;
        *ret = (int64_t)((word * 10000 + (word >> 32)) & 0xffffffffu);
        return p + len;
    }
    /* A further digit would not match the literal that follows. */
    const unsigned char *start = p;
    for (*ret = 0; p - start < 18 && *p >= '0' && *p <= '9'; p++)
        *ret = *ret * 10 + (*p - '0');
    *wrong |= *start == '0';
    return p;
}

static inline void put_key(struct event *ret, const unsigned char *key, size_t len)
{
    ret->key_len = (uint32_t)len;
    if (len <= EVENT_KEY_INLINE)
        put_short_key(ret->bytes, key, len);
    else
        ret->long_key = key;
}

/* Plain lines. */

/* Where a text that is longer than a vector ends; p itself if that is beyond `safe`. */
static __attribute__((noinline)) const unsigned char *skip_long_text(const unsigned char *p,
                                                                     const unsigned char *safe)
{
    const unsigned char *start = p;

    for (size_t len = LAYOUT_VECTOR; len == LAYOUT_VECTOR && p <= safe; p += len)
        len = find_stop(p);
    return p <= safe ? p : start;
}

static inline const unsigned char *skip_text(const unsigned char *p, const unsigned char *safe)
{
    size_t len = find_stop(p);
    return __builtin_expect(len < LAYOUT_VECTOR, true) ? p + len : skip_long_text(p, safe);
}

/* A value that is not a string, most often a short whole number. NULL: none, or beyond `safe`. */
static __attribute__((noinline)) const unsigned char *skip_other(const unsigned char *p,
                                                                 const unsigned char *safe)
{
    uint64_t others, word = find_digits(p, &others);
    struct json_fault fault;

    if (others != 0 && (others & 0x80) == 0) {
        const unsigned char *end = p + __builtin_ctzll(others) / 8;
        bool zero_leads = (word & 0xff) == 0 && end - p > 1;
        if (!zero_leads && *end != '.' && (*end | 0x20) != 'e')
            return end;
    }
    return p < safe ? json_scan_value(p, safe, 0, &fault) : NULL;
}

/*
 * Lines that end before p[i]: goes on after those of which nothing differs or is wrong, and returns
 * the ranges of the others.
 */
static inline unsigned end_lines(const struct scan_rules *rules, struct layout_ranges *ranges,
                                 const unsigned char *const *p, const differences *sum,
                                 const uint64_t *wrong)
{
    differences all = {0};
    uint64_t any = 0;
    unsigned failed = 0;

    EACH (i) {
        all |= sum[i];
        any |= wrong[i] | ((size_t)(p[i] - ranges->at[i]) - 1 > rules->max_line);
    }
    if (any == 0 && is_equal(&all)) {
        EACH (i)
            ranges->at[i] = p[i];
        return 0;
    }
    EACH (i) {
        if (wrong[i] == 0 && is_equal(&sum[i]) &&
            (size_t)(p[i] - ranges->at[i]) - 1 <= rules->max_line)
            ranges->at[i] = p[i];
        else
            failed |= 1u << i;
    }
    return failed;
}

/*
 * Takes a line of every range for a plain one. What differs is only collected until the lines end:
 * where it does, what is then taken for the rest of the line is meaningless, but reads stay within
 * `reach` bytes beyond `safe`. Fills *ret, an event for each range, and returns the ranges of lines
 * that are not plain.
 */
static inline unsigned match_plain(const struct layout *layout, const struct scan_rules *rules,
                                   struct layout_ranges *ranges, const unsigned char *safe,
                                   struct event *ret)
{
    const unsigned char *p[LAYOUT_RANGES];
    differences sum[LAYOUT_RANGES];
    uint64_t wrong[LAYOUT_RANGES];

    EACH (i) {
        p[i] = ranges->at[i];
        sum[i] = (differences){0};
        wrong[i] = 0;
    }
    for (const struct layout_part *part = layout->part, *end = part + layout->part_count;
         part < end; part++) {
        EACH (i) {
            compare(&sum[i], p[i], part);
            p[i] += part->len;
        }
        switch ((enum layout_value)part->value) {
        case LAYOUT_NOTHING:
        case LAYOUT_END:
            break;
        case LAYOUT_STRING:
            EACH (i)
                p[i] = skip_text(p[i], safe);
            break;
        case LAYOUT_KEY:
            EACH (i) {
                const unsigned char *key = p[i];
                p[i] = skip_text(key, safe);
                put_key(&ret[i], key, (size_t)(p[i] - key));
                wrong[i] |= (size_t)(p[i] - key) - 1 >= rules->max_key;
            }
            break;
        case LAYOUT_SUM:
            EACH (i)
                p[i] = take_sum(p[i], &ret[i].value, &wrong[i]);
            break;
        case LAYOUT_OTHER:
            EACH (i) {
                const unsigned char *next = skip_other(p[i], safe);
                wrong[i] |= next == NULL;
                p[i] = next == NULL ? p[i] : next;
            }
            break;
        }
    }
    return end_lines(rules, ranges, p, sum, wrong);
}

/* Other lines. */

/* A string's meaning as far as it is short, with room for a vector behind it. */
struct odd_key {
    unsigned char text[EVENT_KEY_INLINE + LAYOUT_VECTOR];
    size_t len; /* of all of it */
    bool escaped;
};

/* Appends `len` of the `size` bytes at p, which is a constant. */
static inline void grow_key(struct odd_key *key, const unsigned char *p, size_t len, size_t size)
{
    if (key != NULL && key->len <= EVENT_KEY_INLINE)
        memcpy(key->text + key->len, p, size);
    if (key != NULL)
        key->len += len;
}

/*
 * The quote that ends a string, or NULL: it is not well-formed, or goes on beyond `bound`. Up to
 * two vectors beyond that may be read. key: what the string means goes there, and must then be
 * scalar values other than U+0000; or NULL.
 */
static inline __attribute__((always_inline)) const unsigned char *
skip_odd_text(const unsigned char *p, const unsigned char *bound, struct odd_key *key)
{
    for (;;) {
        size_t len = find_stop(p);
        grow_key(key, p, len, LAYOUT_VECTOR);
        p += len;
        if (p > bound || *p == '"')
            return p > bound ? NULL : p;
        if (*p == '\\') {
            unsigned char bytes[UTF8_MAX];
            uint32_t code;
            p = json_read_escape(p + 1, bound + LAYOUT_VECTOR, &code);
            if (p == NULL || (key != NULL && (code == 0 || json_is_surrogate(code))))
                return NULL;
            if (key != NULL) {
                key->escaped = true;
                grow_key(key, bytes, utf8_put(bytes, code), sizeof bytes);
            }
        } else if (*p >= 0x80) {
            do {
                size_t width = utf8_short_length(p);
                width = width == 0 ? utf8_length(p, UTF8_MAX) : width;
                if (width == 0 || p > bound)
                    return NULL;
                grow_key(key, p, width, UTF8_MAX);
                p += width;
            } while (*p >= 0x80);
        } else if (len < LAYOUT_VECTOR) {
            return NULL;
        }
    }
}

/* Keys with escapes are taken where they are short; others are the strict scanner's. */
static inline const unsigned char *take_odd_key(const struct scan_rules *rules,
                                                const unsigned char *p, const unsigned char *bound,
                                                struct event *ret)
{
    struct odd_key key = {.len = 0, .escaped = false};
    const unsigned char *end = skip_odd_text(p, bound, &key);

    if (end == NULL || key.len == 0 || key.len > rules->max_key ||
        (key.escaped && key.len > EVENT_KEY_INLINE))
        return NULL;
    put_key(ret, key.escaped ? key.text : p, key.len);
    return end;
}

/* The value of a part of an odd line, at p; NULL: it is wrong, or goes on beyond `bound`. */
static inline const unsigned char *skip_odd(const struct layout_part *part,
                                            const struct scan_rules *rules, const unsigned char *p,
                                            const unsigned char *bound, struct event *ret)
{
    uint64_t wrong = 0;

    switch ((enum layout_value)part->value) {
    case LAYOUT_STRING:
        return skip_odd_text(p, bound, NULL);
    case LAYOUT_KEY:
        return take_odd_key(rules, p, bound, ret);
    case LAYOUT_SUM:
        p = take_sum(p, &ret->value, &wrong);
        return wrong == 0 ? p : NULL;
    case LAYOUT_OTHER:
        return skip_other(p, bound);
    case LAYOUT_NOTHING:
    case LAYOUT_END:
        break;
    }
    return p;
}

/*
 * Any line of each of the ranges in `wanted`, string by string. Fills their places in *ret, goes on
 * after the lines that are recognised, and returns the ranges of the others.
 */
static unsigned match_odd(const struct layout *layout, const struct scan_rules *rules,
                          struct layout_ranges *ranges, unsigned wanted, const unsigned char *limit,
                          struct event *ret)
{
    const unsigned char *p[LAYOUT_RANGES], *const bound = limit - 2 * LAYOUT_VECTOR;
    differences sum[LAYOUT_RANGES] = {0};
    unsigned good = 0;

    for (unsigned i = 0; i < LAYOUT_RANGES; i++) {
        p[i] = ranges->at[i];
        good |= (wanted & 1u << i) & (unsigned)(limit - p[i] >= 2 * LAYOUT_VECTOR) << i;
    }
    for (const struct layout_part *part = layout->part, *end = part + layout->part_count;
         part < end; part++) {
        for (unsigned left = good; left != 0; left &= left - 1) {
            const unsigned i = (unsigned)__builtin_ctz(left);
            compare(&sum[i], p[i], part);
            p[i] += part->len;
            if (p[i] <= bound)
                p[i] = skip_odd(part, rules, p[i], bound, &ret[i]);
            if (p[i] == NULL || p[i] > bound)
                good &= ~(1u << i);
        }
    }
    for (unsigned left = good; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctz(left);
        if (is_equal(&sum[i]) && (size_t)(p[i] - ranges->at[i]) - 1 <= rules->max_line)
            ranges->at[i] = p[i];
        else
            good &= ~(1u << i);
    }
    return wanted & ~good;
}

/* The ranges that lines are left in. */
static inline unsigned open_ranges(const struct layout_ranges *ranges)
{
    unsigned open = 0;

    EACH (i)
        open |= (unsigned)(ranges->at[i] < ranges->end[i]) << i;
    return open;
}

/* Whether all lines may be taken for plain ones: memory beyond them may be looked at. */
static inline bool are_within(const struct layout_ranges *ranges, const unsigned char *limit,
                              size_t reach)
{
    bool within = true;

    EACH (i)
        within &= (size_t)(limit - ranges->at[i]) >= reach;
    return within;
}

/* Where lines are seldom plain, this is tried seldom. */
static void note_plain(struct layout *layout, bool any)
{
    layout->odd_gap = any                             ? 0
                      : layout->odd_gap < ODD_GAP_MAX ? 2 * layout->odd_gap + 1
                                                      : ODD_GAP_MAX;
    layout->odd = layout->odd_gap;
}

/*
 * After a round: of the open ranges, those in `failed` are yet to be recognised, and the others'
 * events are at their numbers. Leaves events without gaps and returns how many there are.
 */
static __attribute__((noinline)) size_t match_failed(const struct layout *layout,
                                                     const struct scan_rules *rules,
                                                     struct layout_ranges *ranges, unsigned open,
                                                     unsigned failed, const unsigned char *limit,
                                                     struct event *ret, unsigned *ret_missed)
{
    size_t count = 0;

    *ret_missed = match_odd(layout, rules, ranges, failed, limit, ret);
    for (unsigned left = open & ~*ret_missed; left != 0; left &= left - 1)
        ret[count++] = ret[__builtin_ctz(left)];
    return count;
}

static size_t match(struct layout *layout, const struct scan_rules *rules,
                    struct layout_ranges *ranges, const unsigned char *limit, struct event *ret,
                    size_t room, unsigned *ret_missed)
{
    enum { ALL = (1 << LAYOUT_RANGES) - 1 };
    size_t count = 0;

    *ret_missed = 0;
    while (*ret_missed == 0 && room - count >= LAYOUT_RANGES) {
        unsigned open = open_ranges(ranges), failed;
        if (open != ALL) {
            if (!layout_ranges_share(ranges))
                break;
            open = open_ranges(ranges);
        }
        failed = open;
        if (layout->part_count == 0) {
            *ret_missed = open;
        } else if (layout->odd > 0) {
            layout->odd--;
        } else if (open == ALL && are_within(ranges, limit, layout->reach)) {
            failed = match_plain(layout, rules, ranges, limit - layout->reach, ret + count);
            if (failed == 0) {
                count += LAYOUT_RANGES;
                continue;
            }
            note_plain(layout, failed != ALL);
        }
        if (*ret_missed == 0)
            count +=
                match_failed(layout, rules, ranges, open, failed, limit, ret + count, ret_missed);
    }
    return count;
}
