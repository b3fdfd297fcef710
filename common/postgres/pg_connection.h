/*
 * A connection to a PostgreSQL server: settings, passwords, TLS, and how long it is tried again.
 * Messages never hold a password.
 */
#ifndef COMMON_POSTGRES_PG_CONNECTION_H
#define COMMON_POSTGRES_PG_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct pg_settings {
    const char *dsn; /* URI or key=value text without a password, or NULL */
    /* NULL or a text, used when dsn does not say it. After them come libpq's own variables. */
    const char *user, *password, *host, *name, *port;
    uint64_t wait_ms;         /* how long to retry the first connection */
    uint64_t lock_timeout_ms; /* how long to wait for a concurrent load of the same run */
    uint64_t answer_ms;  /* how long an answer may take before the session is given up; 0: any */
    const char *program; /* its name in pg_stat_activity; NULL: aggregator */
};

/* USAGE: dsn does not parse or holds a secret; a host, port, user or database is implausible. */
bool pg_check_settings(const struct pg_settings *settings, struct err *err);

/*
 * Sets the environment that libpq is to find, as each connection does otherwise: a program calls it
 * before its threads connect, because the environment cannot be changed while others read it.
 */
void pg_prepare_environment(const struct pg_settings *settings);

/*
 * Connects to the primary among the hosts. TLS is verify-full by default, unless every host is a
 * socket or loopback. Transient failures are tried again, with backoff, for wait_ms.
 * Returns what libpq calls PGconn, for PQfinish() to end; NULL on failure. Every wait ends when the
 * run is stopped.
 */
struct pg_conn *pg_connection(const struct pg_settings *settings, uint64_t wait_ms,
                              struct err *err);

#endif
