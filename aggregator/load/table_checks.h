/*
 * Asks the catalogs whether the server can load into a table and keep the rows, so that a load
 * which cannot work is refused before any input is read.
 */
#ifndef AGGREGATOR_LOAD_TABLE_CHECKS_H
#define AGGREGATOR_LOAD_TABLE_CHECKS_H

#include <stdbool.h>

#include "aggregator/load/sql_text.h"
#include "common/postgres/pg.h"

/*
 * REFUSED where the table, a leaf partition of it, or the ledger is UNLOGGED or temporary: it would
 * be emptied while the other stays, and a run would be lost or count twice. REFUSED too where the
 * ledger is no table. Once both are locked by a load, the answer stays until its end.
 */
bool table_check_kept(struct pg *pg, const struct sql_target *sql, struct err *err);

/*
 * REFUSED where the table, or a leaf partition of it, would not take INSERT ... ON CONFLICT DO
 * UPDATE, or not keep what it is given: rules, generated columns, published updates without a
 * replica identity; and whatever else the server refuses when it plans the load. Nothing is run,
 * and triggers are not looked at.
 */
bool table_check_takes(struct pg *pg, const struct sql_target *sql, struct err *err);

/*
 * Whether the table is as this program makes it: its columns and no others, text in "C" order and
 * whole numbers, and nothing on it that sees rows, such as triggers, checks or policies. There it
 * makes no difference whether a total is added by UPDATE or by INSERT ... ON CONFLICT DO UPDATE.
 */
bool table_is_plain(struct pg *pg, const struct sql_target *sql, bool *ret, struct err *err);

/* Whether another session is about to change rows of it, or has and is not done. */
bool table_is_written(struct pg *pg, const char *table, bool *ret, struct err *err);

#endif
