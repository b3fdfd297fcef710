/* One installer at a time on a node. */
#ifndef GVISOR_INSTALLER_NODE_LOCK_H
#define GVISOR_INSTALLER_NODE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/*
 * Takes PREFIX/lock, and makes both if need be; held until the process ends. Waits for another
 * installer up to wait_ms milliseconds, then TRANSIENT.
 */
bool lock_take(const char *prefix, uint64_t wait_ms, struct err *err);

#endif
