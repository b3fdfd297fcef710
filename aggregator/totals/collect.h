/*
 * Totals of several folds added up on disk, in bounded memory.
 */
#ifndef AGGREGATOR_TOTALS_COLLECT_H
#define AGGREGATOR_TOTALS_COLLECT_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/totals/total.h"
#include "common/err.h"

struct collect;

/* directory is borrowed. NULL without memory. */
struct collect *collect_new(const char *directory);
void collect_free(struct collect *collect); /* accepts NULL */

/* Writes a sorted stream to disk, from its start. Not after collect_open(). */
bool collect_add(struct collect *collect, struct total_stream *sorted, struct err *err);

/* Whether anything was added. */
bool collect_is_empty(const struct collect *collect);

/*
 * All of it as one sorted stream, owned by the collection, and what it adds up to. INPUT where a
 * total is beyond 64 bits.
 */
struct total_stream *collect_open(struct collect *collect, uint64_t *ret_keys,
                                  unsigned __int128 *ret_total, struct err *err);

/* Counts a stream's totals, from its start. INPUT where one is beyond 64 bits. */
bool survey_totals(struct total_stream *totals, uint64_t *ret_keys, unsigned __int128 *ret_total,
                   struct err *err);

#endif
