/*
 * The totals of several threads in bounded memory: what they collect, locks and spills.
 *
 * Each thread collects records by partition and appends many at once, under the partition's lock.
 * When memory is full, all partitions are compacted; if that does not help, they are sorted and
 * spilled.
 */
#ifndef AGGREGATOR_TOTALS_GATHER_H
#define AGGREGATOR_TOTALS_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"
#include "aggregator/totals/order.h"
#include "aggregator/totals/spill.h"
#include "common/err.h"

/* What each thread needs: what it collects, and a share of the memory for all. */
enum { GATHER_BUDGET_MIN = 2 << 20 };

struct gather;

/*
 * At most `budget` bytes (at least GATHER_BUDGET_MIN a thread), then into spill, which is borrowed.
 * NULL without memory.
 */
struct gather *gather_new(unsigned threads, size_t budget, bool statistics, uint64_t seed,
                          struct spill *spill);
void gather_free(struct gather *gather); /* accepts NULL */

/*
 * Adds events as thread number `thread`; each number is one thread's at a time. Keys have 1 to
 * SCAN_KEY_LIMIT bytes, none of them 0. A value is not negative, or TOTAL_OVERFLOW.
 */
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
 * After all threads' gather_flush(): sorts in ORDER_STEPS steps. Each is begun once; then threads
 * call gather_sort_next() at once until it is false, and all end before the next step.
 */
bool gather_sort_begin(struct gather *gather, enum order_step step, struct err *err);
bool gather_sort_next(struct gather *gather, enum order_step step, unsigned thread);

/* After the last step: the totals that were not spilled, owned by it. NULL where memory was short.
 */
struct order *gather_order(struct gather *gather, struct err *err);

#endif
