/*
 * What a database failure means for the run: whether to retry, and how to mend it. Pure.
 * Source of the codes: PostgreSQL documentation, appendix A.
 */
#ifndef COMMON_POSTGRES_PG_FAILURE_H
#define COMMON_POSTGRES_PG_FAILURE_H

#include "common/err.h"

/* TRANSIENT if a retry may succeed, else REFUSED. "" means that the connection was lost. */
enum status pg_failure_status(const char *sqlstate);

/* The end of a message, as in "; grant the right", or "". */
const char *pg_failure_hint(const char *sqlstate);

/*
 * What a failed connection means. text is libpq's verbose message (untranslated). For each host
 * that was tried it has "connection to server ... failed: " and, if the server answered, "SEVERITY:
 * SQLSTATE: ...". libpq tries the next host unless that is hopeless, so the last host counts.
 * REFUSED for a login, a right, a database name or TLS; USAGE for invalid settings.
 */
enum status pg_failure_connection(const char *text);

/* Replaces value by stars in a message, also a part of it at the message's end. */
void pg_failure_hide(char *text, const char *value);

/*
 * Why a connection string does not parse, without quoting it. text is libpq's message, which does
 * quote.
 */
const char *pg_failure_dsn(const char *text);

#endif
