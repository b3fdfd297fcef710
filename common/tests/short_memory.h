/*
 * An allocator that fails once, where a test wants it to: for one file of a test program only.
 * Under a sanitizer, which has an allocator of its own, nothing fails.
 */
#ifndef COMMON_TESTS_SHORT_MEMORY_H
#define COMMON_TESTS_SHORT_MEMORY_H

#include "common/tests/unit.h"

#include <errno.h>
#include <stdatomic.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SHORT_MEMORY_WORKS = 0 };
#else
enum { SHORT_MEMORY_WORKS = 1 };
#endif

/* Allocations until the one that fails; held now, while counted. */
static atomic_long short_memory_left, short_memory_held;
static atomic_bool short_memory_counts, short_memory_failed;

static inline void short_memory_start(long good)
{
    atomic_store(&short_memory_left, good);
    atomic_store(&short_memory_held, 0);
    atomic_store(&short_memory_failed, false);
    atomic_store(&short_memory_counts, true);
}

/* Whether an allocation failed since the start. */
static inline bool short_memory_stop(void)
{
    atomic_store(&short_memory_counts, false);
    return atomic_load(&short_memory_failed);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *memory);

static bool short_memory_fails(void)
{
    if (!atomic_load(&short_memory_counts) || atomic_fetch_sub(&short_memory_left, 1) != 0)
        return false;
    atomic_store(&short_memory_failed, true);
    errno = ENOMEM;
    return true;
}

static void *short_memory_count(void *memory)
{
    if (memory != NULL && atomic_load(&short_memory_counts))
        atomic_fetch_add(&short_memory_held, 1);
    return memory;
}

void *malloc(size_t size)
{
    return short_memory_fails() ? NULL : short_memory_count(__libc_malloc(size));
}

void *calloc(size_t count, size_t size)
{
    return short_memory_fails() ? NULL : short_memory_count(__libc_calloc(count, size));
}

void *realloc(void *memory, size_t size)
{
    if (short_memory_fails())
        return NULL;
    void *moved = __libc_realloc(memory, size);
    return memory == NULL ? short_memory_count(moved) : moved;
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return short_memory_fails() ? NULL : short_memory_count(__libc_memalign(alignment, size));
}

void free(void *memory)
{
    if (memory != NULL && atomic_load(&short_memory_counts))
        atomic_fetch_sub(&short_memory_held, 1);
    __libc_free(memory);
}
#endif

#endif
