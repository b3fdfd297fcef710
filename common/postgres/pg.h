/*
 * A session with a PostgreSQL server: statements, rows, COPY.
 *
 * libpq is driven without blocking, and every wait ends when the run is stopped. A failure gets its
 * status from its SQLSTATE: TRANSIENT if a retry may succeed, else REFUSED.
 */
#ifndef COMMON_POSTGRES_PG_H
#define COMMON_POSTGRES_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/postgres/pg_connection.h"

struct pg;

/* As pg_connection() does. Release *ret with pg_close(). */
bool pg_connect(struct pg **ret, const struct pg_settings *settings, uint64_t wait_ms,
                struct err *err);
void pg_close(struct pg *pg); /* accepts NULL; an open transaction rolls back */

int pg_version(const struct pg *pg);          /* 150018 for 15.18 */
const char *pg_sqlstate(const struct pg *pg); /* of the last failure; "" without one */
bool pg_is_alive(const struct pg *pg);        /* false once the connection is lost */
/* Between statements: nothing came from the server, such as the news that it ends. */
bool pg_is_quiet(const struct pg *pg);

struct pg_rows;

/* One statement with text parameters (NULL: null). ret may be NULL; else free what it returns. */
bool pg_query(struct pg *pg, const char *sql, int count, const char *const *params,
              struct pg_rows **ret, struct err *err);
#define pg_run(pg, sql, err) pg_query((pg), (sql), 0, NULL, NULL, (err))

enum { PG_PREPARED_MAX = 8 };
/*
 * The same for a statement that a session runs again and again: the server parses and plans it
 * once. sql is a literal, one of at most PG_PREPARED_MAX: it is told by its address.
 */
bool pg_query_prepared(struct pg *pg, const char *sql, int count, const char *const *params,
                       struct pg_rows **ret, struct err *err);

int pg_row_count(const struct pg_rows *rows);
int pg_column_count(const struct pg_rows *rows);
const char *pg_column_name(const struct pg_rows *rows, int column);
const char *pg_value(const struct pg_rows *rows, int row, int column); /* "" for null or absent */
const char *pg_tag(const struct pg_rows *rows);                        /* "INSERT 0 1", "COMMIT" */
uint64_t pg_affected(const struct pg_rows *rows);
void pg_rows_free(struct pg_rows *rows); /* accepts NULL */
void pg_rows_release(struct pg_rows **rows);

/* Rows that end with their scope. */
#define OWNED_ROWS __attribute__((cleanup(pg_rows_release))) struct pg_rows *

/* COPY … FROM STDIN: begin, any number of puts, end. A failed put must be followed by pg_close. */
bool pg_copy_begin(struct pg *pg, const char *sql, struct err *err);
bool pg_copy_put(struct pg *pg, const void *bytes, size_t len, struct err *err);
bool pg_copy_end(struct pg *pg, uint64_t *ret_rows, struct err *err);

#endif
