/*
 * Output that appears whole or not at all: an unnamed (or temporary, temporary.h) file in the same
 * directory, fsync, rename, fsync of the directory. A symbolic link stays, the file it leads to is
 * replaced. Pipes, FIFOs, devices, /dev/stdout and its like, and "-" (stdout) are written directly.
 * Up to TEMPORARIES_MAX may be open at once; what stop.h's watchdog ends is discarded too. What
 * SIGKILL leaves is removed when an output of the same name is opened later.
 */
#ifndef COMMON_OUTFILE_H
#define COMMON_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct outfile {
    int fd;            /* -1 when closed */
    bool direct;       /* nothing to rename */
    const char *path;  /* borrowed, or the same as real_path */
    char *real_path;   /* owned: where a symbolic link leads, or NULL */
    char *temp_path;   /* the temporary name until the commit, or NULL */
    const char *shown; /* for messages: path or "standard output" */
};

#define OUTFILE_CLOSED                                                                             \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

bool outfile_open(struct outfile *out, const char *path, struct err *err);

/* Whole writes, at the end or at an offset (not for direct output; threads may do so at once). */
bool outfile_write(const struct outfile *out, const void *bytes, size_t len, struct err *err);
bool outfile_write_at(const struct outfile *out, const void *bytes, size_t len, uint64_t offset,
                      struct err *err);

/* Makes it durable and visible under its path. On failure the output is discarded. */
bool outfile_commit(struct outfile *out, struct err *err);

/*
 * Whether so many bytes are over 90 % of the file system that fd is on: then a retry finds no room
 * either.
 */
bool outfile_fills(int fd, uint64_t bytes);

/* Drops what was written, if it was not committed. Safe on a closed one. */
void outfile_discard(struct outfile *out);

/* The whole of a small file at once. */
bool outfile_put(const char *path, const void *bytes, size_t len, struct err *err);
bool outfile_put_in(const char *directory, const char *name, const void *bytes, size_t len,
                    struct err *err);

/* "-" and other names of open descriptors: what they lead to is written on, not replaced. */
bool outfile_names_descriptor(const char *path);

/* Whether text for path may be coloured: "-" on a terminal that can, unless NO_COLOR says no. */
bool outfile_takes_colour(const char *path);

#endif
