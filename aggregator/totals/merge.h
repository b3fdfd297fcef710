/*
 * Several sorted streams of totals into one, equal keys added up. Pure.
 */
#ifndef AGGREGATOR_TOTALS_MERGE_H
#define AGGREGATOR_TOTALS_MERGE_H

#include <stddef.h>

#include "aggregator/totals/total.h"

struct merge;

/* The streams are borrowed and must outlive the merge. NULL without memory. */
struct merge *merge_new(struct total_stream **streams, size_t count);
void merge_free(struct merge *merge); /* accepts NULL */

/* Itself such a stream; call ->rewind first. */
struct total_stream *merge_stream(struct merge *merge);

#endif
