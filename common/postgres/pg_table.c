#include "common/postgres/pg_table.h"

#include "common/table.h"

static const char *cell(const struct pg_rows *rows, int row, int column)
{
    return row < 0 ? pg_column_name(rows, column) : pg_value(rows, row, column);
}

void pg_add_table(struct buf *out, const struct pg_rows *rows, bool trimmed)
{
    struct table table = {.gap = 2, .trimmed = trimmed, .count = (size_t)pg_column_count(rows)};
    const char *cells[TABLE_CELLS_MAX];

    if (table.count > TABLE_CELLS_MAX)
        table.count = TABLE_CELLS_MAX;
    for (int c = 0; c + 1 < (int)table.count; c++) /* the last column needs no blanks after it */
        for (int row = -1; row < pg_row_count(rows); row++)
            table_fit(&table, (size_t)c, cell(rows, row, c));
    for (int row = -1; row < pg_row_count(rows); row++) {
        for (int c = 0; c < (int)table.count; c++)
            cells[c] = cell(rows, row, c);
        table_row(out, &table, cells, NULL);
    }
}
