/*
 * What a database failure means for the run: passing or for good, and how to mend it. Pure.
 * Source of the codes: PostgreSQL documentation, appendix A.
 */
#ifndef AGGREGATOR_PG_FAILURE_H
#define AGGREGATOR_PG_FAILURE_H

#include <stdbool.h>

#include "common/err.h"

/* TRANSIENT for what a retry may not meet again, else REFUSED. "" is a lost connection. */
enum status pg_failure_status(const char *sqlstate);

/* "; ..." to end a message with, or "". */
const char *pg_failure_hint(const char *sqlstate);

/*
 * Whether a failed connection stays failed: a login, a database name or TLS was refused by every
 * host that was tried. text is libpq's verbose message (untranslated), which has "connection to
 * server" for each host and, from those that answered, "SEVERITY:  SQLSTATE: text".
 */
bool pg_failure_is_login(const char *text);

#endif
