#include "aggregator/runs.h"

#include <stdio.h>
#include <string.h>

#include "common/outfile.h"

enum { SQL_MAX = 64 * 1024, COLUMN_GAP = 2 };

static const char *cell(const struct pg_rows *rows, int row, int column)
{
    return row < 0 ? pg_column_name(rows, column) : pg_value(rows, row, column);
}

static bool add_csv_row(struct buf *out, const struct pg_rows *rows, int row, struct err *err)
{
    for (int c = 0; c < pg_column_count(rows); c++)
        if (!buf_add_text(out, c == 0 ? "" : ",", err) ||
            !print_csv_field(out, cell(rows, row, c), strlen(cell(rows, row, c)), err))
            return false;
    return buf_add_text(out, "\n", err);
}

static int column_width(const struct pg_rows *rows, int column)
{
    int width = 0;
    for (int row = -1; row < pg_row_count(rows); row++) {
        int len = (int)strlen(cell(rows, row, column));
        width = len > width ? len : width;
    }
    return width;
}

static bool add_table_row(struct buf *out, const struct pg_rows *rows, int row, struct err *err)
{
    int count = pg_column_count(rows);
    for (int c = 0; c < count; c++) {
        int width = c + 1 < count ? column_width(rows, c) + COLUMN_GAP : 0;
        if (!buf_printf(out, err, "%-*s", width, cell(rows, row, c)))
            return false;
    }
    return buf_add_text(out, "\n", err);
}

static bool format_rows(struct buf *out, const struct pg_rows *rows, enum print_format format,
                        struct err *err)
{
    for (int row = format == PRINT_JSON ? 0 : -1; row < pg_row_count(rows); row++) {
        bool added = format == PRINT_JSON  ? buf_printf(out, err, "%s\n", cell(rows, row, 0))
                     : format == PRINT_CSV ? add_csv_row(out, rows, row, err)
                                           : add_table_row(out, rows, row, err);
        if (!added)
            return false;
    }
    return true;
}

static bool fetch(struct pg *pg, const struct load_request *request, bool as_json,
                  struct pg_rows **ret, struct err *err)
{
    struct target target = {0};
    struct buf sql;

    buf_init(&sql, SQL_MAX);
    bool done = target_open_ledger(&target, pg, &request->target, err) &&
                sql_list_ledger(&sql, &target.sql, as_json, err) && buf_add(&sql, "", 1, err) &&
                pg_query(pg, sql.data, 0, NULL, ret, err);
    buf_release(&sql);
    target_release(&target);
    return done;
}

bool runs_print(const struct load_request *request, enum print_format format, struct err *err)
{
    struct pg *pg = NULL;
    struct pg_rows *rows = NULL;
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    bool done = pg_connect(&pg, &request->database, request->database.wait_ms, err) &&
                fetch(pg, request, format == PRINT_JSON, &rows, err) &&
                format_rows(&text, rows, format, err) && outfile_put("-", text.data, text.len, err);
    pg_rows_free(rows);
    pg_close(pg);
    buf_release(&text);
    return done;
}
