/* Tests add events one by one and look at the totals in order. */
#ifndef AGGREGATOR_TESTS_ONE_EVENT_H
#define AGGREGATOR_TESTS_ONE_EVENT_H

#include <stdlib.h>

#include "aggregator/totals/totals.h"

static inline bool add_one_event(struct totals *totals, const void *key, size_t key_len,
                                 int64_t value)
{
    struct event event;
    event_set(&event, key, key_len, value);
    return totals_add(totals, &event, 1) == 1;
}

static inline int by_key(const void *a, const void *b)
{
    const struct total *left = a, *right = b;
    return total_compare(left->key, left->key_len, right->key, right->key_len);
}

/* Sorts every part, checks that it is sorted, and returns the totals of all; the caller frees. */
static inline struct total *sorted_totals(struct totals *totals)
{
    struct total *all = calloc(totals_count(totals) + 1, sizeof *all);
    size_t count = 0;

    if (all == NULL)
        abort();
    for (unsigned p = 0; p < TOTALS_PARTS; p++) {
        size_t first = count;
        totals_sort_part(totals, p);
        struct total_stream *stream = totals_part(totals, p);
        if (!stream->rewind(stream, NULL))
            abort();
        while (stream->next(stream, &all[count], NULL) == 1)
            if (++count > first + 1 && by_key(&all[count - 2], &all[count - 1]) >= 0)
                abort();
    }
    if (count != totals_count(totals))
        abort();
    qsort(all, count, sizeof *all, by_key);
    return all;
}

#endif
