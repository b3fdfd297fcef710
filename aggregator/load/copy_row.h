/*
 * Totals in PostgreSQL's binary COPY format. Pure.
 * Source: PostgreSQL documentation, "COPY", section "Binary Format".
 */
#ifndef AGGREGATOR_LOAD_COPY_ROW_H
#define AGGREGATOR_LOAD_COPY_ROW_H

#include "aggregator/totals/total.h"
#include "common/buf.h"

void copy_header(struct buf *out);

/* (key text, sum int8), and with statistics (…, count int8, min int8, max int8). */
void copy_row(struct buf *out, const struct total *total, bool statistics);

void copy_trailer(struct buf *out);

#endif
