/* Totals as text for --print: CSV (RFC 4180 quoting, LF), JSON Lines, an aligned table. Pure. */
#ifndef AGGREGATOR_PRINT_ROWS_H
#define AGGREGATOR_PRINT_ROWS_H

#include "aggregator/totals/total.h"
#include "common/buf.h"

enum print_format { PRINT_NONE, PRINT_CSV, PRINT_JSON, PRINT_TABLE };

struct print_shape {
    enum print_format format; /* not PRINT_NONE */
    const char *key, *value;  /* field names */
    bool statistics;
    size_t key_width; /* of the table's first column: the widest print_key_width() */
};

/* Terminal columns of a key in the table, where control bytes are shown escaped. */
size_t print_key_width(const struct total *total);

void print_header(struct buf *out, const struct print_shape *shape);
void print_row(struct buf *out, const struct print_shape *shape, const struct total *total);

/* One CSV field, quoted where it must be. */
void print_csv_field(struct buf *out, const void *bytes, size_t len);

#endif
