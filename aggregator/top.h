/* The largest totals of a run, as a table for people. Pure. */
#ifndef AGGREGATOR_TOP_H
#define AGGREGATOR_TOP_H

#include "aggregator/print_rows.h"

enum { TOP_ROWS = 10 };

/* Reads the stream to its end; of equal sums the earlier key comes first. Keys with control bytes
 * are shown escaped. */
bool top_print(struct buf *out, const char *key, const char *value, struct total_stream *totals,
               struct err *err);

#endif
