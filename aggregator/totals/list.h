/*
 * Records one behind the other in chunks; none is in two chunks. Pure.
 *
 * A list begins zeroed. Its places are numbers that fit 32 bits and are not 0.
 */
#ifndef AGGREGATOR_TOTALS_LIST_H
#define AGGREGATOR_TOTALS_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/totals/pool.h"
#include "aggregator/totals/record.h"

struct list {
    struct chunk **chunks;
    uint32_t count, room; /* of chunks */
    size_t records;
};

enum { LIST_CHUNKS_MOST = 1 << 22 };

static inline uint32_t list_place(uint32_t chunk, uint32_t word)
{
    return chunk << 10 | (word + 1);
}

static inline uint64_t *list_at(const struct list *list, uint32_t place)
{
    return &list->chunks[place >> 10]->words[(place & 1023) - 1];
}

bool list_add_chunk(struct list *list, struct pool *pool, size_t limit);

/* A place for a record of so many words, at most CHUNK_WORDS. NULL as pool_take(). */
static inline uint64_t *list_add(struct list *list, struct pool *pool, size_t limit, size_t words)
{
    struct chunk *chunk = list->count == 0 ? NULL : list->chunks[list->count - 1];

    if (chunk == NULL || CHUNK_WORDS - chunk->used < words) {
        if (!list_add_chunk(list, pool, limit))
            return NULL;
        chunk = list->chunks[list->count - 1];
    }
    uint64_t *record = chunk->words + chunk->used;
    chunk->used += (uint32_t)words;
    list->records++;
    return record;
}

/* Copies `records` records, `len` words in all, and returns how many words it took: fewer where
 * pool_take() has none. */
size_t list_append(struct list *list, struct pool *pool, size_t limit, const uint64_t *words,
                   size_t len, size_t records, bool statistics);

/* Gives its chunks back, from number `kept` on; with 0 it is empty and holds no memory. */
void list_cut(struct list *list, struct pool *pool, uint32_t kept);

#endif
