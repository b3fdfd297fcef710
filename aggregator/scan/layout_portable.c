/* The search for the end of a plain value by 64-bit words. Pure. */
#include "aggregator/scan/layout.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "words are searched from their lowest byte"
#endif

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS (ONES * 0x80)

static inline uint64_t load(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/*
 * The high bit of every byte that ends a value, and perhaps of bytes after the first of these: with
 * all high bits clear, subtracting a bound sets the high bit of a byte below it, and what it
 * borrows is the next byte's.
 */
static inline uint64_t stop_bytes(uint64_t word)
{
    return ((word - ONES * 0x20) | ((word ^ (ONES * '"')) - ONES) |
            ((word ^ (ONES * '\\')) - ONES) | word) &
           HIGHS;
}

static inline size_t find_stop(const unsigned char *p)
{
    for (size_t at = 0; at < LAYOUT_VECTOR; at += sizeof(uint64_t)) {
        uint64_t stops = stop_bytes(load(p + at));
        if (stops != 0)
            return at + (size_t)__builtin_ctzll(stops) / 8;
    }
    return LAYOUT_VECTOR;
}

static inline void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p,
                                 size_t len)
{
    memset(out, 0, EVENT_KEY_INLINE);
    memcpy(out, p, len);
}

#include "aggregator/scan/layout_body.h"

size_t layout_match_portable(struct layout *layout, const struct scan_rules *rules,
                             struct layout_ranges *ranges, const unsigned char *limit,
                             struct event *ret, size_t room, unsigned *ret_missed)
{
    return match(layout, rules, ranges, limit, ret, room, ret_missed);
}
