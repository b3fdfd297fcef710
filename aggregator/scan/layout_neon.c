/* The search for the end of a plain value by NEON. Pure. */
#ifdef __aarch64__
#include "aggregator/scan/layout.h"

#include <arm_neon.h>

static inline uint8x16_t is_stop(uint8x16_t bytes)
{
    /* As signed bytes, control characters and all that is not ASCII are below a blank. */
    uint8x16_t odd = vcltq_s8(vreinterpretq_s8_u8(bytes), vdupq_n_s8(0x20));
    return vorrq_u8(odd,
                    vorrq_u8(vceqq_u8(bytes, vdupq_n_u8('\\')), vceqq_u8(bytes, vdupq_n_u8('"'))));
}

/* One bit of each byte, added up pairwise until every sum is a byte of the word. */
static inline size_t find_stop(const unsigned char *p)
{
    const uint8x16_t bit = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201u));
    uint8x16_t all =
        vpaddq_u8(vandq_u8(is_stop(vld1q_u8(p)), bit), vandq_u8(is_stop(vld1q_u8(p + 16)), bit));
    all = vpaddq_u8(all, all);
    all = vpaddq_u8(all, all);
    /* A bit beyond them, so that there is one. */
    uint64_t bits = vgetq_lane_u32(vreinterpretq_u32_u8(all), 0) | UINT64_C(1) << LAYOUT_VECTOR;
    return (size_t)__builtin_ctzll(bits);
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

size_t layout_match_neon(struct layout *layout, const struct scan_rules *rules,
                         struct layout_ranges *ranges, const unsigned char *limit,
                         struct event *ret, size_t room, unsigned *ret_missed)
{
    return match(layout, rules, ranges, limit, ret, room, ret_missed);
}
#endif
