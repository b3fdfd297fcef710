/* The search for marks in a text by 64-bit words. Pure. */
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

/* The high bit of every byte that is zero. */
static inline uint64_t zero_bytes(uint64_t word)
{
    return ~(((word & ~HIGHS) + ~HIGHS) | word) & HIGHS;
}

/* The high bit of every byte that is a mark. */
static inline uint64_t mark_bytes(uint64_t word)
{
    uint64_t blank_or_more = (word & ~HIGHS) + ONES * (0x80 - 0x20);
    return ((~blank_or_more | word) & HIGHS) | zero_bytes(word ^ (ONES * '\\')) |
           zero_bytes(word ^ (ONES * '"'));
}

static inline uint64_t find_marks(const unsigned char *p)
{
    uint64_t bits = 0;
    /* The product moves the high bit of byte i to bit 56 + i. */
    for (unsigned at = 0; at < LAYOUT_WORD; at += sizeof(uint64_t))
        bits |= ((mark_bytes(load(p + at)) >> 7) * UINT64_C(0x0102040810204080) >> 56) << at;
    return bits;
}

static inline void put_marks(uint16_t *out, uint64_t bits, unsigned base)
{
    for (; bits != 0; bits &= bits - 1)
        *out++ = (uint16_t)(base + (unsigned)__builtin_ctzll(bits));
}

static inline void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p,
                                 size_t len)
{
    memset(out, 0, EVENT_KEY_INLINE);
    memcpy(out, p, len);
}

#include "aggregator/scan/layout_body.h"

const unsigned char *layout_match_portable(struct layout *layout, const struct scan_rules *rules,
                                           const unsigned char *p, const unsigned char *limit,
                                           struct event *ret, size_t room, size_t *ret_count)
{
    return match(layout, rules, p, limit, ret, room, ret_count);
}
