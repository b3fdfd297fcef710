/* What a key adds up to. Sums are exact: one that would pass 2^63-1 sticks. Pure. */
#ifndef AGGREGATOR_TOTALS_TOTAL_H
#define AGGREGATOR_TOTALS_TOTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define TOTAL_OVERFLOW INT64_C(-1)

struct total {
    const unsigned char *key; /* borrowed from where the total came from */
    size_t key_len;
    int64_t sum;             /* TOTAL_OVERFLOW: not representable */
    int64_t count, min, max; /* only with statistics, else 0 */
};

/* A sorted stream that can be read again. What *ret borrows lives until the next call. */
struct total_stream {
    bool (*rewind)(struct total_stream *stream, struct err *err);
    /* 1: *ret is the next total; 0: the end; -1: failed, *err filled */
    int (*next)(struct total_stream *stream, struct total *ret, struct err *err);
};

/* Adds to a sum. */
static inline void total_add(int64_t *sum, int64_t value)
{
    if (*sum == TOTAL_OVERFLOW || value == TOTAL_OVERFLOW ||
        __builtin_add_overflow(*sum, value, sum))
        *sum = TOTAL_OVERFLOW;
}

/* Adds one total to another of the same key. */
void total_merge(struct total *into, const struct total *other);

/* Order of keys: by unsigned bytes, a prefix first; as strcmp(). */
int total_compare(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len);

#endif
