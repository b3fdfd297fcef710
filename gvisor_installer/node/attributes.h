/* Extended attributes of files: SELinux labels, access lists and what else hangs on a file. */
#ifndef GVISOR_INSTALLER_NODE_ATTRIBUTES_H
#define GVISOR_INSTALLER_NODE_ATTRIBUTES_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Gives the open file `to` all that the open file `from` has; signatures of contents excepted,
 * which would not fit another's. shown names the file in messages.
 */
bool attributes_copy(int from, int to, const char *shown, struct err *err);

#endif
