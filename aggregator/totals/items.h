/* Records in the order of their keys, moved as pairs of a number and where they lie. Pure. */
#ifndef AGGREGATOR_TOTALS_ITEMS_H
#define AGGREGATOR_TOTALS_ITEMS_H

#include "aggregator/totals/code.h"

struct item {
    uint64_t number; /* code_of() the record */
    const uint64_t *record;
};

/* By number, then by key. `other` has as much room; returns the one of the two that is sorted. */
struct item *items_sort(struct item *items, struct item *other, size_t count,
                        const struct code *code, bool statistics);

#endif
