/* The containerd that runs on the node: which configuration it reads, as its command line says. */
#ifndef GVISOR_INSTALLER_NODE_RUNNING_H
#define GVISOR_INSTALLER_NODE_RUNNING_H

#include <stdbool.h>

#include "gvisor_installer/containerd/containerd_config.h"

struct running {
    long pid; /* 0: nothing is known, and the rest is empty */
    char config[CONFIG_PATH_MAX];
};

/*
 * The one that answers on the socket; where the kernel does not say which that is (it is outside
 * our PID namespace), the one that is configured with that address. Of several, one that reads
 * config, if any.
 */
void running_find(const char *socket, const char *config, struct running *ret);

#endif
