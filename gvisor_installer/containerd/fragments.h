/* The texts that the installer writes: runtimes for containerd, options for gVisor. Pure. */
#ifndef GVISOR_INSTALLER_CONTAINERD_FRAGMENTS_H
#define GVISOR_INSTALLER_CONTAINERD_FRAGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* The plain runtime, in which writes to a hostPath land, and the sealed one, in which none does. */
enum handler { HANDLER_PLAIN, HANDLER_SEALED, HANDLERS };

struct fragment_names {
    const char *prefix;            /* directory of all that is ours */
    const char *handler[HANDLERS]; /* as RuntimeClasses name them */
    const char *release;           /* of gVisor */
};

/* PREFIX/releases/RELEASE, PREFIX/current, PREFIX/HANDLER.toml */
void fragment_release_dir(const struct fragment_names *names, struct buf *out);
void fragment_current(const struct fragment_names *names, struct buf *out);
void fragment_handler_path(const struct fragment_names *names, enum handler handler,
                           struct buf *out);

/* Tables of both runtimes for a configuration of that version, without `version` itself. */
void fragment_runtimes(const struct fragment_names *names, int64_t config_version, struct buf *out);

/*
 * The table of runc, which containerd 1.x has built in only while its configuration names no
 * runtime. Once we name ours, every ordinary pod would fail without this table. minor is
 * containerd's, of 1.x.
 */
void fragment_default_runc(int64_t config_version, unsigned minor, struct buf *out);

/* A whole file for containerd to import, whose tables may bear another version's names. */
void fragment_drop_in(const struct fragment_names *names, int64_t config_version,
                      int64_t table_names, struct buf *out);

/* Whether we wrote the file: it begins by saying so. */
bool fragment_is_ours(const char *text, size_t len);

/* What gVisor's shim reads for each new sandbox. */
void fragment_handler(const struct fragment_names *names, enum handler handler, bool systemd_cgroup,
                      struct buf *out);

#endif
