#include "aggregator/read/block_digest.h"

#include <string.h>
#include <xxhash.h>

void block_digest(const void *bytes, size_t len, unsigned char ret[DIGEST_BYTES])
{
    XXH128_canonical_t canonical;

#if defined(__x86_64__) && !defined(PORTABLE)
    if (__builtin_cpu_supports("avx2")) {
        block_digest_avx2(bytes, len, ret);
        return;
    }
#endif
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, len));
    memcpy(ret, canonical.digest, DIGEST_BYTES);
}
