/*
 * Memory in chunks of one size, within a limit. Chunks come from large slabs, on huge pages, and
 * are used again. Threads may take and give at once. Pure.
 */
#ifndef AGGREGATOR_TOTALS_POOL_H
#define AGGREGATOR_TOTALS_POOL_H

#include <stddef.h>
#include <stdint.h>

enum { CHUNK_WORDS = 1023 };

struct chunk {
    uint32_t number; /* the pool's own */
    uint32_t used;   /* of the words */
    uint64_t words[CHUNK_WORDS];
};

struct pool;

/* At most `most` chunks. NULL without memory. */
struct pool *pool_new(size_t most);
void pool_free(struct pool *pool); /* accepts NULL; all chunks end with it */

/* An empty chunk. NULL without memory, or where `limit` chunks are in use. */
struct chunk *pool_take(struct pool *pool, size_t limit);
void pool_give(struct pool *pool, struct chunk *chunk);

size_t pool_used(const struct pool *pool); /* chunks */

/* Gives the memory of chunks that are not used back, while no thread is about. */
void pool_trim(struct pool *pool);

#endif
