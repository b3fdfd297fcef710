#include "common/postgres/pg.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/postgres/pg_failure.h"
#include "common/stop.h"

enum {
    COPY_START_S = 30, /* the server has nothing to wait for there, so the network has stalled */
    SQLSTATE_LEN = 5,
    RESULTS_MAX = 2, /* of one statement: its result, and a failure of its end */
};

struct pg {
    PGconn *conn;
    int answer_ms; /* how long an answer may take, or -1 */
    bool astray;   /* the server broke the protocol: nothing more is sent to it */
    char sqlstate[SQLSTATE_LEN + 1];
    const char *prepared[PG_PREPARED_MAX];
    unsigned prepared_count;
};

struct pg_rows {
    PGresult *result;
};

/* libpq's texts have several lines. */
static void first_line(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%.*s", (int)strcspn(from == NULL ? "" : from, "\n"),
                   from == NULL ? "" : from);
}

static bool fail_result(struct pg *pg, const PGresult *result, struct err *err)
{
    const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    char text[512];

    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state == NULL ? "" : state);
    if (state == NULL) {
        first_line(text, sizeof text, PQerrorMessage(pg->conn));
        return err_set(err, STATUS_TRANSIENT, "lost the database connection: %s", text);
    }
    first_line(text, sizeof text, detail);
    return err_set(err, pg_failure_status(state), "the database says: %s (SQLSTATE %s)%s%s%s",
                   primary == NULL ? "" : primary, state, text[0] == '\0' ? "" : "; ", text,
                   pg_failure_hint(state));
}

bool pg_connect(struct pg **ret, const struct pg_settings *settings, uint64_t wait_ms,
                struct err *err)
{
    struct pg *pg = calloc(1, sizeof *pg);

    if (pg == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    pg->conn = pg_connection(settings, wait_ms, err);
    if (pg->conn == NULL) {
        free(pg);
        return false;
    }
    pg->answer_ms = settings->answer_ms == 0 ? -1 : (int)settings->answer_ms;
    *ret = pg;
    return true;
}

void pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    PQfinish(pg->conn);
    free(pg);
}

int pg_version(const struct pg *pg)
{
    return PQserverVersion(pg->conn);
}

const char *pg_sqlstate(const struct pg *pg)
{
    return pg->sqlstate;
}

bool pg_is_alive(const struct pg *pg)
{
    return !pg->astray && PQstatus(pg->conn) == CONNECTION_OK;
}

bool pg_is_quiet(const struct pg *pg)
{
    struct pollfd one = {.fd = PQsocket(pg->conn), .events = POLLIN};

    return poll(&one, 1, 0) == 0;
}

/* Statements. */

/* What is under way cannot be told from what comes next: the session is over. */
static bool give_up(struct pg *pg, int timeout_ms, struct err *err)
{
    pg->astray = pg->astray || pg->answer_ms >= 0;
    return err_set(err, STATUS_TRANSIENT, "no answer from the database in %d s", timeout_ms / 1000);
}

/* Sends the buffered data and reads what arrives, so that neither side waits for the other. */
static bool flush(struct pg *pg, struct err *err)
{
    for (;;) {
        int left = PQflush(pg->conn);
        if (left < 0)
            return fail_result(pg, NULL, err);
        if (left == 0)
            return true;
        int ready = stop_wait(PQsocket(pg->conn), POLLIN | POLLOUT, pg->answer_ms, err);
        if (ready < 0)
            return false;
        if (ready == 0)
            return give_up(pg, pg->answer_ms, err);
        if (PQconsumeInput(pg->conn) == 0)
            return fail_result(pg, NULL, err);
    }
}

/* The next result of the statement, NULL after the last. timeout_ms -1: no limit. */
static bool next_result(struct pg *pg, int timeout_ms, PGresult **ret, struct err *err)
{
    while (PQisBusy(pg->conn)) {
        int ready = stop_wait(PQsocket(pg->conn), POLLIN, timeout_ms, err);
        if (ready < 0)
            return false;
        if (ready == 0 && timeout_ms >= 0)
            return give_up(pg, timeout_ms, err);
        if (PQconsumeInput(pg->conn) == 0)
            return fail_result(pg, NULL, err);
    }
    *ret = PQgetResult(pg->conn);
    return true;
}

static bool is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

/* During COPY, PQgetResult() returns such a result again and again. */
static bool is_copy(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

static bool fail_astray(struct pg *pg, struct err *err)
{
    pg->astray = true;
    return err_set(
        err, STATUS_TRANSIENT,
        "the database gave an answer that was not asked for; is it a PostgreSQL server?");
}

/* Reads all results of a statement and returns the last. The first failure is reported. */
static bool finish(struct pg *pg, PGresult **ret, struct err *err)
{
    PGresult *kept = NULL, *result = NULL;
    bool good = true;

    for (int count = 0;; count++) {
        if (!next_result(pg, pg->answer_ms, &result, err)) {
            PQclear(kept);
            return false;
        }
        if (result == NULL)
            break;
        if (is_copy(result) || count == RESULTS_MAX) {
            PQclear(kept);
            PQclear(result);
            return fail_astray(pg, err);
        }
        if (good && !is_good(result))
            good = fail_result(pg, result, err);
        PQclear(kept);
        kept = result;
    }
    if (good && kept == NULL)
        good = fail_result(pg, NULL, err);
    if (!good) {
        PQclear(kept);
        return false;
    }
    *ret = kept;
    return true;
}

/* The result of a statement that was handed to libpq (sent: PQsend...() took it). */
static bool take_rows(struct pg *pg, int sent, struct pg_rows **ret, struct err *err)
{
    PGresult *result;

    if (sent == 0)
        return fail_result(pg, NULL, err);
    if (!flush(pg, err) || !finish(pg, &result, err))
        return false;
    if (ret == NULL) {
        PQclear(result);
        return true;
    }
    *ret = malloc(sizeof **ret);
    if (*ret == NULL) {
        PQclear(result);
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    }
    (*ret)->result = result;
    return true;
}

bool pg_query(struct pg *pg, const char *sql, int count, const char *const *params,
              struct pg_rows **ret, struct err *err)
{
    pg->sqlstate[0] = '\0';
    if (pg->astray)
        return fail_astray(pg, err);
    return take_rows(pg, PQsendQueryParams(pg->conn, sql, count, NULL, params, NULL, NULL, 0), ret,
                     err);
}

bool pg_query_prepared(struct pg *pg, const char *sql, int count, const char *const *params,
                       struct pg_rows **ret, struct err *err)
{
    char name[16];
    unsigned at = 0;

    pg->sqlstate[0] = '\0';
    if (pg->astray)
        return fail_astray(pg, err);
    while (at < pg->prepared_count && pg->prepared[at] != sql)
        at++;
    if (at == PG_PREPARED_MAX)
        return pg_query(pg, sql, count, params, ret, err);
    (void)snprintf(name, sizeof name, "s%u", at);
    if (at == pg->prepared_count) {
        if (!take_rows(pg, PQsendPrepare(pg->conn, name, sql, 0, NULL), NULL, err))
            return false;
        pg->prepared[pg->prepared_count++] = sql;
    }
    return take_rows(pg, PQsendQueryPrepared(pg->conn, name, count, params, NULL, NULL, 0), ret,
                     err);
}

int pg_row_count(const struct pg_rows *rows)
{
    return PQntuples(rows->result);
}

int pg_column_count(const struct pg_rows *rows)
{
    return PQnfields(rows->result);
}

const char *pg_column_name(const struct pg_rows *rows, int column)
{
    const char *name = PQfname(rows->result, column);
    return name == NULL ? "" : name;
}

const char *pg_value(const struct pg_rows *rows, int row, int column)
{
    /* PQgetisnull() is true, too, for a row or column that a faulty server did not send. */
    return PQgetisnull(rows->result, row, column) ? "" : PQgetvalue(rows->result, row, column);
}

const char *pg_tag(const struct pg_rows *rows)
{
    return PQcmdStatus(rows->result);
}

uint64_t pg_affected(const struct pg_rows *rows)
{
    return strtoull(PQcmdTuples(rows->result), NULL, 10);
}

void pg_rows_free(struct pg_rows *rows)
{
    if (rows == NULL)
        return;
    PQclear(rows->result);
    free(rows);
}

void pg_rows_release(struct pg_rows **rows)
{
    pg_rows_free(*rows);
}

/* COPY. */

bool pg_copy_begin(struct pg *pg, const char *sql, struct err *err)
{
    PGresult *result;

    pg->sqlstate[0] = '\0';
    if (PQsendQuery(pg->conn, sql) == 0)
        return fail_result(pg, NULL, err);
    /* Out of memory, libpq waits for an answer that has come already: hence the limit. */
    if (!flush(pg, err) || !next_result(pg, COPY_START_S * 1000, &result, err))
        return false;
    bool copying = PQresultStatus(result) == PGRES_COPY_IN;
    if (!copying && (is_copy(result) || is_good(result)))
        (void)fail_astray(pg, err);
    else if (!copying)
        (void)fail_result(pg, result, err);
    PQclear(result);
    return copying;
}

bool pg_copy_put(struct pg *pg, const void *bytes, size_t len, struct err *err)
{
    int put_done;

    while ((put_done = PQputCopyData(pg->conn, bytes, (int)len)) == 0)
        if (!flush(pg, err))
            return false;
    if (put_done < 0)
        return fail_result(pg, NULL, err);
    return flush(pg, err);
}

bool pg_copy_end(struct pg *pg, uint64_t *ret_rows, struct err *err)
{
    PGresult *result;
    int ended;

    while ((ended = PQputCopyEnd(pg->conn, NULL)) == 0)
        if (!flush(pg, err))
            return false;
    if (ended < 0)
        return fail_result(pg, NULL, err);
    if (!flush(pg, err) || !finish(pg, &result, err))
        return false;
    *ret_rows = strtoull(PQcmdTuples(result), NULL, 10);
    PQclear(result);
    return true;
}
