#include "aggregator/pg_failure.h"

#include <string.h>

enum { SQLSTATE_LEN = 5 };

static bool state_is(const char *sqlstate, const char *prefix)
{
    return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

enum status pg_failure_status(const char *sqlstate)
{
    /* Connection, rollback, resources, locks, operator, system, standby, timeouts, internal. */
    static const char *const passing[] = {"08", "40",    "53",    "55P03", "57",
                                          "58", "25006", "25P03", "25P04", "XX"};

    if (sqlstate[0] == '\0')
        return STATUS_TRANSIENT;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
        if (state_is(sqlstate, passing[i]))
            return STATUS_TRANSIENT;
    return STATUS_REFUSED;
}

const char *pg_failure_hint(const char *sqlstate)
{
    if (state_is(sqlstate, "42501"))
        return "; grant the rights that aggregator --init-sql lists";
    if (state_is(sqlstate, "22001") || state_is(sqlstate, "22003"))
        return "; widen the column";
    if (state_is(sqlstate, "53100"))
        return "; the server's disk is full";
    if (state_is(sqlstate, "55P03"))
        return "; another load holds it: wait longer with --lock-timeout, or try again";
    return "";
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        found++;
    return found;
}

bool pg_failure_is_login(const char *text)
{
    size_t hosts = count(text, "connection to server");
    size_t refused = count(text, "certificate") + count(text, "server does not support SSL");

    for (const char *at = text; (at = strstr(at, ":  ")) != NULL; at++) {
        const char *state = at + 3;
        if (strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == SQLSTATE_LEN &&
            state[SQLSTATE_LEN] == ':')
            refused += state_is(state, "28") || state_is(state, "3D000");
    }
    return refused > 0 && refused >= hosts;
}
