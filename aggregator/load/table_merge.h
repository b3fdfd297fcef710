/* Adds the staged totals to those of the table. */
#ifndef AGGREGATOR_LOAD_TABLE_MERGE_H
#define AGGREGATOR_LOAD_TABLE_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/load/sql_text.h"
#include "common/postgres/pg.h"

/*
 * Adds the `keys` totals that were staged, in the transaction that staged them. REFUSED when the
 * table takes fewer of them: a trigger has dropped rows, and the run would count as loaded.
 */
bool table_merge(struct pg *pg, const struct sql_target *sql, uint64_t keys, struct err *err);

#endif
