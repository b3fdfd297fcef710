/*
 * The witness stands on the host's side of an experiment: it prepares the directory that the pods
 * mount, keeps decoys alive in it, and says afterwards what is really there.
 *
 *   DIR/            0755, the witness's: pods cannot replace what lies in it
 *   DIR/canary      0644, a random token: who reads it sees the same directory of the same node;
 *                   serve holds a lock on it
 *   DIR/open/       1777: Unix permissions stop nobody
 *   DIR/locked/     0755: Unix permissions stop everybody but the witness
 *   DIR/decoy.fifo  0666, made by prepare; decoy.sock  0777, bound by serve
 *   DIR/decoys.json what the decoys saw so far; its appearance says that serve is ready
 *   DIR/end         asks serve to end, which it does when DIR is removed, too
 *
 * Pods may have put anything below: nothing is opened but directories and regular files, never
 * through a symbolic link, never on another file system, and only so much of it (WITNESS_*).
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
    WITNESS_REMOVE_DEPTH = 200,   /* a descriptor each */
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
 * Makes the directory (its parent exists) and what belongs in it, and returns the token. One that
 * is prepared already and untouched keeps its token, so that a step may be retried; any other that
 * is not empty is REFUSED.
 */
bool witness_prepare(const char *path, char ret_token[WITNESS_TOKEN_LEN + 1], struct err *err);

/*
 * Serves the decoys until it is asked to end (witness_end), a stop is requested (stop.h) or the
 * directory is removed; each is success. *record: the last one.
 */
bool witness_serve(const char *path, struct buf *record, struct err *err);

/*
 * Appends the record of what is there (witness.schema.json). token (may be NULL) is what prepare
 * returned; node (may be NULL) is recorded. A directory that is not the one prepared gives a record
 * that says so in `valid`, not an error; *ret_fault is then the reason, else NULL.
 */
bool witness_collect(const char *path, const char *token, const char *node, struct buf *record,
                     const char **ret_fault, struct err *err);

/* Waits up to wait_ms until the decoys are served. TRANSIENT when they are not. */
bool witness_ready(const char *path, uint64_t wait_ms, struct err *err);

/* Asks serve to end, and waits up to wait_ms for its last record. TRANSIENT when it does not come.
 */
bool witness_end(const char *path, uint64_t wait_ms, struct err *err);

/*
 * Removes what was prepared and all that lies in it, on this file system only; what is not there is
 * removed. REFUSED where there is no canary, or when pods left a tree too deep.
 */
bool witness_remove(const char *path, struct err *err);

/* Appends the decoys' own record as it is: only this user can have written it. Empty: none yet. */
bool witness_read_decoys(int dir, struct buf *ret, struct err *err);

/* Opens DIR itself, which must be the caller's and closed to others' writes; -1 on failure. */
int witness_open(const char *path, struct err *err);

/* The token in DIR/canary; NULL in *ret_fault when it is as it should be, else what is wrong. */
void witness_read_canary(int dir, char ret_token[WITNESS_TOKEN_LEN + 1], const char **ret_fault);

#endif
