/*
 * Totals per key in bounded memory, by append and compact. Pure.
 *
 * The hash of a key names its partition. Records of events are appended to it, which costs no
 * visit to memory that is not at hand; when it has twice as many as it had keys, equal ones are
 * added up while the partition is in the cache. Threads may work on different partitions at once.
 */
#ifndef AGGREGATOR_TOTALS_TOTALS_H
#define AGGREGATOR_TOTALS_TOTALS_H

#include "aggregator/totals/compact.h"

struct partition {
    struct list list;
    size_t unique;       /* of its records, the first */
    size_t next_compact; /* records */
};

struct totals {
    struct pool *pool;
    uint64_t seed;
    bool statistics;
    unsigned bits;        /* of a partition's number */
    size_t chunks, limit; /* limit: of the chunks, what records may take */
    struct partition partitions[];
};

enum { TOTALS_BITS_MOST = 8 };

/* About `chunks` chunks of memory, in 2^bits partitions. NULL without memory. */
struct totals *totals_new(size_t chunks, unsigned bits, bool statistics, uint64_t seed);
void totals_free(struct totals *totals); /* accepts NULL */

static inline unsigned totals_partition_count(const struct totals *totals)
{
    return 1u << totals->bits;
}

static inline unsigned totals_partition_of(const struct totals *totals, uint64_t hash)
{
    return (unsigned)(hash >> (64 - totals->bits));
}

/*
 * Appends records of one partition, and compacts it where it is time to. Returns how many of the
 * words it took: fewer than `len` where memory is full.
 */
size_t totals_append(struct totals *totals, unsigned p, const uint64_t *words, size_t len,
                     size_t records, struct compact_index *index);

/* Adds up equal keys. What the index does not suffice for stays as it is. */
void totals_compact(struct totals *totals, unsigned p, struct compact_index *index);

/* After the records were taken out of it. */
void totals_empty(struct totals *totals, unsigned p);

/*
 * Sets bytes aside for another use, for good, while no thread is about. False where that would not
 * leave a chunk for each partition, or where records are in the way.
 */
bool totals_reserve(struct totals *totals, size_t bytes);
bool totals_is_empty(const struct totals *totals);

/* Whether so much is free that it is not worth the while to make more. */
bool totals_has_room(const struct totals *totals);

#endif
