#include "common/postgres/setting_text.h"

#include <string.h>

#include "common/tests/unit.h"

typedef bool check(const char *name, const char *text, struct err *err);

static bool check_hosts(const char *name, const char *hosts, struct err *err)
{
    return setting_check_hosts(name, hosts, "DB_PORT", err);
}

/* says NULL: the text is taken; else what the message says, which never holds the text. */
static void judge(check *judged, const char *text, const char *says)
{
    struct err err = {0};
    bool taken = judged("NAME", text, &err);

    CHECK(taken == (says == NULL), "'%s': %s", text, err.text);
    if (taken)
        return;
    CHECK(err.status == STATUS_USAGE && strncmp(err.text, "NAME", 4) == 0, "%s", err.text);
    CHECK(strstr(err.text, says) != NULL, "'%s': %s", text, err.text);
    CHECK(strstr(err.text, "secret") == NULL, "'%s': %s", text, err.text);
}

struct judged_text {
    const char *text, *says;
};

static void texts_have_no_control_characters(void **state)
{
    static const struct judged_text cases[] = {
        {"", NULL},
        {"plain", NULL},
        {" inner and outer ", NULL},
        {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", NULL},
        {"secret\n", "line end"},
        {"secret\r", "line end"},
        {"a\nsecret", "line end"},
        {"secret\t", "control character"},
        {"\x01secret", "control character"},
        {"secret\x7f", "control character"},
        {"secret\xc2\x85", "control character"},
        {"\xff", "not UTF-8"},
        {"\xed\xa0\x80", "not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(setting_check_text, cases[i].text, cases[i].says);
}

static void ends_are_no_blanks(void **state)
{
    static const struct judged_text cases[] = {
        {"", NULL}, {"a b", NULL}, {" secret", "blank"}, {"secret ", "blank"}, {" ", "blank"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(setting_check_ends, cases[i].text, cases[i].says);
}

static void expressions_of_argo_are_told_from_braces(void **state)
{
    static const struct judged_text cases[] = {
        {"{{workflow.uid}}", "Argo"},
        {"run-{{ inputs.parameters.day }}", "Argo"},
        {"{{item}}", "Argo"},
        {"{{=sprig.trim(workflow.name)}}-x", "Argo"},
        {"{{workflow.labels.workflows.argoproj.io/cron-workflow}}", "Argo"},
        {"{{}} {{workflow.name}}", "Argo"},
        {"{{}}", NULL},
        {"{{1}}", NULL},
        {"{workflow.name}", NULL},
        {"{{workflow.name", NULL},
        {"{{workflow.name}", NULL},
        {"}}a{{", NULL},
        {"{\"a\":{\"b\":1}}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(setting_check_filled, cases[i].text, cases[i].says);
}

static void hosts_are_as_libpq_takes_them(void **state)
{
    static const struct judged_text cases[] = {
        {"", NULL},
        {"db", NULL},
        {"db.example.org.", NULL},
        {"10.0.0.1", NULL},
        {"::1", NULL},
        {"::", NULL},
        {"2001:db8::5432", NULL},
        {"2001:db8::1:5432", NULL},
        {"::ffff:10.0.0.1", NULL},
        {"fe80::1%eth0", NULL},
        {"/run/postgresql", NULL},
        {"/run/a:5432", NULL},
        {"@abstract:5432", NULL},
        {"a,b,,::1,/run/x", NULL},
        {"db:", NULL},
        {"db:5432", "the port in DB_PORT"},
        {"10.0.0.1:5432", "the port in DB_PORT"},
        {"a:1", "the port in DB_PORT"},
        {"a,db:5432", "the port in DB_PORT"},
        {"a:1,b", "the port in DB_PORT"},
        {"[::1]", "without them"},
        {"[::1]:5432", "without them"},
        {"a,[::1]", "without them"},
        {"postgresql://db/x", "not a URI; pass a URI as --dsn"},
        {"postgresql://me:secret@db/x", "not a URI"},
        {"me:secret@db", "'@' in it"},
        {"me:1@db:5432", "'@' in it"},
        {"db\n", "printf"},
        {"db\r\n", "printf"},
        {"/run/x\n", "printf"},
        {"d\tb", "control character"},
        {" db", "blank"},
        {"db ", "blank"},
        {"a, b", "blank"},
        {"/run/x ", "blank"},
        {"{{inputs.parameters.host}}", "Argo"},
        {"a,{{=host}}", "Argo"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(check_hosts, cases[i].text, cases[i].says);
}

static void ports_are_numbers(void **state)
{
    static const struct judged_text cases[] = {
        {"", NULL},
        {"1", NULL},
        {"65535", NULL},
        {"5432,,5433", NULL},
        {"0", "1 to 65535"},
        {"65536", "1 to 65535"},
        {"x", "1 to 65535"},
        {"54 ", "blank around"},
        {"5432,secret", "1 to 65535"},
        {"-1", "1 to 65535"},
        {"5432\n", "1 to"},
        {"99999999999999999999", "1 to 65535"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(setting_check_ports, cases[i].text, cases[i].says);
}

static void databases_are_names(void **state)
{
    static const struct judged_text cases[] = {
        {"events", NULL},
        {"two words, a@b and a=b", NULL},
        {"postgresql://me:secret@db/x", "not a URI"},
        {"events\n", "line end"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        judge(setting_check_database, cases[i].text, cases[i].says);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_have_no_control_characters),
        cmocka_unit_test(ends_are_no_blanks),
        cmocka_unit_test(expressions_of_argo_are_told_from_braces),
        cmocka_unit_test(hosts_are_as_libpq_takes_them),
        cmocka_unit_test(ports_are_numbers),
        cmocka_unit_test(databases_are_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
