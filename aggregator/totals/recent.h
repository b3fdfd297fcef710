/*
 * A small cache of sums before the totals: where keys are few, most events end here. Pure.
 *
 * Each key has one place, by a hash that the caller seeds, so that nobody can choose keys that
 * drive each other out. What is driven out goes on as one event with the sum of all that came, and
 * so does a sum that the next value would take past 2^63-1. Where most keys come only once, events
 * bypass the cache for a while.
 */
#ifndef AGGREGATOR_TOTALS_RECENT_H
#define AGGREGATOR_TOTALS_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/totals/sequence.h"

enum { RECENT_BITS = 10, RECENT_PLACES = 1 << RECENT_BITS };

struct recent {
    event_sink *sink;
    void *context;
    uint64_t seed;
    uint32_t tried, missed; /* events, since it was last judged */
    uint64_t pass, gap;     /* events that are still to bypass it; how many did last time */
    struct event sums[RECENT_PLACES]; /* of short keys; of a length of 0 where there is none */
};

/*
 * Whatever comes goes on to sink, with its context; both are borrowed. sums: events of a key may
 * become one. Where they are counted they may not, and all pass by.
 */
void recent_init(struct recent *recent, uint64_t seed, bool sums, event_sink *sink, void *context);

/* An event_sink. No value is negative. */
bool recent_add(void *recent, const struct event *events, size_t count, struct err *err);

/* After the last events: hands all sums on. */
bool recent_flush(struct recent *recent, struct err *err);

#endif
