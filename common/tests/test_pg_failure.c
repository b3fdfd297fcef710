#include "common/postgres/pg_failure.h"

#include <stdio.h>
#include <string.h>

#include "common/tests/unit.h"

static void sqlstates_tell_what_may_pass(void **state)
{
    static const struct {
        const char *sqlstate;
        enum status status;
    } cases[] = {
        {"", STATUS_TRANSIENT},      /* the connection broke without a word */
        {"08006", STATUS_TRANSIENT}, /* connection failure */
        {"25006", STATUS_TRANSIENT}, /* a standby: read only */
        {"25P03", STATUS_TRANSIENT}, /* idle in transaction for too long */
        {"25P04", STATUS_TRANSIENT}, /* transaction_timeout */
        {"40001", STATUS_TRANSIENT}, /* serialization failure */
        {"40P01", STATUS_TRANSIENT}, /* deadlock */
        {"53100", STATUS_TRANSIENT}, /* disk full */
        {"53200", STATUS_TRANSIENT}, /* out of memory */
        {"53300", STATUS_TRANSIENT}, /* too many connections */
        {"55P03", STATUS_TRANSIENT}, /* lock_timeout */
        {"57014", STATUS_TRANSIENT}, /* cancelled by an operator */
        {"57P01", STATUS_TRANSIENT}, /* shutting down */
        {"57P03", STATUS_TRANSIENT}, /* starting up */
        {"58030", STATUS_TRANSIENT}, /* I/O error */
        {"XX000", STATUS_TRANSIENT}, /* internal error */
        {"XX001", STATUS_TRANSIENT}, /* a damaged page: somebody may restore it */
        {"22003", STATUS_REFUSED},   /* out of range */
        {"22001", STATUS_REFUSED},   /* too long */
        {"23505", STATUS_REFUSED},   /* unique violation */
        {"25P02", STATUS_REFUSED},   /* the transaction is aborted: ours to avoid */
        {"28P01", STATUS_REFUSED},   /* password */
        {"3D000", STATUS_REFUSED},   /* no such database */
        {"42501", STATUS_REFUSED},   /* rights */
        {"55000", STATUS_REFUSED},   /* object not in the right state */
        {"P0001", STATUS_REFUSED},   /* raised by a trigger */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(pg_failure_status(cases[i].sqlstate) == cases[i].status, "'%s' ends in %d",
              cases[i].sqlstate, pg_failure_status(cases[i].sqlstate));
}

static void hints_say_the_way_out(void **state)
{
    static const struct {
        const char *sqlstate, *hint;
    } cases[] = {
        {"42501", "--init-sql"},
        {"22001", "widen"},
        {"22003", "widen"},
        {"53100", "disk"},
        {"21000", "a trigger changes them"},
        {"55P03", "--lock-timeout"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(strstr(pg_failure_hint(cases[i].sqlstate), cases[i].hint) != NULL, "%s: '%s'",
              cases[i].sqlstate, pg_failure_hint(cases[i].sqlstate));
    assert_string_equal(pg_failure_hint("40001"), "");
    assert_string_equal(pg_failure_hint(""), "");
}

#define AT(host) "connection to server at \"" host "\", port 5432 failed: "

static void connection_texts_tell_what_may_pass(void **state)
{
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {"", STATUS_TRANSIENT},
        {"could not translate host name \"db\" to address: Name or service not known",
         STATUS_TRANSIENT},
        {AT("db") "Connection refused\n\tIs the server running on that host?", STATUS_TRANSIENT},
        {AT("db") "server closed the connection unexpectedly", STATUS_TRANSIENT},
        {AT("db") "FATAL:  57P03: the database system is starting up", STATUS_TRANSIENT},
        {AT("db") "FATAL:  53300: sorry, too many clients already", STATUS_TRANSIENT},
        {AT("db") "FATAL:  28P01: password authentication failed for user \"me\"", STATUS_REFUSED},
        {AT("db") "FATAL:  28000: no pg_hba.conf entry for host \"10.0.0.1\"", STATUS_REFUSED},
        {AT("db") "FATAL:  3D000: database \"x\" does not exist", STATUS_REFUSED},
        {AT("db") "FATAL:  42501: permission denied for database \"x\"", STATUS_REFUSED},
        {AT("db") "FATAL:  password authentication failed", STATUS_REFUSED}, /* a pooler's */
        {AT("db") "server does not support SSL, but SSL was required", STATUS_REFUSED},
        {AT("db") "private key file \"/k\" has group or world access", STATUS_REFUSED},
        {AT("db") "SSL error: certificate verify failed", STATUS_REFUSED},
        {AT("db") "server certificate for \"a\" does not match host name \"db\"", STATUS_REFUSED},
        /* Several hosts: the last one tried decides. */
        {AT("a") "FATAL:  28P01: no\n" AT("b") "Connection refused", STATUS_TRANSIENT},
        {AT("a") "Connection refused\n" AT("b") "FATAL:  28P01: no", STATUS_REFUSED},
        /* A host's name alone is not a reason. */
        {AT("certificate") "Connection refused", STATUS_TRANSIENT},
        {"connection to server at \"x\" is cut short: certificate", STATUS_TRANSIENT},
        {"invalid port number: \"x\"", STATUS_USAGE},
        {"invalid sslmode value: \"x\"", STATUS_USAGE},
        {"sslmode value \"verify-full\" invalid when SSL support is not compiled in", STATUS_USAGE},
        {"gssencmode value \"require\" invalid when GSSAPI support is not compiled in",
         STATUS_USAGE},
        {"definition of service \"x\" not found", STATUS_USAGE},
        {"service file \"x\" not found", STATUS_USAGE},
        {"local user with ID 65532 does not exist", STATUS_USAGE},
        {"could not parse network address \"a:1\": Name or service not known", STATUS_USAGE},
        {"could not match 2 port numbers to 3 hosts", STATUS_USAGE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(pg_failure_connection(cases[i].text) == cases[i].status, "'%s' ends in %d",
              cases[i].text, pg_failure_connection(cases[i].text));
}

static void dsns_that_do_not_parse_are_told_without_their_text(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"invalid percent-encoded token: \"secret%zz\"", "%25"},
        {"forbidden value %00 in percent-encoded value: \"secret%00\"", "%00"},
        {"invalid connection option \"secret\"", "an option that libpq does not know"},
        {"invalid URI query parameter: \"secret\"", "an option that libpq does not know"},
        {"missing \"=\" after \"secret\" in connection info string", "postgresql://"},
        {"unterminated quoted string in connection info string", "quotation mark"},
        {"extra key/value separator \"=\" in URI query parameter: \"secret\"", "two ="},
        {"missing key/value separator \"=\" in URI query parameter: \"secret\"", "without ="},
        {"end of string reached when looking for matching \"]\" in IPv6 host address in URI: "
         "\"secret\"",
         "a [ is not closed"},
        {"unexpected character \"s\" at position 9 in URI (expected \":\" or \"/\"): \"secret\"",
         "after an IPv6 address"},
        {"a message of some later libpq: \"secret\"", "libpq cannot read it"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *words = pg_failure_dsn(cases[i].text);
        CHECK(strstr(words, cases[i].words) != NULL, "%s", words);
        CHECK(strstr(words, "secret") == NULL, "%s", words);
    }
}

static void what_a_message_quotes_can_be_hidden(void **state)
{
    static const struct {
        const char *text, *value, *hidden;
    } cases[] = {
        {"invalid x value: \"secret\"", "secret", "invalid x value: \"******\""},
        {"invalid x value: \"e\"", "e", "invalid x value: \"*\""},
        {"invalid x value: \"a b\"", "a\tb", "invalid x value: \"***\""},
        {"invalid x value: \"secret", "secret and more", "invalid x value: \"secret"},
        {"no secret unquoted", "secret", "no secret unquoted"},
        {"nothing \"\"", "", "nothing \"\""},
    };
    char longer[200], text[120];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(text, sizeof text, "%s", cases[i].text);
        pg_failure_hide(text, cases[i].value);
        assert_string_equal(text, cases[i].hidden);
    }
    /* A message that was cut in the middle of it. */
    memset(longer, 's', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    (void)snprintf(text, sizeof text, "invalid x value: \"%.90s", longer);
    pg_failure_hide(text, longer);
    assert_null(strchr(text, 's'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstates_tell_what_may_pass),
        cmocka_unit_test(hints_say_the_way_out),
        cmocka_unit_test(connection_texts_tell_what_may_pass),
        cmocka_unit_test(dsns_that_do_not_parse_are_told_without_their_text),
        cmocka_unit_test(what_a_message_quotes_can_be_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
