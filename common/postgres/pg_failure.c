#include "common/postgres/pg_failure.h"

#include <stdio.h>
#include <string.h>

static bool state_is(const char *sqlstate, const char *prefix)
{
    return strncmp(sqlstate, prefix, strlen(prefix)) == 0;
}

enum status pg_failure_status(const char *sqlstate)
{
    /* Connection, rollback, resources, locks, administrator, system, standby, timeouts, internal.
     */
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
    if (state_is(sqlstate, "21000"))
        return "; two keys became one: a trigger changes them before they are stored";
    if (state_is(sqlstate, "53100"))
        return "; the server's disk is full";
    if (state_is(sqlstate, "55P03"))
        return "; another load holds it: wait longer with --lock-timeout, or try again";
    return "";
}

static bool begins_with(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strncmp(text, *words, strlen(*words)) == 0)
            return true;
    return false;
}

static bool mentions(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strstr(text, *words) != NULL)
            return true;
    return false;
}

enum status pg_failure_connection(const char *text)
{
    /* Login (poolers send no SQLSTATE), rights, options, database, TLS. */
    static const char *const hopeless[] = {":  28",
                                           "authentication failed",
                                           ":  42",
                                           ":  3D000",
                                           "certificate",
                                           "private key file",
                                           "server does not support SSL",
                                           NULL};
    static const char *const settings[] = {"invalid ",
                                           "sslmode ",
                                           "gssencmode ",
                                           "definition of service ",
                                           "service file ",
                                           "could not match ",
                                           "local user with ID ",
                                           "could not parse network address ",
                                           NULL};
    const char *last = NULL;

    for (const char *at = text; (at = strstr(at, "connection to server ")) != NULL; at++)
        last = at;
    if (last == NULL)
        return begins_with(text, settings) ? STATUS_USAGE : STATUS_TRANSIENT;
    last = strstr(last, " failed: "); /* past the host's name */
    return last != NULL && mentions(last, hopeless) ? STATUS_REFUSED : STATUS_TRANSIENT;
}

void pg_failure_hide(char *text, const char *value)
{
    char quoted[64];

    (void)snprintf(quoted, sizeof quoted, "\"%s", value);
    err_make_printable(quoted); /* the message was made printable, too */
    if (quoted[1] == '\0')
        return;
    for (char *at = text; (at = strstr(at, quoted)) != NULL;) {
        at++;
        for (size_t left = strlen(value); left > 0 && *at != '\0'; left--)
            *at++ = '*';
    }
}

const char *pg_failure_dsn(const char *text)
{
    static const struct {
        const char *begin, *words;
    } known[] = {
        {"invalid percent-encoded token", "a % that two hexadecimal digits do not follow; write % "
                                          "itself as %25"},
        {"forbidden value %00", "%00, which no value may hold"},
        {"invalid connection option", "it names an option that libpq does not know"},
        {"invalid URI query parameter", "it names an option that libpq does not know"},
        {"missing \"=\" after", "a name without = and a value; a URI begins with postgresql://"},
        {"unterminated quoted string", "a quotation mark is not closed"},
        {"extra key/value separator", "two = in one option"},
        {"missing key/value separator", "an option without ="},
        {"end of string reached when looking for matching \"]\"", "a [ is not closed"},
        {"IPv6 host address may not be empty", "an empty IPv6 address"},
        {"unexpected character", "something other than : or / after an IPv6 address"},
        {"unexpected spaces found", "a space; write it as %20"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strncmp(text, known[i].begin, strlen(known[i].begin)) == 0)
            return known[i].words;
    return "libpq cannot read it";
}
