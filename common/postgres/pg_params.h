/*
 * The parameters of a connection: which server, which user, how strict TLS is.
 * Reads the environment; does not call libpq.
 */
#ifndef COMMON_POSTGRES_PG_PARAMS_H
#define COMMON_POSTGRES_PG_PARAMS_H

#include <stddef.h>

#include "common/postgres/pg_connection.h"

enum { PG_PARAMS_MAX = 64 };

/* Two arrays that end in NULL, as libpq takes them. The texts are borrowed. */
struct pg_params {
    const char *name[PG_PARAMS_MAX + 1], *value[PG_PARAMS_MAX + 1];
    size_t count;
};

/* NULL without one. */
const char *pg_params_get(const struct pg_params *params, const char *name);

/* Replaces rejected values by stars in libpq's message, but for names of servers and files. */
void pg_params_hide(const struct pg_params *params, char *text);

/* Adds a parameter, unless it is there already or the value is empty or NULL. */
void pg_params_put(struct pg_params *params, const char *name, const char *value);

/* Adds or replaces a parameter. */
void pg_params_set(struct pg_params *params, const char *name, const char *value);

/*
 * Checks the host, port, user and database that result from the DSN in params, settings and PG*
 * variables. USAGE when one is implausible; the message says where it is from.
 */
bool pg_params_check(const struct pg_params *params, const struct pg_settings *settings,
                     struct err *err);

/*
 * Adds what the DSN in params leaves open: the DB_* settings, then our defaults. A default that a
 * service file or a PG* variable may override is set as a PG* variable of this process. TLS is
 * verify-full, with the system's certificates, unless every host is a socket or loopback. The
 * session must be with the primary.
 */
void pg_params_complete(struct pg_params *params, const struct pg_settings *settings);

#endif
