/* Paths: put together, and where they really lead. */
#ifndef GVISOR_INSTALLER_NODE_PATH_H
#define GVISOR_INSTALLER_NODE_PATH_H

#include <limits.h>
#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/containerd/containerd_config.h"

/* DIRECTORY/NAME; USAGE where that is too long for Linux. */
bool path_join(char out[PATH_MAX], const char *directory, const char *name, struct err *err);

/*
 * The path with every link in it followed; what does not exist yet at its end stays as it is.
 * A link that leads nowhere is REFUSED: what is to be written there cannot be told.
 */
bool path_resolve(const char *path, char out[CONFIG_PATH_MAX], struct err *err);

#endif
