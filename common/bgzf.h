/*
 * BGZF: gzip members of at most 64 KiB that state their own size in an extra field, so that readers
 * find every member without inflating and inflate them side by side. Pure. No compression here.
 * Format: "Sequence Alignment/Map Format Specification", section 4.1, over RFC 1952.
 */
#ifndef COMMON_BGZF_H
#define COMMON_BGZF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BGZF_HEADER_SIZE = 18, /* as bgzf_put_header() writes it; a reader may meet longer ones */
    BGZF_TRAILER_SIZE = 8,
    BGZF_EOF_SIZE = 28,
    BGZF_MEMBER_MAX = 65536, /* header, deflated text and trailer: 16 bits hold the size less 1 */
    BGZF_TEXT_MAX = 65536,   /* what a reader must be ready to inflate from one member */
    BGZF_TEXT_CUT = 65280,   /* what a writer puts into one, so that it fits even when stored */
};

/* The empty member that ends a file; one without it was probably cut. */
extern const unsigned char bgzf_eof[BGZF_EOF_SIZE];

struct bgzf_member {
    size_t size;        /* of the whole member, at most BGZF_MEMBER_MAX */
    size_t header_size; /* where the deflated bytes begin; BGZF_TRAILER_SIZE bytes follow them */
    uint32_t text_size; /* inflated, at most BGZF_TEXT_MAX; bgzf_parse_member() only */
    uint32_t text_crc;  /* CRC-32 of it; bgzf_parse_member() only */
};

/* The header of a member of member_size bytes in all, from 28 to BGZF_MEMBER_MAX. */
void bgzf_put_header(unsigned char out[BGZF_HEADER_SIZE], size_t member_size);
void bgzf_put_trailer(unsigned char out[BGZF_TRAILER_SIZE], uint32_t text_crc, uint32_t text_size);

/*
 * Whether a BGZF member begins at bytes; reads no further than len. Fills size and header_size;
 * size may exceed len. Strict: no flag but FEXTRA, subfields that fill the extra field exactly
 * (any others, in any order), one BC of 2 bytes, room for deflated bytes and a trailer. What is
 * false here may be a good gzip member all the same: *ret is then untouched.
 */
bool bgzf_parse_header(const unsigned char *bytes, size_t len, struct bgzf_member *ret);

/* The same for a whole member within len, and what its trailer says. Nothing is inflated. */
bool bgzf_parse_member(const unsigned char *bytes, size_t len, struct bgzf_member *ret);

#endif
