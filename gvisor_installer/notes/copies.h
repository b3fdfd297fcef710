/*
 * Files as they were before the change that is under way. The copies are under the prefix, since
 * containerd may import all that is beside its own files, hidden or not; where that is the same
 * file system, as it mostly is, a rename brings them back even on a full disk.
 */
#ifndef GVISOR_INSTALLER_NOTES_COPIES_H
#define GVISOR_INSTALLER_NOTES_COPIES_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/notes/state.h"

/* The name of a file's copy. */
bool copies_path(const char *prefix, const char *path, char out[CONFIG_PATH_MAX], struct err *err);

/* Notes the file in the state, unless it is noted already, and copies it if there is one. */
bool copies_note(const char *prefix, struct state *state, const char *path, struct err *err);

/*
 * The copies of an interrupted run are those of the last good configuration: makes one again where
 * the file itself was never changed. A copy that has gone for good is named in missing, else "".
 */
bool copies_complete(const char *prefix, const struct state *state, char missing[CONFIG_PATH_MAX],
                     struct err *err);

/* Puts back all that can be; a failure names each file that could not, and why. */
bool copies_put_back(const char *prefix, const struct state *state, struct err *err);

bool copies_drop(const char *prefix, const char *path,
                 struct err *err); /* of one file; none is fine */
bool copies_drop_all(const char *prefix, const struct state *state, struct err *err);

#endif
