#include "aggregator/load/load_pg.h"

#include <libpq-fe.h>
#include <limits.h>
#include <nss.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/load/password_file.h"
#include "aggregator/load/pg_failure.h"
#include "aggregator/load/pg_params.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/stop.h"

enum {
    CONNECT_TIMEOUT_S = 30,
    COPY_START_S = 30, /* nothing is waited for there: only a stalled network takes so long */
    BACKOFF_FIRST_MS = 200,
    BACKOFF_LAST_MS = 5000,
    SQLSTATE_LEN = 5,
    RESULTS_MAX = 2, /* of one statement: what it did, and that its end failed */
};

struct pg {
    PGconn *conn;
    bool astray; /* the server's answer was none that was asked for: it is asked nothing more */
    char sqlstate[SQLSTATE_LEN + 1];
};

struct pg_rows {
    PGresult *result;
};

/* Settings. */

static PQconninfoOption *parse_dsn(const char *dsn, struct err *err)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &problem);

    if (options == NULL && (problem == NULL || strncmp(problem, "out of memory", 13) == 0))
        (void)err_set(err, STATUS_TRANSIENT, "out of memory for --dsn");
    else if (options == NULL) /* libpq's text has pieces of it, and one may be a password */
        (void)err_set(err, STATUS_USAGE,
                      "--dsn: %s; expected a URI such as "
                      "postgresql://user@host:5432/name?sslmode=verify-full",
                      pg_failure_dsn(problem));
    PQfreemem(problem);
    return options;
}

static bool check_secrets(const PQconninfoOption *dsn, struct err *err)
{
    for (const PQconninfoOption *o = dsn; o->keyword != NULL; o++) {
        if (o->val == NULL || o->dispchar == NULL || o->dispchar[0] != '*')
            continue;
        if (strcmp(o->keyword, "password") != 0)
            return err_set(err, STATUS_USAGE,
                           "--dsn holds a secret, %s, which other users can see; put it into a "
                           "service file (PGSERVICEFILE)",
                           o->keyword);
        return err_set(err, STATUS_USAGE,
                       "--dsn holds a password, which other users can see; pass it as DB_PASSWORD, "
                       "DB_PASSWORD_FILE, PGPASSWORD or in a password file");
    }
    return true;
}

static void put_dsn(struct pg_params *params, const PQconninfoOption *dsn)
{
    for (const PQconninfoOption *o = dsn; o != NULL && o->keyword != NULL; o++)
        pg_params_put(params, o->keyword, o->val);
}

bool pg_check_settings(const struct pg_settings *settings, struct err *err)
{
    struct pg_params params = {0};
    PQconninfoOption *dsn = NULL;

    if (settings->dsn != NULL && (dsn = parse_dsn(settings->dsn, err)) == NULL)
        return false;
    put_dsn(&params, dsn);
    bool good = (dsn == NULL || check_secrets(dsn, err)) && pg_params_check(&params, settings, err);
    PQconninfoFree(dsn);
    return good;
}

/* Failures. */

/* Cuts at the first line's end; libpq's texts have several lines. */
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

static bool fail_connect(const PGconn *conn, struct err *err)
{
    const char *message = conn == NULL ? "out of memory" : PQerrorMessage(conn);
    const char *location = strstr(message, "\nLOCATION:");
    size_t len = location == NULL ? strlen(message) : (size_t)(location - message);
    enum status status = conn != NULL && PQconnectionNeedsPassword(conn)
                             ? STATUS_REFUSED
                             : pg_failure_connection(message);

    while (len > 0 && message[len - 1] == '\n')
        len--;
    return err_set(
        err, status, "cannot connect to the database: %.*s%s", (int)len, message,
        status == STATUS_REFUSED ? "; check user, password, database name and TLS settings" : "");
}

/* Connecting. */

static bool poll_connection(PGconn *conn, struct err *err)
{
    const double until = machine_seconds() + CONNECT_TIMEOUT_S;

    if (PQstatus(conn) == CONNECTION_BAD)
        return fail_connect(conn, err);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
        double left = until - machine_seconds();
        int ready =
            left <= 0 ? 0
                      : stop_wait(PQsocket(conn), next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                                  (int)(left * 1000) + 1, err);
        if (ready < 0)
            return false;
        if (left <= 0)
            return err_set(err, STATUS_TRANSIENT,
                           "cannot connect to the database: no answer in %d s", CONNECT_TIMEOUT_S);
        if (ready == 0)
            continue;
        next = PQconnectPoll(conn);
        if (next == PGRES_POLLING_FAILED)
            return fail_connect(conn, err);
    }
    return true;
}

static void ignore_notice(void *unused, const PGresult *notice)
{
    (void)unused;
    (void)notice;
}

static bool wait_connected(PGconn *conn, struct err *err)
{
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(conn, ignore_notice, NULL); /* else they go to stderr as they are */
    return poll_connection(conn, err);
}

static const char *default_of(const PQconninfoOption *defaults, const char *name)
{
    for (const PQconninfoOption *o = defaults; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, name) == 0)
            return o->val == NULL || o->val[0] == '\0' ? NULL : o->val;
    return NULL;
}

/*
 * Where libpq would look for a password in a file that it will not read, it writes a warning to
 * stderr, past our log. It is kept from looking, and why says what is wrong with the file.
 */
static void look_at_password_file(struct pg_params *params, char *why, size_t size)
{
    const char *service = pg_params_get(params, "service");

    why[0] = '\0';
    if (service != NULL) /* beats the variable anyway, and PQconndefaults() knows that only */
        (void)setenv("PGSERVICE", service, 1);
    PQconninfoOption *defaults = PQconndefaults();
    const char *path = pg_params_get(params, "passfile");
    bool password =
        pg_params_get(params, "password") != NULL || default_of(defaults, "password") != NULL;
    if (!password &&
        !password_file_usable(path != NULL ? path : default_of(defaults, "passfile"), why, size))
        pg_params_set(params, "passfile", "/dev/null/none"); /* no such file, on any system */
    PQconninfoFree(defaults);
}

static bool connect_once(struct pg **ret, const struct pg_settings *settings, struct err *err)
{
    struct pg_params params = {0};
    PQconninfoOption *dsn = NULL;
    char why[PATH_MAX + 256];

    if (settings->dsn != NULL && (dsn = parse_dsn(settings->dsn, err)) == NULL)
        return false;
    put_dsn(&params, dsn);
    pg_params_complete(&params, settings);
    look_at_password_file(&params, why, sizeof why);
    PGconn *conn = PQconnectStartParams(params.name, params.value, 0);
    bool done = conn == NULL ? fail_connect(NULL, err) : wait_connected(conn, err);
    if (!done && err->status == STATUS_USAGE)
        pg_params_hide(&params, err->text);
    if (!done && conn != NULL && PQconnectionNeedsPassword(conn) && why[0] != '\0')
        (void)err_prefix(err, "%s", why);
    PQconninfoFree(dsn);
    if (!done) {
        PQfinish(conn);
        return false;
    }
    struct pg *pg = calloc(1, sizeof *pg);
    if (pg == NULL || PQsetnonblocking(conn, 1) != 0) {
        PQfinish(conn);
        free(pg);
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    }
    pg->conn = conn;
    *ret = pg;
    return true;
}

/* A static program has these built in; modules that nsswitch.conf names may crash it. */
static void use_own_lookups(void)
{
    (void)__nss_configure_lookup("passwd", "files");
    (void)__nss_configure_lookup("group", "files");
    (void)__nss_configure_lookup("hosts", "files dns");
}

bool pg_connect(struct pg **ret, const struct pg_settings *settings, uint64_t wait_ms,
                struct err *err)
{
    const double until = machine_seconds() + (double)wait_ms / 1000;
    int pause_ms = BACKOFF_FIRST_MS;

    use_own_lookups();
    for (;;) {
        if (connect_once(ret, settings, err))
            return true;
        double left_ms = (until - machine_seconds()) * 1000;
        if (err->status != STATUS_TRANSIENT || left_ms <= 0)
            return false;
        log_info("%s; trying again for %.0f s", err->text, left_ms / 1000);
        if (stop_wait(-1, 0, left_ms < pause_ms ? (int)left_ms + 1 : pause_ms, err) < 0)
            return false;
        pause_ms = pause_ms * 2 < BACKOFF_LAST_MS ? pause_ms * 2 : BACKOFF_LAST_MS;
    }
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

/* Statements. */

/* Sends what is buffered, taking in what arrives so that neither side waits for the other. */
static bool flush(struct pg *pg, struct err *err)
{
    for (;;) {
        int left = PQflush(pg->conn);
        if (left < 0)
            return fail_result(pg, NULL, err);
        if (left == 0)
            return true;
        if (stop_wait(PQsocket(pg->conn), POLLIN | POLLOUT, -1, err) < 0)
            return false;
        if (PQconsumeInput(pg->conn) == 0)
            return fail_result(pg, NULL, err);
    }
}

/* The next result of the running statement; NULL at its end. timeout_ms: -1 for none. */
static bool next_result(struct pg *pg, int timeout_ms, PGresult **ret, struct err *err)
{
    while (PQisBusy(pg->conn)) {
        int ready = stop_wait(PQsocket(pg->conn), POLLIN, timeout_ms, err);
        if (ready < 0)
            return false;
        if (ready == 0 && timeout_ms >= 0)
            return err_set(err, STATUS_TRANSIENT, "no answer from the database in %d s",
                           timeout_ms / 1000);
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

/* While it copies, libpq gives the same result for ever. */
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

/* The one result of a statement, with everything after it read; the first failure is kept. */
static bool finish(struct pg *pg, PGresult **ret, struct err *err)
{
    PGresult *kept = NULL, *result = NULL;
    bool good = true;

    for (int count = 0;; count++) {
        if (!next_result(pg, -1, &result, err)) {
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

bool pg_query(struct pg *pg, const char *sql, int count, const char *const *params,
              struct pg_rows **ret, struct err *err)
{
    PGresult *result;

    pg->sqlstate[0] = '\0';
    if (pg->astray)
        return fail_astray(pg, err);
    if (PQsendQueryParams(pg->conn, sql, count, NULL, params, NULL, NULL, 0) == 0)
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
    /* Null by libpq's word too where a server sent fewer rows or columns than were asked for. */
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
    /* Without memory libpq takes the answer for one that is yet to come. */
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
