/*
 * The text of files that are read in turn, by one thread at a time: pipes, gzip, BGZF, zstd.
 * Members that state their length are only cut out here; others inflate them.
 */
#ifndef AGGREGATOR_READ_UNPACK_H
#define AGGREGATOR_READ_UNPACK_H

#include "aggregator/read/reader.h"
#include "aggregator/read/source.h"

enum unpack_kind { UNPACK_STREAM, UNPACK_GZIP, UNPACK_BGZF, UNPACK_ZSTD };

struct unpack {
    struct reader reader;
    const struct input *input; /* the open one, borrowed */
    enum unpack_kind kind;
    struct source_memory memory;

    struct gunzip *gunzip;
    bool in_member;   /* of gzip, or a frame of zstd: its text is read in turn */
    bool ends_marked; /* the last member was empty, as the end of BGZF is marked */
    /* Of the text of the packed member at hand: what the last block took, whose rest is next. */
    size_t text_used;

    struct unzstd *unzstd;                               /* NULL until it is needed */
    size_t reserved;                                     /* bytes for it */
    uint64_t skip_left;                                  /* of a frame that is passed over */
    bool frame_seen;                                     /* of zstd, with text */
    enum { SIDE_UNKNOWN, SIDE_BY_SIDE, SIDE_NONE } side; /* whether there is memory for that */
};

bool unpack_init(struct unpack *unpack, struct err *err);
void unpack_release(struct unpack *unpack);

/* Whether these first bytes, four at least where there are as many, are of a compressed file. */
bool unpack_begins(const unsigned char *bytes, size_t len);

/* Starts with a file, and tells its kind by its content. */
bool unpack_open(struct unpack *unpack, const struct input *input, struct err *err);

/* Fills the next block, or leaves members in block->packed for a part of it. */
bool unpack_fill(struct unpack *unpack, struct block *block);

/* For the formats. */

bool unpack_gzip(struct unpack *unpack, struct block *block);
bool unpack_bgzf(struct unpack *unpack, struct block *block);
bool unpack_zstd(struct unpack *unpack, struct block *block);
bool unpack_gzip_begins(const unsigned char *bytes, size_t len);

bool unpack_truncated(const struct unpack *unpack, const char *format, struct err *err);

/* Zeros up to the end pad a file to whole blocks, as tapes do; they are not data. */
bool unpack_skip_zeros(struct unpack *unpack, struct err *err);

/* For bytes that follow them, or the last member; returns false. */
bool unpack_rest_error(const struct unpack *unpack, const char *format, struct err *err);

#endif
