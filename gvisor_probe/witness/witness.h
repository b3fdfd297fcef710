/*
 * The witness runs on the host. It prepares the directory that the pods of an experiment mount,
 * serves decoys in it, and records afterwards what is really there.
 *
 *   DIR/            0755, owned by the witness: pods cannot replace its entries
 *   DIR/canary      0644, a random token, which shows that a pod sees this very directory; serve
 *                   holds a lock on it
 *   DIR/open/       1777: Unix permissions allow everybody to write
 *   DIR/locked/     0755: Unix permissions allow only the witness to write
 *   DIR/decoy.fifo  0666, made by prepare; decoy.sock  0777, bound by serve
 *   DIR/decoys.json what the decoys saw so far; its appearance says that serve is ready
 *   DIR/end         asks serve to end; it also ends when DIR is removed
 *
 * Pods may put anything into DIR. So only directories and regular files are opened, never through a
 * symbolic link or on another file system, and within limits (WITNESS_*).
 */
#ifndef GVISOR_PROBE_WITNESS_WITNESS_H
#define GVISOR_PROBE_WITNESS_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum {
    WITNESS_TOKEN_LEN = 32, /* hexadecimal digits */
    WITNESS_ENTRIES = 4096,
    WITNESS_DEPTH = 8,
    WITNESS_REMOVE_DEPTH = 200,   /* each level holds a descriptor */
    WITNESS_FILE_BYTES = 1 << 20, /* larger files are not hashed */
    WITNESS_ALL_BYTES = 16 << 20,
    WITNESS_RECORD_MAX = 16 << 20,
};

#define WITNESS_CANARY "canary"
#define WITNESS_OPEN   "open"
#define WITNESS_LOCKED "locked"
#define WITNESS_SOCKET "decoy.sock"
#define WITNESS_FIFO   "decoy.fifo"
#define WITNESS_DECOYS "decoys.json"
#define WITNESS_END    "end"

/*
 * Makes the directory, whose parent must exist, and its entries. A directory that is prepared and
 * untouched keeps its token, so that a step may be retried. Fails REFUSED if it is not empty
 * otherwise.
 */
bool witness_prepare(const char *path, char ret_token[WITNESS_TOKEN_LEN + 1], struct err *err);

/*
 * Serves the decoys until it is asked to end (witness_end), a stop is requested (stop.h) or the
 * directory is removed; each of these is success. *record becomes the last record.
 */
bool witness_serve(const char *path, struct buf *record, struct err *err);

/*
 * Appends the record of what is there (witness.schema.json). token is what prepare returned, node
 * is only recorded; each may be NULL. If the directory is not the one prepared, that is not an
 * error: the record says that it is not valid, and *ret_fault is the reason, else NULL.
 */
bool witness_collect(const char *path, const char *token, const char *node, struct buf *record,
                     const char **ret_fault, struct err *err);

/* Waits up to wait_ms until the decoys are served. Fails TRANSIENT if they are not by then. */
bool witness_ready(const char *path, uint64_t wait_ms, struct err *err);

/* Asks serve to end, and waits up to wait_ms for its last record. Fails TRANSIENT without it. */
bool witness_end(const char *path, uint64_t wait_ms, struct err *err);

/*
 * Removes the directory with everything in it. A missing directory is success. Fails REFUSED
 * without the canary, at another file system, and below WITNESS_REMOVE_DEPTH.
 */
bool witness_remove(const char *path, struct err *err);

/* Appends the record of the decoys, which must be this user's file; nothing if it is missing. */
bool witness_read_decoys(int dir, struct buf *ret, struct err *err);

/* Opens DIR, which the caller must own and others may not write; -1 on failure. */
int witness_open(const char *path, struct err *err);

/* Reads the token in DIR/canary. *ret_fault becomes NULL, or says what is wrong with the file. */
void witness_read_canary(int dir, char ret_token[WITNESS_TOKEN_LEN + 1], const char **ret_fault);

#endif
