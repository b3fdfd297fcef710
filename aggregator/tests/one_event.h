/* Tests add events one by one. */
#ifndef AGGREGATOR_TESTS_ONE_EVENT_H
#define AGGREGATOR_TESTS_ONE_EVENT_H

#include "aggregator/totals.h"

static inline bool add_one_event(struct totals *totals, const void *key, size_t key_len,
                                 int64_t value)
{
    struct event event;
    event_set(&event, key, key_len, value);
    return totals_add(totals, &event, 1) == 1;
}

#endif
