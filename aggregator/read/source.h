/*
 * The input files as one sequence of blocks of decompressed bytes, for several readers.
 *
 * Every block but a file's last holds exactly BLOCK_BYTES, whatever the compression, so digests and
 * positions do not depend on threads. Plain files are read side by side, BGZF members and small
 * frames of zstd inflated side by side; pipes, ordinary gzip and large frames are read in turn
 * while others work on what they got. Nothing is mapped: a file that shrinks is an error, not a
 * signal.
 */
#ifndef AGGREGATOR_READ_SOURCE_H
#define AGGREGATOR_READ_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { BLOCK_BYTES = 1 << 20 };

struct s3;
struct packed; /* compressed members that a reader has yet to inflate */

struct block {
    uint64_t number;  /* over all files, from 0 */
    size_t file;      /* index of its file */
    bool first, last; /* of its file; a last block may be empty */
    size_t len;
    unsigned char *data;
    bool failed; /* err tells why; no data, and the last block of all */
    struct err err;
    struct packed *packed; /* the text of data[packed_at..packed_at + packed_len) */
    size_t packed_at, packed_len;
};

bool block_init(struct block *block, struct err *err);
void block_release(struct block *block);

struct source;

/* "-" is standard input. The names are borrowed. NULL without memory. */
struct source *source_new(char *const *names, size_t count);

/*
 * Where memory comes from that only zstd needs, which the file says: 1: bytes are set aside, for
 * good; 0: there is no room; -1: *err is filled. Called by one thread at a time.
 */
typedef int source_reserve(void *context, size_t bytes, struct err *err);

struct source_memory {
    source_reserve *reserve; /* NULL: there is room for all */
    void *context;
    size_t blocks; /* that may be in use at once */
};
void source_limit(struct source *source, const struct source_memory *memory);
/* Who reads s3://BUCKET/KEY; borrowed. Without it there are no such names. */
void source_objects(struct source *source, struct s3 *s3);
void source_free(struct source *source); /* accepts NULL */

/*
 * Fills the next block; false after the last one. Threads call it at once, each with a block of its
 * own. A failure (input missing or unreadable: REFUSED; corrupt or truncated data: INPUT; a file
 * that was cut while read: TRANSIENT) comes as a failed block in its place in the sequence.
 */
bool source_next(struct source *source, struct block *block);

/*
 * For every block in its turn, once all before it were read, by one thread at a time. After a
 * file's last block it looks whether the file is still what was opened, and closes it; false: it
 * changed while read, TRANSIENT, and that takes the place of the block.
 */
bool source_settle(struct source *source, const struct block *block, struct err *err);

/* What to call a file in messages. */
const char *source_name(const struct source *source, size_t file);

#endif
