/*
 * Sorted totals as text: several threads make it, bucket by bucket, and write it in turn.
 */
#ifndef AGGREGATOR_TOTALS_TEXT_H
#define AGGREGATOR_TOTALS_TEXT_H

#include "aggregator/totals/order.h"
#include "common/buf.h"

enum { TEXT_ROW_MAX = 1 << 19 }; /* bytes */

struct text_rules {
    /* Appends a row of at most TEXT_ROW_MAX bytes; threads call it at once. */
    void (*put)(void *context, struct buf *out, const struct total *total);
    /* Gets the text piece by piece, in order, one at a time. */
    bool (*write)(void *context, const void *bytes, size_t len, struct err *err);
    void *context;
};

/* Both fail where write() does, without memory, and where a stop was requested. */
bool text_of_order(const struct order *order, unsigned threads, const struct text_rules *rules,
                   struct err *err);
bool text_of_stream(struct total_stream *totals, const struct text_rules *rules, struct err *err);

#endif
