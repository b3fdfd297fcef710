/* SHA-256 (FIPS 180-4). Pure. libcrypto would add megabytes for this one function. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_SIZE = 32, SHA256_BLOCK = 64, SHA256_HEX = 2 * SHA256_SIZE };

struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[SHA256_BLOCK];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);

/* Ends the hash; lower-case digits, terminated. */
void sha256_hex(struct sha256 *hash, char out[SHA256_HEX + 1]);

#endif
