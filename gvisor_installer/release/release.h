/*
 * gVisor's programs: from the image or an archive into PREFIX/releases/RELEASE, whole or not at
 * all, and checked again by digest whenever they are asked for.
 *
 * A release is what https://storage.googleapis.com/gvisor/releases/release/DATE/ARCH/ holds in
 * gvisor.tar.bz2: runsc, containerd-shim-runsc-v1 and, since 2026, gvisor-bin/.
 */
#ifndef GVISOR_INSTALLER_RELEASE_RELEASE_H
#define GVISOR_INSTALLER_RELEASE_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Where the programs come from: a directory, or an archive that is open. */
struct release_source {
    int directory; /* -1: none */
    int archive;   /* -1: none; a tar, packed with bzip2 or not, its digest checked */
    const char *shown;
};

/*
 * Copies an archive into an unnamed file of the directory `scratch`, from a path or, over HTTPS
 * (HTTP on loopback), from a URL: only status 200 is accepted. Its SHA-512 must be sha512. Returns
 * the descriptor, -1 on failure.
 */
int release_open_archive(const char *from, const char *sha512, const char *scratch,
                         struct err *err);

/* The name in the directory's file RELEASE; "" when there is none that could be a name. */
bool release_name(int directory, char *out, size_t size, struct err *err);

/* Letters, digits, dots, dashes, underscores, no dot first: it becomes a file name. */
bool release_name_valid(const char *name);

/* Whether PREFIX/releases/RELEASE is what was unpacked there, byte by byte, and can be run. */
bool release_is_whole(const char *directory, bool *ret, struct err *err);

/*
 * Removes what its list names, then the directory if nothing else is in it. partial: one that was
 * never finished and has no list loses everything that would be a program of a release.
 */
bool release_remove(const char *directory, bool partial, struct err *err);

/*
 * Puts the source's programs into directory: all of them for this machine, none writable by
 * others, and `runsc --version` names the release. Replaces what is there.
 */
bool release_unpack(const struct release_source *source, const char *directory, const char *release,
                    struct err *err);

#endif
