/* Rows of a query as lines of aligned cells, the columns' names on top. */
#ifndef COMMON_POSTGRES_PG_TABLE_H
#define COMMON_POSTGRES_PG_TABLE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/postgres/pg.h"

/* At most TABLE_CELLS_MAX columns. trimmed: lines have no blanks at their ends. */
void pg_add_table(struct buf *out, const struct pg_rows *rows, bool trimmed);

#endif
