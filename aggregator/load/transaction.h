/* The transactions of a load: the same isolation and limits whatever the server's defaults. */
#ifndef AGGREGATOR_LOAD_TRANSACTION_H
#define AGGREGATOR_LOAD_TRANSACTION_H

#include "common/postgres/pg.h"

/* READ COMMITTED, READ WRITE; waits for a lock at most lock_timeout_ms. */
bool transaction_begin(struct pg *pg, uint64_t lock_timeout_ms, struct err *err);

#endif
