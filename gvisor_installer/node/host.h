/* The node's files and programs: bounded reads, atomic writes, commands with a time limit. */
#ifndef GVISOR_INSTALLER_NODE_HOST_H
#define GVISOR_INSTALLER_NODE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/sha256.h"

/* Appends the file; *ret_exists false: there is none. */
bool host_read(const char *path, struct buf *out, bool *ret_exists, struct err *err);

/* Whether two paths are the same text, or lead to one file or socket. */
bool host_same(const char *path, const char *other);

/*
 * Atomic and durable; directories are made (0755). An existing file keeps its mode, owner and
 * extended attributes.
 */
bool host_write(const char *path, const void *bytes, size_t len, struct err *err);

/* path becomes a symbolic link to target, whatever it was; atomic. */
bool host_link(const char *path, const char *target, struct err *err);

/* What a link leads to, which the caller frees; *ret is NULL where there is no link. */
bool host_link_target(const char *path, char **ret, struct err *err);

bool host_remove(const char *path, struct err *err); /* a file; none is fine */

/* The directory of a file; an empty one only. What prevents it is ignored. */
bool host_remove_parent(const char *path, struct err *err);
bool host_has_parent(const char *path, bool *ret, struct err *err);

/* Whether something bears the name, a link that leads nowhere too. */
bool host_exists(const char *path, bool *ret, struct err *err);

/* The directory and those above it, 0755. */
bool host_make_directory(const char *path, struct err *err);

/* A file's bytes, mode, owner and extended attributes under another name; atomic. */
bool host_copy(const char *from, const char *to, struct err *err);

bool host_rename(const char *from, const char *to, struct err *err); /* durable */
/* Renames a file, or copies it to another file system, where the old name stays. Its directory is
 * made anew where it has gone. */
bool host_move(const char *from, const char *to, struct err *err);

/* The digest of a file, "" where there is none; false when there is one that cannot be read. */
bool host_sha256(const char *path, char out[SHA256_HEX + 1], struct err *err);

/* Removes temporary files that an interrupted host_write() of path left beside it. */
void host_sweep(const char *path);

/*
 * Runs a program found in $PATH to its end, with nothing to read; adds what it wrote to standard
 * output to *out. One that fails, or is not done in time, is REFUSED or TRANSIENT,
 * with the last line of its errors. A stop request does not end it early.
 */
bool host_run(const char *const argv[], uint64_t timeout_ms, struct buf *out, struct err *err);

/* Whether something accepts on a Unix socket. */
bool host_socket_answers(const char *path);

#endif
