/* The search for marks in a text by NEON. Pure. */
#ifdef __aarch64__
#include "aggregator/scan/layout.h"

#include <arm_neon.h>

static inline uint8x16_t is_mark(uint8x16_t bytes)
{
    /* As signed bytes, control characters and all that is not ASCII are below a blank. */
    uint8x16_t odd = vcltq_s8(vreinterpretq_s8_u8(bytes), vdupq_n_s8(0x20));
    return vorrq_u8(odd,
                    vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('\\')), vceqq_u8(bytes, vdupq_n_u8('"'))));
}

/* One bit of each byte, added up pairwise until every sum is a byte of the word. */
static inline uint64_t find_marks(const unsigned char *p)
{
    const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    uint8x16_t first =
        vpaddq_u8(vandq_u8(is_mark(vld1q_u8(p)), bit), vandq_u8(is_mark(vld1q_u8(p + 16)), bit));
    uint8x16_t second = vpaddq_u8(vandq_u8(is_mark(vld1q_u8(p + 32)), bit),
                                  vandq_u8(is_mark(vld1q_u8(p + 48)), bit));
    uint8x16_t all = vpaddq_u8(first, second);
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(all, all)), 0);
}

/* Always as many as are usual, because the branch on how many there are would be guessed wrongly.
 */
static inline void put_marks(uint16_t *out, uint64_t bits, unsigned base)
{
    enum { USUAL = 12 };
    /* Without bits left, the count of zeros is of no use but defined. */
    for (unsigned i = 0; i < USUAL; i++, bits &= bits - 1)
        out[i] = (uint16_t)(base + (unsigned)__builtin_ctzll(bits | UINT64_C(1) << 63));
    for (unsigned i = USUAL; bits != 0; i++, bits &= bits - 1)
        out[i] = (uint16_t)(base + (unsigned)__builtin_ctzll(bits));
}

static inline void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p,
                                 size_t len)
{
    static const unsigned char ones_then_zeros[2 * EVENT_KEY_INLINE] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    vst1q_u8(out, vandq_u8(vld1q_u8(p), vld1q_u8(ones_then_zeros + EVENT_KEY_INLINE - len)));
}

#include "aggregator/scan/layout_body.h"

const unsigned char *layout_match_neon(struct layout *layout, const struct scan_rules *rules,
                                       const unsigned char *p, const unsigned char *limit,
                                       struct event *ret, size_t room, size_t *ret_count)
{
    return match(layout, rules, p, limit, ret, room, ret_count);
}
#endif
