/*
 * Totals per key in bounded memory. Pure.
 *
 * A hash table that keeps short keys and their sums in its slots, so that an event costs one visit
 * to memory. The hash is seeded by the caller, so that nobody can prepare colliding keys; its top
 * bits cut the table into parts that grow, are combined and are sorted each on its own.
 */
#ifndef AGGREGATOR_TOTALS_TOTALS_H
#define AGGREGATOR_TOTALS_TOTALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"
#include "aggregator/totals/total.h"

struct totals;

/* At most `budget` bytes (at least TOTALS_BUDGET_MIN). NULL without memory. */
enum { TOTALS_BUDGET_MIN = 1 << 20, TOTALS_PART_BITS = 4, TOTALS_PARTS = 1 << TOTALS_PART_BITS };
struct totals *totals_new(size_t budget, bool statistics, uint64_t seed);
void totals_free(struct totals *totals); /* accepts NULL */

/*
 * Adds events, of keys of 1 to 2^16-1 bytes, in their order and returns how many were added: fewer
 * than count when the next one's key is new and the budget does not let its part grow.
 */
size_t totals_add(struct totals *totals, const struct event *events, size_t count);

/* The hashes of events, and the part that one belongs to. */
void totals_hash(const struct totals *totals, const struct event *events, size_t count,
                 uint64_t *ret);
static inline unsigned totals_part_of(uint64_t hash)
{
    return (unsigned)(hash >> (64 - TOTALS_PART_BITS));
}

/*
 * As totals_add() for events of one part that have their hash's low half. Threads may add to
 * different parts of one table at once.
 */
size_t totals_add_part(struct totals *totals, unsigned p, const struct event *events, size_t count);

size_t totals_count(const struct totals *totals);

/*
 * Sets bytes of the budget aside for another use; false: that would not leave TOTALS_BUDGET_MIN to
 * grow by. A table that is empty gives up what it does not need for that.
 */
bool totals_reserve(struct totals *totals, size_t bytes);

/*
 * Adds part p of another table with the same seed and statistics to part p of this one, as far as
 * the budget goes; what does not fit stays there. Long keys stay the other's memory. Threads may
 * work on different parts of two tables at once.
 */
void totals_take_part(struct totals *totals, struct totals *from, unsigned p);

/* Sorts part p by key bytes. From here on only its stream and totals_clear() make sense. */
void totals_sort_part(struct totals *totals, unsigned p);

/* The stream of a sorted part, owned by the table. */
struct total_stream *totals_part(struct totals *totals, unsigned p);

/* Empties it and keeps the memory. */
void totals_clear(struct totals *totals);

#endif
