#include "aggregator/load_pg.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/stop.h"

enum {
    PARAMS_MAX = 64,
    CONNECT_TIMEOUT_S = 30,
    BACKOFF_FIRST_MS = 200,
    BACKOFF_LAST_MS = 5000,
    SQLSTATE_LEN = 5,
};

struct pg {
    PGconn *conn;
    char sqlstate[SQLSTATE_LEN + 1];
};

struct pg_rows {
    PGresult *result;
};

/* --- settings --------------------------------------------------------------------------------- */

struct params {
    const char *name[PARAMS_MAX + 1], *value[PARAMS_MAX + 1];
    size_t count;
};

static const char *get(const struct params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->name[i], name) == 0)
            return params->value[i];
    return NULL;
}

/* The first value given for a name stays. */
static void put(struct params *params, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0' || params->count == PARAMS_MAX ||
        get(params, name) != NULL)
        return;
    params->name[params->count] = name;
    params->value[params->count++] = value;
}

/* A default below the service file and the environment, above libpq's own. */
static void set_default(const char *env, const char *value)
{
    const char *set = getenv(env);
    if (value != NULL && (set == NULL || set[0] == '\0'))
        (void)setenv(env, value, 1);
}

static PQconninfoOption *parse_dsn(const char *dsn, struct err *err)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &problem);

    if (options == NULL)
        (void)err_set(err, STATUS_USAGE, "--dsn: %s; expected a URI such as "
                      "postgresql://user@host:5432/name?sslmode=verify-full",
                      problem == NULL ? "out of memory" : problem);
    PQfreemem(problem);
    return options;
}

bool pg_check_settings(const struct pg_settings *settings, struct err *err)
{
    bool password = false;

    if (settings->dsn == NULL)
        return true;
    PQconninfoOption *options = parse_dsn(settings->dsn, err);
    if (options == NULL)
        return false;
    for (PQconninfoOption *o = options; o->keyword != NULL; o++)
        password |= o->val != NULL && strcmp(o->keyword, "password") == 0;
    PQconninfoFree(options);
    return !password ||
           err_set(err, STATUS_USAGE, "--dsn holds a password, which other users can see; pass it "
                   "as DB_PASSWORD, PGPASSWORD or in a password file");
}

static bool is_local(const char *host, size_t len)
{
    char name[64];
    struct in_addr v4;

    if (len == 0 || host[0] == '/' || host[0] == '@')
        return true;
    if (len >= sizeof name)
        return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (strcmp(name, "localhost") == 0 || strcmp(name, "::1") == 0)
        return true;
    return inet_pton(AF_INET, name, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

static bool all_local(const char *hosts)
{
    for (;;) {
        size_t len = strcspn(hosts, ",");
        if (!is_local(hosts, len))
            return false;
        if (hosts[len] == '\0')
            return true;
        hosts += len + 1;
    }
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

/* The system's certificates, where neither the user nor the home directory names others. */
static const char *system_certificates(void)
{
    static const char *const bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/cert.pem"};
    char own[4096];
    const char *home = getenv("HOME");

    if (home != NULL && snprintf(own, sizeof own, "%s/.postgresql/root.crt", home) > 0 &&
        access(own, R_OK) == 0)
        return NULL;
    for (size_t i = 0; i < sizeof bundles / sizeof *bundles; i++)
        if (access(bundles[i], R_OK) == 0)
            return bundles[i];
    return NULL;
}

/* Servers off this machine must prove who they are, unless the user says otherwise. */
static void set_defaults(const struct params *params)
{
    const char *hosts = first_of(get(params, "hostaddr"), get(params, "host"));
    const char *service = first_of(get(params, "service"), getenv("PGSERVICE"));

    hosts = first_of(hosts, first_of(getenv("PGHOSTADDR"), first_of(getenv("PGHOST"), "")));
    /* What host a service file names cannot be seen here. */
    bool unseen = service != NULL && service[0] != '\0' && hosts[0] == '\0';
    if (unseen || !all_local(hosts))
        set_default("PGSSLMODE", "verify-full");
    set_default("PGSSLROOTCERT", system_certificates());
    set_default("PGTARGETSESSIONATTRS", "primary");
}

/* dsn, then DB_*, then PG* (read by libpq itself), then ours. */
static void collect(struct params *params, const struct pg_settings *settings,
                    const PQconninfoOption *dsn)
{
    for (const PQconninfoOption *o = dsn; o != NULL && o->keyword != NULL; o++)
        put(params, o->keyword, o->val);
    put(params, "user", settings->user);
    put(params, "password", settings->password);
    if (get(params, "hostaddr") == NULL)
        put(params, "host", settings->host);
    put(params, "dbname", settings->name);
    put(params, "port", settings->port);
    set_defaults(params);
    put(params, "fallback_application_name", "aggregator");
    put(params, "client_encoding", "UTF8");
    put(params, "keepalives_idle", "30");
    put(params, "keepalives_interval", "10");
    put(params, "keepalives_count", "3");
    put(params, "tcp_user_timeout", "60000");
    params->name[params->count] = params->value[params->count] = NULL;
}

/* --- failures --------------------------------------------------------------------------------- */

static bool state_is(const char *sqlstate, const char *prefix)
{
    return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

static enum status status_of(const char *sqlstate)
{
    /* Connection, rollback, resources, locks, operator, system, read-only standby, idle timeouts.
     * Source: PostgreSQL documentation, appendix A. */
    static const char *const passing[] = {"08", "40",    "53",    "55P03", "57",
                                          "58", "25006", "25P03", "25P04", "XX"};

    if (sqlstate[0] == '\0')
        return STATUS_TRANSIENT; /* the connection broke */
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (state_is(sqlstate, passing[i]))
            return STATUS_TRANSIENT;
    return STATUS_REFUSED;
}

static const char *hint_for(const char *sqlstate)
{
    if (state_is(sqlstate, "42501"))
        return "; grant the rights that aggregator --init-sql lists";
    if (state_is(sqlstate, "22001") || state_is(sqlstate, "22003"))
        return "; widen the column";
    if (state_is(sqlstate, "53100"))
        return "; the server's disk is full";
    return "";
}

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
    const char *detail =
        result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    char text[512];

    (void)snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state == NULL ? "" : state);
    if (state == NULL) {
        first_line(text, sizeof text, PQerrorMessage(pg->conn));
        return err_set(err, STATUS_TRANSIENT, "lost the database connection: %s", text);
    }
    first_line(text, sizeof text, detail);
    return err_set(err, status_of(state), "the database says: %s (SQLSTATE %s)%s%s%s",
                   primary == NULL ? "" : primary, state, text[0] == '\0' ? "" : "; ", text,
                   hint_for(state));
}

/*
 * Connection failures have no result; verbose ones carry "SEVERITY:  SQLSTATE: text" for each host
 * that answered. Wrong credentials and databases stay wrong, if that is all that was wrong.
 */
static bool is_permanent(const PGconn *conn)
{
    static const char *const tls[] = {"certificate", "server does not support SSL"};
    const char *text = PQerrorMessage(conn);
    size_t hosts = 0, permanent = 0;

    if (PQconnectionNeedsPassword(conn))
        return true;
    for (const char *at = text; (at = strstr(at, "connection to server")) != NULL; at++)
        hosts++;
    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *state = at + 3;
        if (strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_LEN &&
            state[SQLSTATE_LEN] == ':')
            permanent += state_is(state, "28") || state_is(state, "3D000");
    }
    for (size_t i = 0; i < sizeof tls / sizeof *tls; i++)
        for (const char *at = text; (at = strstr(at, tls[i])) != NULL; at++)
            permanent++;
    return permanent > 0 && permanent >= hosts;
}

static bool fail_connect(const PGconn *conn, struct err *err)
{
    char text[1024];
    const char *message = conn == NULL ? "out of memory" : PQerrorMessage(conn);
    const char *location = strstr(message, "\nLOCATION:");
    int len = (int)(location == NULL ? strlen(message) : (size_t)(location - message));
    bool permanent = conn != NULL && is_permanent(conn);

    (void)snprintf(text, sizeof text, "%.*s", len, message);
    return err_set(err, permanent ? STATUS_REFUSED : STATUS_TRANSIENT,
                   "cannot connect to the database: %s%s", text,
                   permanent ? "; check user, password, database name and TLS settings" : "");
}

/* --- connecting ------------------------------------------------------------------------------- */

static bool poll_connection(PGconn *conn, struct err *err)
{
    const double until = machine_seconds() + CONNECT_TIMEOUT_S;

    if (PQstatus(conn) == CONNECTION_BAD)
        return fail_connect(conn, err);
    for (PostgresPollingStatusType next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
        double left = until - machine_seconds();
        int ready = left <= 0 ? 0
                              : stop_wait(PQsocket(conn),
                                          next == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                                          (int)(left * 1000) + 1, err);
        if (ready < 0)
            return false;
        if (left <= 0)
            return err_set(err, STATUS_TRANSIENT,
                           "cannot connect to the database: no answer in %d s",
                           CONNECT_TIMEOUT_S);
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

static bool connect_once(struct pg **ret, const struct pg_settings *settings, struct err *err)
{
    struct params params = {0};
    PQconninfoOption *dsn = NULL;

    if (settings->dsn != NULL && (dsn = parse_dsn(settings->dsn, err)) == NULL)
        return false;
    collect(&params, settings, dsn);
    PGconn *conn = PQconnectStartParams(params.name, params.value, 0);
    PQconninfoFree(dsn);
    if (conn == NULL)
        return fail_connect(NULL, err);
    (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
    if (!poll_connection(conn, err)) {
        PQfinish(conn);
        return false;
    }
    (void)PQsetNoticeReceiver(conn, ignore_notice, NULL);
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

bool pg_connect(struct pg **ret, const struct pg_settings *settings, uint64_t wait_ms,
                struct err *err)
{
    const double until = machine_seconds() + (double)wait_ms / 1000;
    int pause_ms = BACKOFF_FIRST_MS;

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
    return PQstatus(pg->conn) == CONNECTION_OK;
}

/* --- statements ------------------------------------------------------------------------------- */

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

/* The next result of the running statement; NULL at its end. */
static bool next_result(struct pg *pg, PGresult **ret, struct err *err)
{
    while (PQisBusy(pg->conn)) {
        if (stop_wait(PQsocket(pg->conn), POLLIN, -1, err) < 0)
            return false;
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

/* The one result of a statement, with everything after it read; the first failure is kept. */
static bool finish(struct pg *pg, PGresult **ret, struct err *err)
{
    PGresult *kept = NULL, *result;
    bool good = true;

    for (;;) {
        if (!next_result(pg, &result, err)) {
            PQclear(kept);
            return false;
        }
        if (result == NULL)
            break;
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
    return PQfname(rows->result, column);
}

const char *pg_value(const struct pg_rows *rows, int row, int column)
{
    return PQgetisnull(rows->result, row, column) ? NULL : PQgetvalue(rows->result, row, column);
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

/* --- COPY ------------------------------------------------------------------------------------- */

bool pg_copy_begin(struct pg *pg, const char *sql, struct err *err)
{
    PGresult *result;

    pg->sqlstate[0] = '\0';
    if (PQsendQuery(pg->conn, sql) == 0)
        return fail_result(pg, NULL, err);
    if (!flush(pg, err) || !next_result(pg, &result, err))
        return false;
    bool copying = PQresultStatus(result) == PGRES_COPY_IN || fail_result(pg, result, err);
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
