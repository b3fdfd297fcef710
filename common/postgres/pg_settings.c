#include "common/postgres/pg_settings.h"

#include <stdlib.h>

#include "common/num.h"

static const char *from_env(const char *name)
{
    const char *text = getenv(name);

    return text == NULL || text[0] == '\0' ? NULL : text;
}

bool pg_settings_name_one(const struct pg_settings *settings)
{
    static const char *const names[] = {"PGHOST", "PGHOSTADDR", "PGPORT",       "PGDATABASE",
                                        "PGUSER", "PGSERVICE",  "PGSERVICEFILE"};

    if (settings->dsn != NULL || settings->host != NULL || settings->name != NULL ||
        settings->user != NULL || settings->port != NULL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (from_env(names[i]) != NULL)
            return true;
    return false;
}

bool pg_settings_read(struct pg_settings *ret, const char *dsn, struct err *err)
{
    uint64_t port;

    *ret = (struct pg_settings){.dsn = dsn,
                                .user = from_env("DB_USER"),
                                .password = from_env("DB_PASSWORD"),
                                .host = from_env("DB_URL"),
                                .name = from_env("DB_NAME"),
                                .port = from_env("DB_PORT")};
    return ret->port == NULL || (num_u64(ret->port, &port) && port >= 1 && port <= 65535) ||
           err_set(err, STATUS_USAGE,
                   "DB_PORT is '%s', not a port from 1 to 65535; if Kubernetes set it for a "
                   "Service named db, set enableServiceLinks: false",
                   ret->port);
}

bool pg_settings_read_password(struct pg_settings *settings, char password[PASSWORD_MAX + 1],
                               struct err *err)
{
    const char *file = from_env("DB_PASSWORD_FILE");

    if (file == NULL)
        return true;
    if (settings->password != NULL)
        return err_set(err, STATUS_USAGE,
                       "DB_PASSWORD and DB_PASSWORD_FILE are both set: take one");
    settings->password = password;
    return password_file_read(file, password, err);
}

bool pg_settings_require(struct pg_settings *ret, const char *dsn, char password[PASSWORD_MAX + 1],
                         struct err *err)
{
    if (!pg_settings_read(ret, dsn, err))
        return false;
    if (!pg_settings_name_one(ret))
        return err_set(err, STATUS_USAGE,
                       "no database is named: set DB_URL, DB_NAME, DB_USER and DB_PASSWORD, or "
                       "--dsn");
    return pg_check_settings(ret, err) && pg_settings_read_password(ret, password, err);
}
