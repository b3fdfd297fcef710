/*
 * Memory for the blocks that read() and write() move: it begins at a page. malloc() returns
 * addresses 16 bytes past a page, from where some processors copy several times slower. free() it.
 */
#ifndef COMMON_PAGES_H
#define COMMON_PAGES_H

#include <stddef.h>
#include <stdlib.h>

enum { PAGE_BYTES = 4096 };

static inline void *pages_alloc(size_t size)
{
    return aligned_alloc(PAGE_BYTES, (size + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES);
}

/* Where `len` bytes must begin so that they end at a page; what is read after them then begins at
 * one. */
static inline size_t pages_before(size_t len)
{
    return (PAGE_BYTES - len % PAGE_BYTES) % PAGE_BYTES;
}

#endif
