/*
 * Decompression of Zstandard (RFC 8878) for unpack_zstd.c and packed members: frames in turn, small
 * ones whole. Pure. Errors are INPUT and name the compressed offset.
 */
#ifndef AGGREGATOR_READ_UNZSTD_H
#define AGGREGATOR_READ_UNZSTD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum {
    ZSTD_HEADER_MAX = 18, /* bytes that tell all of a frame's header */
    ZSTD_WINDOW_MAX = 128 << 20,
};

struct zstd_frame {
    bool skippable;             /* no text: all of it is to be passed over */
    uint64_t size;              /* of a skippable one, in all */
    uint64_t window, text_size; /* text_size: UINT64_MAX where it is not stated */
    uint32_t dictionary;        /* 0: none is asked for */
};

/* Whether a frame of either kind begins at bytes. Its first four tell. */
bool zstd_begins(const unsigned char *bytes, size_t len);

/* Its header, of which len bytes are there: ZSTD_HEADER_MAX, or all that is left of the file. */
enum zstd_header { ZSTD_WHOLE, ZSTD_CUT, ZSTD_CORRUPT };
enum zstd_header zstd_read_header(const unsigned char *bytes, size_t len, struct zstd_frame *ret);

/* The size of the whole frame at bytes; 0 where it does not end within len. */
size_t zstd_frame_size(const unsigned char *bytes, size_t len);

/* Bytes that reading a frame of this window in turn takes, and a decoder of whole frames. */
size_t zstd_turn_memory(uint64_t window);
size_t zstd_whole_memory(void);

/* A decoder. It keeps the largest window that it needed. */
struct unzstd;
struct unzstd *unzstd_new(void);          /* NULL without memory */
void unzstd_free(struct unzstd *unzstd);  /* accepts NULL */
void unzstd_reset(struct unzstd *unzstd); /* before a frame that is read in turn */

/* A whole frame of text_size bytes of text into out. */
bool unzstd_whole(struct unzstd *unzstd, const unsigned char *frame, size_t size, uint64_t offset,
                  unsigned char *out, size_t text_size, struct err *err);

/*
 * Moves on from *in (of *in_len bytes, at compressed `offset`) to *out (of *out_len), advancing
 * both. *ret_frame_end tells that a frame ended there. Text may still come when all bytes are in.
 */
bool unzstd_step(struct unzstd *unzstd, const unsigned char **in, size_t *in_len, uint64_t offset,
                 unsigned char **out, size_t *out_len, bool *ret_frame_end, struct err *err);

#endif
