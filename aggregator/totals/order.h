/*
 * All records of totals sorted by key bytes, by several threads in steps. Pure.
 *
 * First the partitions are compacted and sampled, then records are spread over buckets by what the
 * samples tell of their order, then each bucket is sorted. Chunks are used again as they fall
 * empty, so that sorting takes little more memory than what is sorted.
 */
#ifndef AGGREGATOR_TOTALS_ORDER_H
#define AGGREGATOR_TOTALS_ORDER_H

#include "aggregator/totals/totals.h"

struct order;

/* The totals are borrowed; NULL without memory. */
struct order *order_new(struct totals *totals, unsigned threads);
void order_free(struct order *order); /* accepts NULL; gives all chunks back */

/*
 * The steps, each when all threads are through with the one before. order_begin() is one thread's;
 * then each calls order_next() until it is false: nothing is left, or memory is short.
 */
enum order_step { ORDER_COMPACT, ORDER_SPREAD, ORDER_SORT, ORDER_STEPS };
bool order_begin(struct order *order, enum order_step step);
bool order_next(struct order *order, enum order_step step, unsigned thread,
                struct compact_index *index);

/* After the last step, when the totals are empty. False where memory was short. */
bool order_is_done(const struct order *order);

struct order_sum {
    uint64_t keys;
    unsigned __int128 total; /* without those that overflow */
    bool overflows;
};
struct order_sum order_sum(const struct order *order);

/* A place in what is sorted; it begins with the number of its bucket alone. */
struct order_place {
    size_t bucket, chunk, word;
};

/* Reads on in one bucket, false at its end. Keys of a bucket are below those of the next. */
size_t order_bucket_count(const struct order *order);
bool order_read(const struct order *order, struct order_place *place, struct total *ret);

/* All of it, owned by the order. */
struct total_stream *order_stream(struct order *order);

#endif
