/*
 * Totals per key in bounded memory. Pure (allocates).
 *
 * A hash table of keys in arrival order, hashed with a seed drawn by the caller so that nobody can
 * prepare colliding keys. Sums are exact: one that would pass 2^63-1 sticks at TOTAL_OVERFLOW.
 */
#ifndef AGGREGATOR_TOTALS_H
#define AGGREGATOR_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/event.h"

#define TOTAL_OVERFLOW INT64_C(-1)

struct total {
    const unsigned char *key; /* borrowed from where the total came from */
    size_t key_len;
    int64_t sum;             /* TOTAL_OVERFLOW: not representable */
    int64_t count, min, max; /* only with statistics, else 0 */
};

struct totals;

/* At most `budget` bytes (at least TOTALS_BUDGET_MIN). NULL without memory. */
enum { TOTALS_BUDGET_MIN = 1 << 20 };
struct totals *totals_new(size_t budget, bool statistics, uint64_t seed);
void totals_free(struct totals *totals); /* accepts NULL */

/*
 * Adds events, of keys of 1 to 2^16-1 bytes, in their order and returns how many were added: fewer
 * than count when the budget is used up and the next one's key is new.
 */
size_t totals_add(struct totals *totals, const struct event *events, size_t count);

size_t totals_count(const struct totals *totals);

/* Sorts by key bytes. From here on only totals_get() and totals_clear() make sense. */
void totals_sort(struct totals *totals);

/* The index-th total in sorted order. */
void totals_get(const struct totals *totals, size_t index, struct total *ret);

/* Empties it and keeps the memory. */
void totals_clear(struct totals *totals);

/* Adds one total to another of the same key. */
void total_merge(struct total *into, const struct total *other);

/* Order of keys: by unsigned bytes, a prefix first; as strcmp(). */
int total_compare(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len);

#endif
