/*
 * Sorted runs of totals on disk: what full memory leaves behind, to be merged on the way out.
 *
 * Each run is an unlinked temporary file, so nothing is left however the process ends. When
 * SPILL_FAN_IN runs of one level exist they are merged into one of the next, so that the number of
 * open files and read buffers stays bounded for any input. Threads may spill at once.
 */
#ifndef AGGREGATOR_TOTALS_SPILL_H
#define AGGREGATOR_TOTALS_SPILL_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/totals/merge.h"
#include "common/err.h"

enum { SPILL_FAN_IN = 16 };

struct spill;

/* directory is borrowed; it is touched by the first run only. NULL without memory. */
struct spill *spill_new(const char *directory);
void spill_free(struct spill *spill); /* accepts NULL */

/* Writes a sorted stream as a run. */
bool spill_stream(struct spill *spill, struct total_stream *sorted, struct err *err);

/* The runs as streams, owned by the spill; not while others still spill. */
size_t spill_run_count(const struct spill *spill);
struct total_stream *spill_run(struct spill *spill, size_t index);

uint64_t spill_bytes(const struct spill *spill); /* written so far, merges included */

#endif
