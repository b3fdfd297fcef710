/* The primitives of layout_body.h that AVX2 and AVX-512 have in common. */
#include "aggregator/scan/layout.h"

#include <immintrin.h>

static inline __m256i load(const unsigned char *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
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
