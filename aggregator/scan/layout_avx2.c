/* The search for marks in a text by AVX2. Pure. */
#ifdef __x86_64__
#include "aggregator/scan/layout_x86.h"

static inline uint32_t mark_bits(const unsigned char *p)
{
    __m256i bytes = load(p);
    /* As signed bytes, control characters and all that is not ASCII are below a blank. */
    __m256i odd = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes),
                                  _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\')));
    return (uint32_t)_mm256_movemask_epi8(
        _mm256_or_si256(odd, _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'))));
}

static inline uint64_t find_marks(const unsigned char *p)
{
    return (uint64_t)mark_bits(p + LAYOUT_VECTOR) << LAYOUT_VECTOR | mark_bits(p);
}

/* Always as many as are usual, because the branch on how many there are would be guessed wrongly.
 */
static inline void put_marks(uint16_t *out, uint64_t bits, unsigned base)
{
    enum { USUAL = 12 };
    for (unsigned i = 0; i < USUAL; i++, bits = _blsr_u64(bits))
        out[i] = (uint16_t)(base + (unsigned)_tzcnt_u64(bits));
    for (unsigned i = USUAL; bits != 0; i++, bits = _blsr_u64(bits))
        out[i] = (uint16_t)(base + (unsigned)_tzcnt_u64(bits));
}

#include "aggregator/scan/layout_body.h"

const unsigned char *layout_match_avx2(struct layout *layout, const struct scan_rules *rules,
                                       const unsigned char *p, const unsigned char *limit,
                                       struct event *ret, size_t room, size_t *ret_count)
{
    return match(layout, rules, p, limit, ret, room, ret_count);
}
#endif
