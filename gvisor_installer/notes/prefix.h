/*
 * The directory of all that is ours on a node, --prefix: proof that it is ours, and taking away
 * what is ours in it and nothing else.
 */
#ifndef GVISOR_INSTALLER_NOTES_PREFIX_H
#define GVISOR_INSTALLER_NOTES_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "gvisor_installer/notes/state.h"
#include "gvisor_installer/options/install_options.h"

/*
 * REFUSED unless the directory is ours, or can become so because it is missing or empty. Ours is
 * one with our marker, with notes of ours (state.json) or with a release as we unpacked it. The
 * system's directories and those above containerd's own files never are, by whatever name.
 */
bool prefix_check(const struct install_options *options, struct err *err);

/* Puts the marker there; before anything else but the lock. */
bool prefix_mark(const char *prefix, struct err *err);

/*
 * Removes what is ours in it, the notes last, and directories that are empty then; the lock stays.
 * Releases go that the state lists or that are as we unpacked them, each by its own list.
 */
bool prefix_clear(const struct install_options *options, const struct state *state,
                  struct err *err);

/* Logs each file that is left, the lock excepted; *ret_count counts them. */
bool prefix_tell_remains(const char *prefix, size_t *ret_count, struct err *err);

/* The last act of an uninstall: removes the lock, and the directory if that was all. */
void prefix_leave(const char *prefix);

#endif
