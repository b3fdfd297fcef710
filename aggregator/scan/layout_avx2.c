/* The search for the end of a plain value by AVX2. Pure. */
#ifdef __x86_64__
#include "aggregator/scan/layout.h"

#include <immintrin.h>

/* A constant that stays in a register, where gcc would make it anew for each use. */
static inline __m256i keep(__m256i constant)
{
    __asm__("" : "+x"(constant));
    return constant;
}

static inline size_t find_stop(const unsigned char *p)
{
    /* By the low half of a byte: the one that ends a value where it is the whole byte. */
    const __m256i ends = keep(_mm256_broadcastsi128_si256(
        _mm_setr_epi8(0, 0, '"', 0, 0, 0, 0, 0, 0, 0, 0, 0, '\\', 0, 0, 0)));
    __m256i bytes = _mm256_loadu_si256((const __m256i *)p);
    /* As signed bytes, control characters and all that is not ASCII are below a blank. */
    __m256i stops = _mm256_or_si256(_mm256_cmpgt_epi8(keep(_mm256_set1_epi8(0x20)), bytes),
                                    _mm256_cmpeq_epi8(_mm256_shuffle_epi8(ends, bytes), bytes));
    return _tzcnt_u32((uint32_t)_mm256_movemask_epi8(stops));
}

static inline void put_short_key(unsigned char out[EVENT_KEY_INLINE], const unsigned char *p,
                                 size_t len)
{
    static const unsigned char ones_then_zeros[2 * EVENT_KEY_INLINE] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    __m128i mask = _mm_loadu_si128((const __m128i *)(ones_then_zeros + EVENT_KEY_INLINE - len));
    _mm_storeu_si128((__m128i *)out, _mm_and_si128(_mm_loadu_si128((const __m128i *)p), mask));
}

#include "aggregator/scan/layout_body.h"

size_t layout_match_avx2(struct layout *layout, const struct scan_rules *rules,
                         struct layout_ranges *ranges, const unsigned char *limit,
                         struct event *ret, size_t room, unsigned *ret_missed)
{
    return match(layout, rules, ranges, limit, ret, room, ret_missed);
}
#endif
