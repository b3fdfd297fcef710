#include "job_service/admin/admin.h"

#include <stdio.h>
#include <string.h>

#include "common/postgres/pg_settings.h"
#include "common/postgres/pg_table.h"

enum { SHOWN_MAX = 64 << 20 };

bool admin_open(const char *dsn, struct pg **ret, struct err *err)
{
    struct pg_settings settings;
    char password[PASSWORD_MAX + 1];

    if (!pg_settings_require(&settings, dsn, password, err) || !pg_connect(ret, &settings, 0, err))
        return false;
    if (pg_run(*ret, "SET ROLE jobs_owner", err) &&
        pg_run(*ret, "SET search_path = jobs, pg_temp", err))
        return true;
    pg_close(*ret);
    return err_prefix(err, "run job_service --init-sql there first, and log in as who ran it");
}

bool admin_show(struct pg *pg, const char *sql, int count, const char *const *params,
                struct err *err)
{
    OWNED_BUF(out, SHOWN_MAX);
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg, sql, count, params, &rows, err))
        return false;
    pg_add_table(&out, rows, true);
    if (!buf_ok(&out, err))
        return false;
    (void)fwrite(out.data, 1, out.len, stdout);
    return true;
}

bool admin_change(struct pg *pg, const char *sql, int count, const char *const *params,
                  const char *missing, struct err *err)
{
    OWNED_ROWS rows = NULL;

    return pg_query(pg, sql, count, params, &rows, err) &&
           (pg_affected(rows) > 0 || err_set(err, STATUS_REFUSED, "%s", missing));
}

bool admin_check_owner(const char *name, struct err *err)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return (len > 0 && len <= ADMIN_OWNER_MAX && name[len] == '\0' && name[0] != '-' &&
            name[len - 1] != '-') ||
           err_set(err, STATUS_USAGE,
                   "'%.80s' is not an owner's name: lower-case letters, digits and dashes within, "
                   "at most %d",
                   name, ADMIN_OWNER_MAX);
}
