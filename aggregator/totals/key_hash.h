/*
 * The hash of keys. It is seeded by the caller, so that nobody can prepare colliding keys. Its top
 * bits name a key's partition, the top of its lower half its place in an index. Pure.
 */
#ifndef AGGREGATOR_TOTALS_KEY_HASH_H
#define AGGREGATOR_TOTALS_KEY_HASH_H

#include "aggregator/totals/record.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Short keys without their length: that they end in zeros tells it. */
static inline uint64_t key_hash_event(const struct event *event, uint64_t seed)
{
    return event->key_len <= EVENT_KEY_INLINE
               ? XXH3_64bits_withSeed(event->bytes, EVENT_KEY_INLINE, seed)
               : XXH3_64bits_withSeed(event->long_key, event->key_len, seed);
}

static inline uint64_t key_hash_record(const uint64_t *record, uint64_t seed)
{
    return record_is_long(record) ? record[RECORD_HASH]
                                  : XXH3_64bits_withSeed(record, EVENT_KEY_INLINE, seed);
}

#endif
