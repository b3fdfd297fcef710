/*
 * Several sorted streams of totals into one, equal keys added up. Pure (allocates).
 */
#ifndef AGGREGATOR_MERGE_H
#define AGGREGATOR_MERGE_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/totals.h"
#include "common/err.h"

/* A sorted stream that can be read again. What *ret borrows lives until the next call. */
struct total_stream {
    bool (*rewind)(struct total_stream *stream, struct err *err);
    /* 1: *ret is the next total; 0: the end; -1: failed, *err filled */
    int (*next)(struct total_stream *stream, struct total *ret, struct err *err);
};

struct merge;

/* The streams are borrowed and must outlive the merge. NULL without memory. */
struct merge *merge_new(struct total_stream **streams, size_t count);
void merge_free(struct merge *merge); /* accepts NULL */

/* Itself such a stream; call ->rewind first. */
struct total_stream *merge_stream(struct merge *merge);

#endif
