/* The node's files and programs: bounded reads, atomic writes, commands with a time limit. */
#ifndef GVISOR_INSTALLER_HOST_H
#define GVISOR_INSTALLER_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/sha256.h"

/* Appends the file and a terminator that len does not count; *ret_exists false: there is none. */
bool host_read(const char *path, struct buf *out, bool *ret_exists, struct err *err);

/* Two paths of one file or socket, through whatever links; or one path. */
bool host_same(const char *path, const char *other);

/* Atomic and durable; directories are made (0755). An existing file keeps its mode and owner. */
bool host_write(const char *path, const void *bytes, size_t len, struct err *err);

/* path becomes a symbolic link to target, whatever it was; atomic. */
bool host_link(const char *path, const char *target, struct err *err);

/* What a link leads to, NULL when it is none; the caller frees. */
char *host_link_target(const char *path);

bool host_remove(const char *path, struct err *err); /* a file; none is fine */

/* The directory of a file; an empty one only. What prevents it is ignored. */
void host_remove_parent(const char *path);
bool host_has_parent(const char *path);

/* A directory with all that is in it; none is fine. Does not follow links or leave the mount. */
bool host_remove_tree(const char *path, struct err *err);

/* The directory and those above it, 0755. */
bool host_make_directory(const char *path, struct err *err);

/* A file's bytes, mode and owner under another name in the same directory; atomic. */
bool host_copy(const char *from, const char *to, struct err *err);

bool host_rename(const char *from, const char *to, struct err *err); /* durable */

/* The digest of a file; false when there is none that can be read. */
bool host_sha256(const char *path, char out[SHA256_HEX + 1]);

/* Removes temporary files that an interrupted host_write() of path left beside it. */
void host_sweep(const char *path);

/*
 * Runs a program found in $PATH to its end, with nothing to read; adds what it wrote to standard
 * output to *out, terminated. One that fails, or is not done in time, is REFUSED or TRANSIENT,
 * with the last line of its errors. A stop request does not end it early.
 */
bool host_run(const char *const argv[], uint64_t timeout_ms, struct buf *out, struct err *err);

/* Exclusive among all installers of the node; held until the process ends. */
bool host_lock(const char *path, uint64_t wait_ms, struct err *err);

/* Whether something accepts on a Unix socket. */
bool host_socket_answers(const char *path);

void host_sleep(unsigned ms);

#endif
