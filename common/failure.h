/*
 * The one line of a failed run, for the pod's status and for the log.
 */
#ifndef COMMON_FAILURE_H
#define COMMON_FAILURE_H

#include "common/err.h"

/*
 * Once a process: err's text to /dev/termination-log where that is writable (at most 4096 bytes),
 * then to the log. In this order, and without the log's lock, because stderr may be stalled.
 */
void failure_say(const struct err *err);

#endif
