/*
 * One reading after another of the same container's output: which bytes are new, and whether those
 * that came before are the same again. Pure.
 *
 * Every reading begins at the first byte, because Kubernetes offers no offsets. What is stored is
 * dropped; its digest must fit, or else the node has another file by now (it keeps 10 MiB).
 */
#ifndef JOB_SERVICE_LOGS_READING_H
#define JOB_SERVICE_LOGS_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/run_record.h"
#include "common/sha256.h"

enum {
    READING_CHUNK = 64 << 10, /* what waits to be stored, until nothing more is taken */
    READING_PENDING_MAX = READING_CHUNK + (32 << 10),
    READING_MESSAGE_MAX = 1024, /* of a node's message in the place of output */
};

struct reading {
    uint64_t limit;              /* bytes of a container that are kept */
    uint64_t at;                 /* bytes in this reading */
    uint64_t lines;              /* line ends among them */
    struct sha256 hash;          /* of them */
    uint64_t top;                /* the farthest that any reading came */
    char digest[SHA256_HEX + 1]; /* of the bytes before top */
    uint64_t stored;             /* bytes that the database has */
    struct buf pending;          /* those after them */
    bool differs, over;          /* what reading_take() said of this reading */
    char tail[RUN_RECORD_MAX];
    size_t tail_len;
};

void reading_open(struct reading *ret, uint64_t limit);
void reading_release(struct reading *reading);

/* What the database has: as many bytes of this digest. Before the first reading. */
void reading_resume(struct reading *reading, uint64_t stored, const char *digest);

void reading_begin(struct reading *reading);
void reading_end(struct reading *reading); /* however it ended */

enum reading_said {
    READING_TAKEN,
    READING_FULL,    /* store first: nothing was taken */
    READING_DIFFERS, /* these are not the bytes that came before */
    READING_OVER,    /* all up to the limit was taken, and there is more */
};
/* At most 16 KiB at once. */
enum reading_said reading_take(struct reading *reading, const char *bytes, size_t len);

/*
 * The database has so many bytes by now, more than before: by us, or by another dispatcher, which
 * may be ahead.
 */
void reading_stored(struct reading *reading, uint64_t stored);

/*
 * Whether all of this reading is a message of the node's in the place of output, or may become one:
 * it answers 200 when the file is gone. Such bytes must not be stored.
 */
bool reading_is_message(const struct reading *reading);
bool reading_may_be_message(const struct reading *reading);

/* Forgets the bytes that were not stored. */
void reading_discard(struct reading *reading);

/*
 * Whether the output ends with job_runner's record, and the bytes before it are as many as that
 * says. The node drops a carriage return before a line end: when within_lines, as many may be
 * missing as there are lines.
 */
bool reading_is_counted(const struct reading *reading, bool within_lines);

#endif
