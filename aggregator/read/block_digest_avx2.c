/* XXH3-128 by AVX2. Pure. */
#ifdef __x86_64__
#include "aggregator/read/block_digest.h"

#include <string.h>

#define XXH_INLINE_ALL
#define XXH_VECTOR XXH_AVX2
#include <xxhash.h>

void block_digest_avx2(const void *bytes, size_t len, unsigned char ret[DIGEST_BYTES])
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, len));
    memcpy(ret, canonical.digest, DIGEST_BYTES);
}
#endif
