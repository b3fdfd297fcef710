/*
 * Which server, as whom, and how far to trust it: the parameters of a connection.
 * Knows the environment, but not libpq.
 */
#ifndef AGGREGATOR_LOAD_PG_PARAMS_H
#define AGGREGATOR_LOAD_PG_PARAMS_H

#include <stddef.h>

#include "aggregator/load/pg_connection.h"

enum { PG_PARAMS_MAX = 64 };

/* As libpq wants them: two arrays that end in NULL; the texts are borrowed. */
struct pg_params {
    const char *name[PG_PARAMS_MAX + 1], *value[PG_PARAMS_MAX + 1];
    size_t count;
};

/* NULL without one. */
const char *pg_params_get(const struct pg_params *params, const char *name);

/* Puts stars where a message quotes what libpq did not take, unless it names a server or a file. */
void pg_params_hide(const struct pg_params *params, char *text);

/* The first value given for a name stays; empty and NULL values are no values. */
void pg_params_put(struct pg_params *params, const char *name, const char *value);

/* Takes the place of what was given before. */
void pg_params_set(struct pg_params *params, const char *name, const char *value);

/*
 * Whether what is in force after the DSN in params, settings and PG* variables can be meant: hosts,
 * ports, user, database. USAGE, naming where it is from.
 */
bool pg_params_check(const struct pg_params *params, const struct pg_settings *settings,
                     struct err *err);

/*
 * After what the DSN says: DB_* settings, then ours. Defaults that the service file or PG*
 * variables may override are set as PG* variables of this process: TLS is verify-full, against the
 * system's certificates, unless every host is a socket or loopback; the primary is asked for.
 */
void pg_params_complete(struct pg_params *params, const struct pg_settings *settings);

#endif
