#ifdef __x86_64__
#pragma GCC target("avx2,bmi")

#include "aggregator/layout.h"

#include <immintrin.h>

#include "common/json_scan.h"

static inline __m256i load(const unsigned char *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline bool same(const unsigned char *p, const unsigned char *literal, size_t len)
{
    for (;; p += LAYOUT_VECTOR, literal += LAYOUT_VECTOR, len -= LAYOUT_VECTOR) {
        uint32_t differ =
            ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(p), load(literal)));
        if (len <= LAYOUT_VECTOR)
            return differ == 0 || _tzcnt_u32(differ) >= len;
        if (differ != 0)
            return false;
    }
}

static inline const unsigned char *string_end(const unsigned char *p, const unsigned char *bound)
{
    for (; p < bound; p += LAYOUT_VECTOR) {
        __m256i bytes = load(p);
        /* As signed bytes, control characters and all that is not ASCII are below a blank. */
        __m256i odd = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes),
                                      _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
        uint32_t quotes =
            (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')));
        uint32_t odds = (uint32_t)_mm256_movemask_epi8(odd);
        if (quotes != 0)
            return (odds & (_blsmsk_u32(quotes) >> 1)) == 0 ? p + _tzcnt_u32(quotes) : NULL;
        if (odds != 0)
            return NULL;
    }
    return NULL;
}

#include "aggregator/layout_body.h"

const unsigned char *layout_match_avx2(const struct layout *layout, const struct scan_rules *rules,
                                       const unsigned char *p, const unsigned char *limit,
                                       struct scan_result *ret)
{
    return match(layout, rules, p, limit, ret);
}
#endif
