#include "common/postgres/pg_connection.h"

#include <libpq-fe.h>
#include <limits.h>
#include <nss.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/postgres/password_file.h"
#include "common/postgres/pg_failure.h"
#include "common/postgres/pg_params.h"
#include "common/stop.h"

enum { CONNECT_TIMEOUT_S = 30, BACKOFF_FIRST_MS = 200, BACKOFF_LAST_MS = 5000 };

/* Settings. */

static PQconninfoOption *parse_dsn(const char *dsn, struct err *err)
{
    char *problem = NULL;
    PQconninfoOption *options = PQconninfoParse(dsn, &problem);

    if (options == NULL && (problem == NULL || strncmp(problem, "out of memory", 13) == 0))
        (void)err_set(err, STATUS_TRANSIENT, "out of memory for --dsn");
    else if (options == NULL) /* libpq's text quotes the dsn, which may hold a password */
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
    (void)PQsetNoticeReceiver(conn, ignore_notice, NULL); /* libpq would print notices on stderr */
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
 * libpq warns on stderr, past our log, when it refuses to read its password file. So the file is
 * checked here, libpq is kept away from an unusable one, and why says what is wrong with it.
 */
static void look_at_password_file(struct pg_params *params, char *why, size_t size)
{
    const char *service = pg_params_get(params, "service");

    why[0] = '\0';
    const char *known = getenv("PGSERVICE");

    /* PQconndefaults() reads the variable, and a parameter overrides it anyway. */
    if (service != NULL && (known == NULL || strcmp(known, service) != 0))
        (void)setenv("PGSERVICE", service, 1);
    PQconninfoOption *defaults = PQconndefaults();
    const char *path = pg_params_get(params, "passfile");
    bool password =
        pg_params_get(params, "password") != NULL || default_of(defaults, "password") != NULL;
    if (!password &&
        !password_file_usable(path != NULL ? path : default_of(defaults, "passfile"), why, size))
        pg_params_set(params, "passfile", "/dev/null/none"); /* a file that cannot exist */
    PQconninfoFree(defaults);
}

/* Built into a static program. Modules that nsswitch.conf names could crash it. */
static void use_own_lookups(void)
{
    (void)__nss_configure_lookup("passwd", "files");
    (void)__nss_configure_lookup("group", "files");
    (void)__nss_configure_lookup("hosts", "files dns");
}

void pg_prepare_environment(const struct pg_settings *settings)
{
    struct pg_params params = {0};
    struct err ignored = {0};
    char why[PATH_MAX + 256];
    PQconninfoOption *dsn = settings->dsn == NULL ? NULL : parse_dsn(settings->dsn, &ignored);

    put_dsn(&params, dsn);
    pg_params_complete(&params, settings);
    look_at_password_file(&params, why, sizeof why);
    PQconninfoFree(dsn);
}

static PGconn *connect_once(const struct pg_settings *settings, struct err *err)
{
    struct pg_params params = {0};
    PQconninfoOption *dsn = NULL;
    char why[PATH_MAX + 256];

    if (settings->dsn != NULL && (dsn = parse_dsn(settings->dsn, err)) == NULL)
        return NULL;
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
    if (done && PQsetnonblocking(conn, 1) != 0)
        done = err_set(err, STATUS_TRANSIENT, "out of memory");
    if (done)
        return conn;
    PQfinish(conn);
    return NULL;
}

struct pg_conn *pg_connection(const struct pg_settings *settings, uint64_t wait_ms, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const double until = machine_seconds() + (double)wait_ms / 1000;
    int pause_ms = BACKOFF_FIRST_MS;

    (void)pthread_once(&once, use_own_lookups);
    for (;;) {
        PGconn *conn = connect_once(settings, err);
        if (conn != NULL)
            return conn;
        double left_ms = (until - machine_seconds()) * 1000;
        if (err->status != STATUS_TRANSIENT || left_ms <= 0)
            return NULL;
        log_info("%s; trying again for %.0f s", err->text, left_ms / 1000);
        if (stop_wait(-1, 0, left_ms < pause_ms ? (int)left_ms + 1 : pause_ms, err) < 0)
            return NULL;
        pause_ms = pause_ms * 2 < BACKOFF_LAST_MS ? pause_ms * 2 : BACKOFF_LAST_MS;
    }
}
