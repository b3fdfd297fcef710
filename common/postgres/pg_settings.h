/*
 * Which database the environment names: DB_URL, DB_PORT, DB_NAME, DB_USER, DB_PASSWORD or
 * DB_PASSWORD_FILE, beside libpq's own variables.
 */
#ifndef COMMON_POSTGRES_PG_SETTINGS_H
#define COMMON_POSTGRES_PG_SETTINGS_H

#include <stdbool.h>

#include "common/postgres/password_file.h"
#include "common/postgres/pg.h"

/* All but the password's file. dsn may be NULL, and is borrowed. USAGE for a port that is none. */
bool pg_settings_read(struct pg_settings *ret, const char *dsn, struct err *err);

/* What DB_PASSWORD_FILE names, into password, which is borrowed. See password_file.h. */
bool pg_settings_read_password(struct pg_settings *settings, char password[PASSWORD_MAX + 1],
                               struct err *err);

/* Whether they, or libpq's variables, name a database at all. */
bool pg_settings_name_one(const struct pg_settings *settings);

/*
 * All of it, checked, for a program that cannot do without a database. USAGE where none is named.
 */
bool pg_settings_require(struct pg_settings *ret, const char *dsn, char password[PASSWORD_MAX + 1],
                         struct err *err);

#endif
