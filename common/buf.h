/*
 * Growable bytes with a ceiling. Pure.
 * data is NULL only while cap is 0. Every append either fits whole or fails and changes nothing.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct buf {
    char *data;
    size_t len, cap, max;
};

void buf_init(struct buf *buf, size_t max);
void buf_release(struct buf *buf); /* frees; leaves an empty, usable buffer of the same ceiling */

/* A buffer of the enclosing block, released when the block is left. */
#define OWNED_BUF(name, limit)                                                                     \
    __attribute__((cleanup(buf_release))) struct buf name = {.max = (limit)}

static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
}

/* Makes room for `more` bytes past len. Fails TRANSIENT without memory, BUG past the ceiling. */
bool buf_reserve(struct buf *buf, size_t more, struct err *err);
bool buf_add(struct buf *buf, const void *bytes, size_t len, struct err *err);
bool buf_add_text(struct buf *buf, const char *text, struct err *err);
bool buf_printf(struct buf *buf, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends a JSON string with its quotes; bytes must be valid UTF-8. */
bool buf_add_json(struct buf *buf, const void *bytes, size_t len, struct err *err);

#endif
