/* Reads or writes everything, in as many calls as that takes. */
#ifndef COMMON_WHOLE_H
#define COMMON_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends the rest of fd, which messages call `shown`. BUG past the buffer's ceiling. */
bool whole_read(int fd, const char *shown, struct buf *out, struct err *err);

/* false with errno set. */
bool whole_write(int fd, const void *bytes, size_t len);

#endif
