#include "aggregator/load/transaction.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * Settings of the transaction. The server must notice a client that vanished, or its claim would
 * block others for hours. Limits meant for other users must not end a load. How names are quoted
 * must not change what a target is called. Some platforms and forks lack one of these: then the
 * load goes on without it. All are local to the transaction, because a pooler reuses the session.
 */
static const struct {
    int since; /* the first server version that has it */
    const char *name, *value;
} wishes[] = {
    {0, "statement_timeout", "0"},
    {0, "idle_in_transaction_session_timeout", "60s"},
    {0, "quote_all_identifiers", "off"},
    {0, "tcp_keepalives_idle", "30"},
    {0, "tcp_keepalives_interval", "10"},
    {0, "tcp_keepalives_count", "3"},
    {140000, "client_connection_check_interval", "1s"},
    {170000, "transaction_timeout", "0"},
};
enum { WISH_COUNT = sizeof wishes / sizeof *wishes };

/* *ret_refused: the server refused, and the transaction is as it was before. */
static bool wish(struct pg *pg, size_t from, size_t to, bool *ret_refused, struct err *err)
{
    char sql[1024] = "SELECT true";

    for (size_t i = from; i < to; i++) {
        size_t len = strlen(sql);
        if (pg_version(pg) >= wishes[i].since)
            (void)snprintf(sql + len, sizeof sql - len, ", pg_catalog.set_config('%s', '%s', true)",
                           wishes[i].name, wishes[i].value);
    }
    *ret_refused = false;
    if (!pg_run(pg, "SAVEPOINT aggregator_settings", err))
        return false;
    if (pg_run(pg, sql, err))
        return pg_run(pg, "RELEASE aggregator_settings", err);
    *ret_refused = pg_sqlstate(pg)[0] != '\0' && pg_is_alive(pg);
    return *ret_refused && pg_run(pg, "ROLLBACK TO aggregator_settings", err);
}

static bool set_wishes(struct pg *pg, struct err *err)
{
    bool refused, one_refused;

    if (!wish(pg, 0, WISH_COUNT, &refused, err))
        return false;
    for (size_t i = 0; refused && i < WISH_COUNT; i++)
        if (!wish(pg, i, i + 1, &one_refused, err))
            return false;
    return true;
}

bool transaction_begin(struct pg *pg, uint64_t lock_timeout_ms, struct err *err)
{
    char sql[128];

    (void)snprintf(sql, sizeof sql,
                   "SELECT pg_catalog.set_config('lock_timeout', '%" PRIu64 "ms', true)",
                   lock_timeout_ms);
    return pg_run(pg, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", err) &&
           pg_run(pg, sql, err) && set_wishes(pg, err);
}
