/*
 * Programs that write containerd's configuration anew whenever they start: an edit would be lost.
 * They have places of their own for additions. Pure.
 */
#ifndef GVISOR_INSTALLER_PLAN_VENDORS_H
#define GVISOR_INSTALLER_PLAN_VENDORS_H

#include <stdbool.h>
#include <stddef.h>

#include "gvisor_installer/containerd/containerd_config.h"

#define VENDOR_MICROK8S_TEMPLATE "containerd-template.toml"

struct vendor {
    char name[32];                  /* k3s, or "a program" */
    char drop_ins[CONFIG_PATH_MAX]; /* a directory that it merges by itself; empty: none */
    char template[CONFIG_PATH_MAX]; /* else what it makes the configuration from */
    const char *based_on; /* the line by which a template that does not exist yet begins; or NULL */
};

/*
 * Whether one writes the configuration at path: the comments above its first line say so, or where
 * it stands. has_template: a file of the name above is beside it.
 */
bool vendor_of(const char *path, const char *text, size_t len, bool merges, bool has_template,
               struct vendor *ret);

#endif
