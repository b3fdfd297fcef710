/*
 * Equal keys of a list of records added up, in place, with an index that is thrown away. Pure.
 */
#ifndef AGGREGATOR_TOTALS_COMPACT_H
#define AGGREGATOR_TOTALS_COMPACT_H

#include "aggregator/totals/list.h"

/* One thread's, used again and again; it begins with its limit alone. */
struct compact_index {
    size_t most; /* bytes */
    uint32_t *slots;
    size_t size; /* slots */
};

void compact_index_release(struct compact_index *index);

/*
 * The first `unique` records have keys of their own. False where the index would take too much, or
 * there is no memory: then the list is as it was. Chunks that it no longer fills go to the pool.
 */
bool compact(struct list *list, size_t unique, struct compact_index *index, struct pool *pool,
             uint64_t seed, bool statistics);

#endif
