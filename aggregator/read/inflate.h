/*
 * Decompression of gzip (RFC 1952) in turn, and of members that say how long they are, side by
 * side: BGZF's, and zstd's frames. Pure. Errors are INPUT and name the compressed offset.
 */
#ifndef AGGREGATOR_READ_INFLATE_H
#define AGGREGATOR_READ_INFLATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct packed; /* members that make up one block, or a part of it */

enum {
    PACKED_MAX = 4 << 20,     /* more than this for one block is read in turn instead */
    PACKED_FRAME = 256 << 10, /* text of a frame of zstd: one may be wanted in two blocks */
};

struct packed *packed_new(void); /* NULL without memory */
void packed_free(struct packed *packed);

/* Forgets the members; the first `skip` bytes of their text will be left out. */
void packed_clear(struct packed *packed, size_t skip, uint64_t offset);
bool packed_is_empty(const struct packed *packed);

/* Copies one whole member in. false: PACKED_MAX is reached, or no memory. */
bool packed_add(struct packed *packed, const unsigned char *member, size_t size);

/* Inflates exactly len bytes of text, after the skip. */
bool packed_inflate(struct packed *packed, unsigned char *out, size_t len, struct err *err);

/* One gzip stream (of one or more members) in turn. */
struct gunzip;
struct gunzip *gunzip_new(void);
void gunzip_free(struct gunzip *gunzip);
bool gunzip_reset(struct gunzip *gunzip, struct err *err); /* before a member */

/*
 * Moves on from *in (of *in_len bytes, at compressed `offset`) to *out (of *out_len), advancing
 * both. *ret_member_end tells that a member ended there.
 */
bool gunzip_step(struct gunzip *gunzip, const unsigned char **in, size_t *in_len, uint64_t offset,
                 unsigned char **out, size_t *out_len, bool *ret_member_end, struct err *err);

#endif
