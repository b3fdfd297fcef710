/*
 * A descriptor, or an object's stream, read ahead into one buffer, in turn: pipes, objects, and
 * files that must be inflated.
 */
#ifndef AGGREGATOR_READ_READER_H
#define AGGREGATOR_READ_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

enum { READER_BUFFER = 256 * 1024 };

struct s3_stream;

struct reader {
    int fd;                   /* -1: none; borrowed, as the name for messages is */
    struct s3_stream *stream; /* read in place of fd where it is not NULL; borrowed */
    const char *name;
    unsigned char *buffer;
    size_t at, len;  /* buffer[at..len) is not consumed yet */
    uint64_t offset; /* of buffer[at] in the file */
    bool ended;      /* the file has no more than the buffer */
};

bool reader_init(struct reader *reader, struct err *err);
void reader_release(struct reader *reader);

/* Starts with an empty buffer and no stream. */
void reader_open(struct reader *reader, int fd, const char *name);

/* At least `need` (up to READER_BUFFER) bytes in the buffer, or fewer at the end of the file. */
bool reader_fill(struct reader *reader, size_t need, struct err *err);

static inline const unsigned char *reader_bytes(const struct reader *reader)
{
    return reader->buffer + reader->at;
}

static inline size_t reader_have(const struct reader *reader)
{
    return reader->len - reader->at;
}

void reader_consume(struct reader *reader, size_t bytes);

/* "cannot <doing> <name>: <errno> [hint]"; returns false. */
bool reader_error(const char *name, const char *doing, struct err *err);

#endif
