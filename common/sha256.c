#include "common/sha256.h"

void sha256_init(struct sha256 *hash)
{
    SHA256Init(&hash->state);
}

void sha256_add(struct sha256 *hash, const void *bytes, size_t len)
{
    SHA256Update(&hash->state, bytes, len);
}

void sha256_hex(struct sha256 *hash, char out[SHA256_HEX + 1])
{
    (void)SHA256End(&hash->state, out);
}
