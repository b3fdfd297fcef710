/* What --stats keeps of a key beside its sum. Pure. */
#ifndef AGGREGATOR_TOTALS_STATISTICS_H
#define AGGREGATOR_TOTALS_STATISTICS_H

#include <stdint.h>

struct statistics {
    int64_t count, min, max;
};

static inline void add_statistics(struct statistics *into, const struct statistics *other)
{
    into->count += other->count;
    into->min = other->min < into->min ? other->min : into->min;
    into->max = other->max > into->max ? other->max : into->max;
}

#endif
