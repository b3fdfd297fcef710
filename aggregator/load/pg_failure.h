/*
 * What a database failure means for the run: passing or for good, and how to mend it. Pure.
 * Source of the codes: PostgreSQL documentation, appendix A.
 */
#ifndef AGGREGATOR_LOAD_PG_FAILURE_H
#define AGGREGATOR_LOAD_PG_FAILURE_H

#include "common/err.h"

/* TRANSIENT for what a retry may not meet again, else REFUSED. "" is a lost connection. */
enum status pg_failure_status(const char *sqlstate);

/* "; ..." to end a message with, or "". */
const char *pg_failure_hint(const char *sqlstate);

/*
 * What a failed connection means. text is libpq's verbose message (untranslated), which has
 * "connection to server ... failed: " for each host that was tried and, from those that answered,
 * "SEVERITY:  SQLSTATE: ...". libpq goes on to the next host unless there is no hope, so the last
 * one counts: REFUSED for a login, a right, a database name or TLS. USAGE for settings that libpq
 * does not take.
 */
enum status pg_failure_connection(const char *text);

/* Puts stars in a message where it quotes value, also where it is cut. */
void pg_failure_hide(char *text, const char *value);

/*
 * Why a connection string does not parse, in words that hold nothing of it. text is libpq's, which
 * quotes from it.
 */
const char *pg_failure_dsn(const char *text);

#endif
