/* XXH3-128 of a block, in canonical (big-endian) form, by the widest vectors there are. Pure. */
#ifndef AGGREGATOR_READ_BLOCK_DIGEST_H
#define AGGREGATOR_READ_BLOCK_DIGEST_H

#include <stddef.h>

enum { DIGEST_BYTES = 16 };

void block_digest(const void *bytes, size_t len, unsigned char ret[DIGEST_BYTES]);

#ifdef __x86_64__
void block_digest_avx2(const void *bytes, size_t len, unsigned char ret[DIGEST_BYTES]);
#endif

#endif
