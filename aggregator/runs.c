#include "aggregator/runs.h"

#include <stdio.h>
#include <string.h>

#include "aggregator/load/transaction.h"
#include "aggregator/top.h"
#include "common/log.h"
#include "common/outfile.h"
#include "common/postgres/pg_table.h"

enum { SQL_MAX = 64 * 1024, RUN_SHOWN = 600 };

static const char *cell(const struct pg_rows *rows, int row, int column)
{
    return row < 0 ? pg_column_name(rows, column) : pg_value(rows, row, column);
}

static void add_csv_row(struct buf *out, const struct pg_rows *rows, int row)
{
    for (int c = 0; c < pg_column_count(rows); c++) {
        buf_add_text(out, c == 0 ? "" : ",");
        print_csv_field(out, cell(rows, row, c), strlen(cell(rows, row, c)));
    }
    buf_add_text(out, "\n");
}

static bool format_rows(struct buf *out, const struct pg_rows *rows, enum print_format format,
                        struct err *err)
{
    if (format == PRINT_TABLE)
        pg_add_table(out, rows, false);
    else
        for (int row = format == PRINT_JSON ? 0 : -1; row < pg_row_count(rows); row++) {
            if (format == PRINT_JSON)
                buf_printf(out, "%s\n", cell(rows, row, 0));
            else
                add_csv_row(out, rows, row);
        }
    return buf_ok(out, err);
}

static bool check_may_delete(struct pg *pg, const char *ledger, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg, "SELECT pg_catalog.has_table_privilege($1::regclass::oid, 'DELETE')", 1,
                  &ledger, &rows, err))
        return false;
    return strcmp(pg_value(rows, 0, 0), "t") == 0 ||
           err_set(err, STATUS_REFUSED,
                   "this database user may not delete from %s: let its owner forget the run",
                   ledger);
}

/* Needs an open transaction. */
static bool forget_run(struct pg *pg, const struct target *target, const char *run, bool as_json,
                       struct pg_rows **ret, struct err *err)
{
    OWNED_BUF(sql, SQL_MAX);
    const char *params[] = {target->name, run};
    char shown[RUN_SHOWN];

    sql_forget_run(&sql, &target->sql, as_json);
    if (!buf_ok(&sql, err) || !check_may_delete(pg, target->sql.ledger, err) ||
        !pg_query(pg, sql.data, 2, params, ret, err))
        return false;
    return pg_row_count(*ret) > 0 ||
           err_set(err, STATUS_REFUSED,
                   "%s has no run '%s' of %s; --table, --key, --value and --stats name the work as "
                   "they did for the load, and aggregator runs lists it",
                   target->sql.ledger, err_quote(shown, sizeof shown, run, strlen(run)),
                   target->name);
}

static bool fetch(struct pg *pg, struct target *target, const struct load_request *request,
                  const char *forget, bool as_json, struct pg_rows **ret, struct err *err)
{
    OWNED_BUF(sql, SQL_MAX);

    if (!target_open_ledger(target, pg, &request->target, err))
        return false;
    if (forget != NULL)
        return forget_run(pg, target, forget, as_json, ret, err) && pg_run(pg, "COMMIT", err);
    sql_list_ledger(&sql, &target->sql, as_json);
    return buf_ok(&sql, err) && pg_query(pg, sql.data, 0, NULL, ret, err);
}

static bool fetch_top(struct pg *pg, struct target *target, const struct load_request *request,
                      enum print_format format, struct pg_rows **ret, struct pg_rows **ret_sum,
                      struct err *err)
{
    struct target_request wanted = request->target;
    OWNED_BUF(sql, SQL_MAX);
    OWNED_BUF(sum, SQL_MAX);

    wanted.create = false;
    wanted.look = true;
    wanted.statistics = false;
    if (!target_open(target, pg, &wanted, err))
        return false;
    sql_list_top(&sql, &target->sql, TOP_ROWS, format == PRINT_JSON, format == PRINT_TABLE);
    sql_sum_table(&sum, &target->sql);
    return buf_ok(&sql, err) && buf_ok(&sum, err) && pg_query(pg, sql.data, 0, NULL, ret, err) &&
           pg_query(pg, sum.data, 0, NULL, ret_sum, err);
}

/* Prints runs; with ret_sum the largest totals, and *ret_sum gets their number and sum. */
static bool print(const struct load_request *request, const char *forget, enum print_format format,
                  struct pg_rows **ret_sum, struct err *err)
{
    const struct pg_settings *database = &request->database;
    struct pg *pg = NULL;
    struct target target = {0};
    OWNED_ROWS rows = NULL;
    OWNED_BUF(text, SIZE_MAX / 2);

    bool done =
        pg_connect(&pg, database, database->wait_ms, err) &&
        ((forget == NULL && ret_sum == NULL) ||
         transaction_begin(pg, database->lock_timeout_ms, err)) &&
        (ret_sum != NULL ? fetch_top(pg, &target, request, format, &rows, ret_sum, err)
                         : fetch(pg, &target, request, forget, format == PRINT_JSON, &rows, err)) &&
        format_rows(&text, rows, format, err) && outfile_put("-", text.data, text.len, err);
    target_release(&target);
    pg_close(pg);
    return done;
}

bool runs_print_top(const struct load_request *request, enum print_format format, struct err *err)
{
    OWNED_ROWS sum = NULL;

    if (!print(request, NULL, format, &sum, err))
        return false;
    log_info("the table holds %s keys, a total of %s", pg_value(sum, 0, 0), pg_value(sum, 0, 1));
    return true;
}

bool runs_print(const struct load_request *request, const char *forget, enum print_format format,
                struct err *err)
{
    return print(request, forget, format, NULL, err);
}
