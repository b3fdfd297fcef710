/*
 * The ledger is the table that records which runs were applied. It is created when it is missing
 * and updated when an older version of this program made it. sql_text.h has its statements.
 */
#ifndef AGGREGATOR_LOAD_LEDGER_H
#define AGGREGATOR_LOAD_LEDGER_H

#include <stdbool.h>

#include "aggregator/load/sql_text.h"
#include "common/postgres/pg.h"

/* The end of a message where --create auto would have helped. */
#define TO_THE_OWNER                                                                               \
    " and --create never is set; let the owner run what aggregator --init-sql prints"

/*
 * Makes sure that the ledger has this program's version. Needs an open transaction; sql->ledger is
 * the quoted name. REFUSED when it is missing or older and may_create is false or this user does
 * not own it, and when a newer program made it.
 */
bool ledger_ensure(struct pg *pg, const struct sql_target *sql, bool may_create, struct err *err);

/* Only looks. REFUSED when the ledger has another version; a missing ledger is not a failure. */
bool ledger_check(struct pg *pg, const struct sql_target *sql, bool *ret_found, struct err *err);

#endif
