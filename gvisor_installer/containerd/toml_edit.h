/*
 * Changes to a containerd configuration as text, so that comments, order and unknown keys stay.
 * Pure. Each adds to *out the whole new text; whoever calls checks it, parses it and compares.
 */
#ifndef GVISOR_INSTALLER_CONTAINERD_TOML_EDIT_H
#define GVISOR_INSTALLER_CONTAINERD_TOML_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "gvisor_installer/containerd/containerd_config.h"

/* Puts path into `imports`, or adds that line below `version`, or at the end of an empty file. */
bool edit_add_import(const struct containerd_config *config, const char *text, size_t len,
                     const char *path, struct buf *out, struct err *err);

/* Takes path out of `imports` again, and the whole line where it is ours. */
void edit_drop_import(const struct containerd_config *config, const char *text, size_t len,
                      const char *path, struct buf *out);

/* Adds tables at the end, between two comments by which edit_drop_tables() finds them. */
void edit_add_tables(const char *text, size_t len, const char *tables, struct buf *out);

/* Copies the text without what edit_add_tables() added. Comments that do not pair are INPUT. */
bool edit_drop_tables(const char *text, size_t len, struct buf *out, bool *ret_found,
                      struct err *err);

/*
 * Copies the text without a runtime's tables, wherever they stand and however they are written.
 * False with REFUSED where its lines hold other things too.
 */
bool edit_drop_runtime(const char *path, const char *text, size_t len, int64_t names,
                       const char *runtime, struct buf *out, struct err *err);

#endif
