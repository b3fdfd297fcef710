/*
 * The totals of several threads in bounded memory: tables, locks and spills.
 *
 * While keys are few, each thread adds to a small table of its own and touches no lock. When that
 * is full, the thread goes over to one table for all: it collects events part by part and adds many
 * of a part at once, under the part's lock. So no key is in memory twice, and nothing large is left
 * to be combined.
 */
#ifndef AGGREGATOR_TOTALS_GATHER_H
#define AGGREGATOR_TOTALS_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"
#include "aggregator/totals/spill.h"
#include "aggregator/totals/totals.h"
#include "common/err.h"

/* What each thread needs: a small table, what it collects, and a share of the one for all. */
enum { GATHER_BUDGET_MIN = 2 * TOTALS_BUDGET_MIN };

struct gather;

/*
 * At most `budget` bytes (at least GATHER_BUDGET_MIN a thread), then into spill, which is borrowed.
 * NULL without memory.
 */
struct gather *gather_new(unsigned threads, size_t budget, bool statistics, uint64_t seed,
                          struct spill *spill);
void gather_free(struct gather *gather); /* accepts NULL */

/* Adds events as thread number `thread`; each number is one thread's at a time. */
bool gather_add(struct gather *gather, unsigned thread, const struct event *events, size_t count,
                struct err *err);

/*
 * Sets bytes of the budget aside for another use, for good; totals that are in the way are spilled.
 * 1: done; 0: the budget is too small; -1: *err is filled. Threads may add at once, where there are
 * several.
 */
int gather_reserve(struct gather *gather, size_t bytes, struct err *err);

/* After a thread's last events: adds what it has collected. */
bool gather_flush(struct gather *gather, unsigned thread, struct err *err);

/*
 * After all threads' gather_flush(): combines and sorts one more part, false when none is left.
 * Threads may do so at once.
 */
bool gather_sort_next(struct gather *gather);

/* The sorted streams, at most gather_stream_max(), into ret; returns how many. Disjoint where no
 * key is in two of them. */
size_t gather_stream_max(const struct gather *gather);
size_t gather_streams(struct gather *gather, struct total_stream **ret, bool *disjoint);

#endif
