/* Who uses gVisor on the node. */
#ifndef GVISOR_INSTALLER_NODE_USERS_H
#define GVISOR_INSTALLER_NODE_USERS_H

#include <stdbool.h>

#include "common/err.h"

/*
 * A process that is a shim or a program below the prefix, by whatever path it was started; *ret is
 * 0 where there is none. While a pod is in gVisor, there is one.
 */
bool users_find(const char *prefix, long *ret, struct err *err);

#endif
