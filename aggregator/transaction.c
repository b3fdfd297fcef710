#include "aggregator/transaction.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * A client that vanishes must not hold the claim for hours, a statement must not be ended by a
 * limit meant for others, and a target must not change its name with a way of quoting. SET LOCAL,
 * because a pooler gives the session to others afterwards.
 */
bool transaction_begin(struct pg *pg, uint64_t lock_timeout_ms, struct err *err)
{
    char sql[1024];
    int version = pg_version(pg);

    const char *since_14 =
        ", pg_catalog.set_config('client_connection_check_interval', '1s', true)";
    const char *since_17 = ", pg_catalog.set_config('transaction_timeout', '0', true)";

    (void)snprintf(sql, sizeof sql,
                   "SELECT pg_catalog.set_config('lock_timeout', '%" PRIu64 "ms', true), "
                   "pg_catalog.set_config('statement_timeout', '0', true), "
                   "pg_catalog.set_config('idle_in_transaction_session_timeout', '60s', true), "
                   "pg_catalog.set_config('quote_all_identifiers', 'off', true), "
                   "pg_catalog.set_config('tcp_keepalives_idle', '30', true), "
                   "pg_catalog.set_config('tcp_keepalives_interval', '10', true), "
                   "pg_catalog.set_config('tcp_keepalives_count', '3', true)%s%s",
                   lock_timeout_ms, version >= 140000 ? since_14 : "",
                   version >= 170000 ? since_17 : "");
    return pg_run(pg, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", err) &&
           pg_run(pg, sql, err);
}
