/* All that is to be read or written, in however many pieces the kernel takes it. */
#ifndef COMMON_WHOLE_H
#define COMMON_WHOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

/* Appends what is left to read of what is called `shown`. BUG past the buffer's ceiling. */
bool whole_read(int fd, const char *shown, struct buf *out, struct err *err);

/* false with errno set. */
bool whole_write(int fd, const void *bytes, size_t len);

#endif
