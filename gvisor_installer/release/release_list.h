/*
 * What an unpacked release holds: the file `.files` in it lists its programs with their digests,
 * in sha256sum's format.
 */
#ifndef GVISOR_INSTALLER_RELEASE_RELEASE_LIST_H
#define GVISOR_INSTALLER_RELEASE_RELEASE_LIST_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

#define RUNSC        "runsc"
#define SHIM         "containerd-shim-runsc-v1"
#define SIDECARS     "gvisor-bin/"
#define RELEASE_LIST ".files"

enum { RELEASE_LIST_MAX = 1 << 16 };

/* The name below the release of what is a program of it; false for anything else. */
bool release_member(const char *name, const char **ret);

/* Whether a list has runsc and its shim. */
bool release_lists_programs(const struct buf *list);

/*
 * Moves the programs of a whole release into directory, each in the place of its predecessor.
 * Whoever has put files of his own there keeps them.
 */
bool release_replace(const char *partial, const char *directory, struct err *err);

#endif
