/*
 * The table that says which runs were applied: made when it is missing, brought to this program's
 * version when it is older. Its statements are sql_text.h's.
 */
#ifndef AGGREGATOR_LOAD_LEDGER_H
#define AGGREGATOR_LOAD_LEDGER_H

#include <stdbool.h>

#include "aggregator/load/load_pg.h"
#include "aggregator/load/sql_text.h"

/* Ends the refusals that --create auto would have spared the user. */
#define TO_THE_OWNER                                                                               \
    " and --create never is set; let the owner run what aggregator --init-sql prints"

/*
 * In an open transaction; sql->ledger is its quoted name. REFUSED where there is none, or an older
 * one, and may_create is false or this user does not own it; and where a newer program made it.
 */
bool ledger_ensure(struct pg *pg, const struct sql_target *sql, bool may_create, struct err *err);

/* Changes nothing. REFUSED unless the ledger is of this version; none at all is no failure. */
bool ledger_check(struct pg *pg, const struct sql_target *sql, bool *ret_found, struct err *err);

#endif
