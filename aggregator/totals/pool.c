#include "aggregator/totals/pool.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    SLAB_CHUNKS = 512,
    HUGE_PAGE = 2 << 20,
};

/*
 * Free chunks are a stack: its top is a chunk's number and one, 0 where it is empty, under a count
 * that tells apart two tops of one number.
 */
struct pool {
    size_t most;
    atomic_size_t used, fresh; /* fresh: chunks that were ever taken */
    atomic_uint_fast64_t top;
    atomic_uint *below; /* of each free chunk in the stack */
    _Atomic(struct chunk *) slabs[];
};

_Static_assert(sizeof(struct chunk) * SLAB_CHUNKS % HUGE_PAGE == 0, "slabs fill huge pages");

static size_t slab_count(size_t most)
{
    return (most + SLAB_CHUNKS - 1) / SLAB_CHUNKS;
}

struct pool *pool_new(size_t most)
{
    struct pool *pool = calloc(1, sizeof *pool + slab_count(most) * sizeof pool->slabs[0]);
    if (pool == NULL)
        return NULL;
    pool->most = most;
    pool->below = calloc(most + 1, sizeof *pool->below);
    if (pool->below == NULL) {
        pool_free(pool);
        return NULL;
    }
    return pool;
}

void pool_free(struct pool *pool)
{
    if (pool == NULL)
        return;
    for (size_t i = 0; i < slab_count(pool->most); i++)
        free(pool->slabs[i]);
    free(pool->below);
    free(pool);
}

static struct chunk *chunk_at(struct pool *pool, size_t number)
{
    return &pool->slabs[number / SLAB_CHUNKS][number % SLAB_CHUNKS];
}

static struct chunk *pop(struct pool *pool)
{
    uint_fast64_t top = atomic_load(&pool->top), next;
    size_t number;

    do {
        if ((uint32_t)top == 0)
            return NULL;
        number = (uint32_t)top - 1;
        next = ((top >> 32) + 1) << 32 | atomic_load(&pool->below[number]);
    } while (!atomic_compare_exchange_weak(&pool->top, &top, next));
    struct chunk *chunk = chunk_at(pool, number);
    chunk->number = (uint32_t)number;
    return chunk;
}

void pool_trim(struct pool *pool)
{
    for (uint32_t top = (uint32_t)pool->top; top != 0; top = pool->below[top - 1])
        (void)madvise(chunk_at(pool, top - 1), sizeof(struct chunk), MADV_DONTNEED);
}

void pool_give(struct pool *pool, struct chunk *chunk)
{
    uint_fast64_t top = atomic_load(&pool->top), next;
    const uint32_t number = chunk->number;

    do {
        atomic_store(&pool->below[number], (unsigned)top);
        next = ((top >> 32) + 1) << 32 | (number + 1);
    } while (!atomic_compare_exchange_weak(&pool->top, &top, next));
    (void)atomic_fetch_sub(&pool->used, 1);
}

/* Of two threads that need the same slab one makes it in vain. */
static struct chunk *slab_at(struct pool *pool, size_t at)
{
    struct chunk *slab = pool->slabs[at], *others = NULL;

    if (slab != NULL)
        return slab;
    slab = aligned_alloc(HUGE_PAGE, sizeof(struct chunk) * SLAB_CHUNKS);
    if (slab == NULL)
        return NULL;
    /* The first one's memory is what is used of it, for few keys. */
    (void)madvise(slab, sizeof(struct chunk) * SLAB_CHUNKS,
                  at == 0 ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    if (atomic_compare_exchange_strong(&pool->slabs[at], &others, slab))
        return slab;
    free(slab);
    return others;
}

static struct chunk *never_used(struct pool *pool)
{
    size_t number = atomic_load(&pool->fresh);
    struct chunk *slab;

    do {
        slab = number < pool->most ? slab_at(pool, number / SLAB_CHUNKS) : NULL;
        if (slab == NULL)
            return NULL;
    } while (!atomic_compare_exchange_weak(&pool->fresh, &number, number + 1));
    slab[number % SLAB_CHUNKS].number = (uint32_t)number;
    return &slab[number % SLAB_CHUNKS];
}

struct chunk *pool_take(struct pool *pool, size_t limit)
{
    struct chunk *chunk = NULL;

    if (atomic_fetch_add(&pool->used, 1) < limit) {
        chunk = pop(pool);
        if (chunk == NULL)
            chunk = never_used(pool);
    }
    if (chunk == NULL)
        (void)atomic_fetch_sub(&pool->used, 1);
    else
        chunk->used = 0;
    return chunk;
}

size_t pool_used(const struct pool *pool)
{
    return atomic_load(&pool->used);
}
