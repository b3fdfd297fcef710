/* SHA-256 (FIPS 180-4), by libmd: libcrypto would add megabytes for this one function. Pure. */
#ifndef COMMON_SHA256_H
#define COMMON_SHA256_H

#include <sha2.h>
#include <stddef.h>

enum { SHA256_HEX = SHA256_DIGEST_STRING_LENGTH - 1 };

struct sha256 {
    SHA2_CTX state;
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);

/* Ends the hash; lower-case digits, terminated. */
void sha256_hex(struct sha256 *hash, char out[SHA256_HEX + 1]);

#endif
