/*
 * Growable text or bytes with a ceiling. Pure. data is always terminated by a NUL that len does not
 * count. An append fits whole or changes nothing; then every later one is refused too, so callers
 * check buf_ok() once, at the end.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct buf {
    char *data;
    size_t len, cap, max; /* max: the limit of len */
    size_t refused;       /* the size that it could not grow to; 0: nothing was refused */
};

extern char buf_nothing[1]; /* what an empty buffer's data is; never written to */

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf); /* frees; leaves an empty, usable buffer of the same ceiling */

/* A buffer of the enclosing block, released when the block is left. */
#define OWNED_BUF(name, limit)                                                                     \
    __attribute__((cleanup(buf_release))) struct buf name = {.data = buf_nothing, .max = (limit)}

void buf_clear(struct buf *buf); /* empty and usable again, whatever was refused */

void buf_add(struct buf *buf, const void *bytes, size_t len);
void buf_add_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends a JSON string with its quotes; bytes must be valid UTF-8. */
void buf_add_json(struct buf *buf, const void *bytes, size_t len);

/*
 * Makes room for `more` bytes past len, and for the terminator, for those who fill data themselves
 * and end with buf_grown(). False when it is refused.
 */
bool buf_reserve(struct buf *buf, size_t more);
void buf_grown(struct buf *buf, size_t more);

/* Whether all was appended. Else TRANSIENT for a lack of memory, BUG for the ceiling. */
bool buf_ok(const struct buf *buf, struct err *err);

/* Gives the text to the caller, who frees it, and leaves the buffer empty; NULL: not buf_ok(). */
char *buf_take(struct buf *buf, struct err *err);

#endif
