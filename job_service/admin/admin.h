/* The operator's session with the jobs' schema: what `owner` and `token` share. */
#ifndef JOB_SERVICE_ADMIN_ADMIN_H
#define JOB_SERVICE_ADMIN_ADMIN_H

#include <stdbool.h>

#include "common/postgres/pg.h"

enum { ADMIN_OWNER_MAX = 63 };

/* As jobs_owner, which the operator's role must be a member of. dsn may be NULL. */
bool admin_open(const char *dsn, struct pg **ret, struct err *err);

/* One statement; its rows as a table on stdout. */
bool admin_show(struct pg *pg, const char *sql, int count, const char *const *params,
                struct err *err);

/* One statement that must touch a row. REFUSED with `missing` where it touches none. */
bool admin_change(struct pg *pg, const char *sql, int count, const char *const *params,
                  const char *missing, struct err *err);

/* USAGE where name is not one: lower-case letters, digits and dashes, at most 63. */
bool admin_check_owner(const char *name, struct err *err);

#endif
