/* The search for marks in a text by AVX-512. Pure. */
#ifdef __x86_64__
#include "aggregator/scan/layout_x86.h"

static inline uint64_t find_marks(const unsigned char *p)
{
    __m512i bytes = _mm512_loadu_si512(p);
    /* As signed bytes, control characters and all that is not ASCII are below a blank. */
    return _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(0x20)) |
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\')) |
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
}

static inline void put_marks(uint16_t *out, uint64_t bits, unsigned base)
{
    static const unsigned char numbers[LAYOUT_WORD] = {
        0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
        22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
        44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
    __m512i places = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(numbers));
    __m512i bases = _mm512_set1_epi16((short)base);
    __m512i low = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(places));
    _mm512_storeu_si512(out, _mm512_add_epi16(low, bases));
    if (__builtin_popcountll(bits) > LAYOUT_WORD / 2) {
        __m512i high = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(places, 1));
        _mm512_storeu_si512(out + LAYOUT_WORD / 2, _mm512_add_epi16(high, bases));
    }
}

#include "aggregator/scan/layout_body.h"

const unsigned char *layout_match_avx512(struct layout *layout, const struct scan_rules *rules,
                                         const unsigned char *p, const unsigned char *limit,
                                         struct event *ret, size_t room, size_t *ret_count)
{
    return match(layout, rules, p, limit, ret, room, ret_count);
}
#endif
