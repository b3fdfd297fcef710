/*
 * containerd's configuration as it was before there was an installer, kept beside it from the
 * first installation on: CONFIG.gvisor_installer.orig. containerd may import all that is there, so
 * nothing but a configuration may lie beside it; the digest is in the state.
 */
#ifndef GVISOR_INSTALLER_NOTES_BACKUP_H
#define GVISOR_INSTALLER_NOTES_BACKUP_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "gvisor_installer/notes/state.h"
#include "gvisor_installer/plan/plan.h"

/* Made once, never over an older copy, whose notes may be lost. Notes it in the state. */
bool backup_make(const char *config, struct state *state, struct err *err);

/*
 * What the configuration was, into *ret, whose text is in *text: *ret_known, where it is still as
 * the last installation left it; its text is NULL where there was no file.
 */
bool backup_read(const char *config, const struct state *state, struct buf *text,
                 struct plan_file *ret, bool *ret_known, struct err *err);

/* Removes the copy if this installation made it or it equals the configuration. Any other stays: it
 * is of an older installation. */
bool backup_drop(const char *config, const struct state *state, struct err *err);

/* Whether there is one. */
bool backup_exists(const char *config, bool *ret, struct err *err);

#endif
