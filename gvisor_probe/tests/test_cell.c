#include "gvisor_probe/report/cell.h"

#include "gvisor_probe/tests/recording.h"

/* What parsing and reading a report says; "" when it is accepted. */
static const char *rejection(const char *bytes, size_t len, struct err *err)
{
    unsigned char *exact = exact_copy(bytes, len);
    static struct cell cell;
    cJSON *report = report_parse("r.json", (const char *)exact, len, err);

    free(exact);
    if (report != NULL && report_is_costs(report)) {
        memset(&cell, 0, sizeof cell);
        (void)cell_add_costs(&cell, "r.json", report, err);
        cell_release(&cell);
    } else if (report != NULL) {
        (void)cell_read(&cell, "r.json", report, err);
        cell_release(&cell);
    }
    return err->text;
}

static void what_is_no_report_is_rejected_with_its_place(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "r.json:1:1: "},
        {"{\n  \"program\": \"gvisor_probe\",\n}", "r.json:3:1: "},
        {"{} {}", "r.json:1:4: bytes after the end"},
        {"{}", "r.json: program is missing"},
        {"{\"program\":\"\\ud800\"}", "half a surrogate pair"},
        {"null", "r.json: program is not a string"},
        {"[1]", "r.json: program is missing"},
        {"{\"program\":1}", "r.json: program is not a string"},
        {"{\"program\":\"other\",\"schema_version\":1,\"kind\":\"run\"}", "program is not"},
        {"{\"program\":\"gvisor_probe\",\"schema_version\":2,\"kind\":\"run\"}",
         "schema_version is not one that this program reads"},
        {"{\"program\":\"gvisor_probe\",\"schema_version\":1e999,\"kind\":\"run\"}",
         "out of range"},
        {"{\"program\":\"gvisor_probe\",\"schema_version\":1,\"kind\":\"witness\"}",
         "kind is neither run nor costs"},
        {"{\"program\":\"gvisor_probe\",\"schema_version\":1,\"kind\":\"run\"}", "is missing"},
        {"{\"program\":\"gvisor_probe\",\"schema_version\":1,\"kind\":\"costs\"}",
         "costs.benchmarks is missing"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        const char *said = rejection(cases[i].text, strlen(cases[i].text), &err);
        CHECK(strstr(said, cases[i].says) != NULL, "%s: '%s'", cases[i].text, said);
        CHECK(err.status == STATUS_INPUT, "%s", cases[i].text);
    }
}

static void nesting_without_end_is_rejected(void **state)
{
    enum { DEPTH = 100000 };
    char *text = malloc(DEPTH);
    struct err err = {0};

    (void)state;
    assert_non_null(text);
    memset(text, '[', DEPTH);
    assert_non_null(strstr(rejection(text, DEPTH, &err), "r.json:1:65: "));
    free(text);
}

static void members_of_the_wrong_kind_are_named(void **state)
{
    static const struct {
        const char *path, *json, *says;
    } cases[] = {
        {"cell.name", "\"a b\"", "cell.name is not a plain name"},
        {"cell.name", "\"\\u001b[2J\"", "cell.name is not a plain name"},
        {"cell.name", "\"\"", "cell.name is not a plain name"},
        {"run_id", "\"../../etc\"", "run_id is not a plain name"},
        {"cell", "null", "cell.name is not a string"},
        {"observed", "[]", "is missing"},
        {"observed.euid", "-1", "observed.euid is out of range"},
        {"observed.euid", "4294967296", "observed.euid is out of range"},
        {"observed.euid", "\"0\"", "observed.euid is not a number"},
        {"observed.groups", "{}", "observed.groups is not an array"},
        {"observed.groups", "[\"a\"]", "is not a number"},
        {"observed.capabilities.effective", "\"xyz\"", "is not a set of capabilities"},
        {"observed.capabilities.effective", "\"00000000000000000\"",
         "is not a set of capabilities"},
        {"observed.seccomp", "7", "observed.seccomp is out of range"},
        {"observed.path.directories", "[{\"name\":\"open\"}]",
         "observed.path.directories: r.json: mode is missing"},
        {"observed.path.directories",
         "[{\"name\":\"open\",\"mode\":\"01888\",\"uid\":0,\"gid\":0}]", "mode is not a mode"},
        {"probes", "[{}]", "probes[0]: "},
        {"probes", "[1]", "probes[0]: "},
        {"probes", "null", "probes is not an array"},
        {"writes", "[{\"probe\":\"a\"}]", "writes[0]: "},
        {"detection.conclusion", "\"perhaps\"", "detection.conclusion is unknown"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *report = recorded("runc");
        struct err err = {0};
        change(report, cases[i].path, cases[i].json);
        char *text = cJSON_Print(report);
        const char *said = rejection(text, strlen(text), &err);
        CHECK(strstr(said, cases[i].says) != NULL, "%s = %s: '%s'", cases[i].path, cases[i].json,
              said);
        CHECK(err.status == STATUS_INPUT, "%s", cases[i].path);
        cJSON_free(text);
        cJSON_Delete(report);
    }
}

static void more_than_there_is_room_for_is_rejected(void **state)
{
    static const struct {
        const char *path, *element;
        int count;
    } cases[] = {
        {"probes",
         "{\"id\":\"a\",\"group\":\"identity\",\"result\":\"allowed\",\"cause\":\"none\","
         "\"errno\":null,\"value\":null}",
         CELL_PROBES_MAX + 1},
        {"writes",
         "{\"probe\":\"a\",\"path\":\"open/x\",\"kind\":\"file\",\"made\":true,\"kept\":true,"
         "\"content\":null}",
         CELL_WRITES_MAX + 1},
        {"observed.groups", "1", CELL_GROUPS_MAX + 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        cJSON *report = recorded("runc"), *array = cJSON_CreateArray();
        struct err err = {0};
        for (int n = 0; n < cases[i].count; n++)
            (void)cJSON_AddItemToArray(array, cJSON_Parse(cases[i].element));
        char *json = cJSON_PrintUnformatted(array);
        change(report, cases[i].path, json);
        char *text = cJSON_PrintUnformatted(report);
        CHECK(strstr(rejection(text, strlen(text), &err), "too many elements") != NULL, "%s: %s",
              cases[i].path, err.text);
        cJSON_free(json);
        cJSON_free(text);
        cJSON_Delete(array);
        cJSON_Delete(report);
    }
}

/* Cut anywhere, or with any byte changed: an error or a report, never a crash. */
static void damaged_reports_do_not_crash(void **state)
{
    cJSON *report = recorded("gvisor");
    char *text = cJSON_PrintUnformatted(report);
    size_t len = strlen(text);
    uint64_t seed = 20251121;

    (void)state;
    for (int i = 0; i < 1500; i++) {
        struct err err = {0};
        char *damaged = strdup(text);
        assert_non_null(damaged);
        size_t cut = i % 3 == 0 ? chance_below(&seed, len) : len;
        for (int n = 0; i % 3 != 0 && n < 1 + i % 5; n++)
            damaged[chance_below(&seed, len)] = "{}[]\",:0n\\-e"[chance_below(&seed, 12)];
        (void)rejection(damaged, cut, &err);
        assert_true(err.status == STATUS_DONE || err.status == STATUS_INPUT);
        free(damaged);
    }
    cJSON_free(text);
    cJSON_Delete(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_report_is_rejected_with_its_place),
        cmocka_unit_test(nesting_without_end_is_rejected),
        cmocka_unit_test(members_of_the_wrong_kind_are_named),
        cmocka_unit_test(more_than_there_is_room_for_is_rejected),
        cmocka_unit_test(damaged_reports_do_not_crash),
    };
    return cmocka_run_group_tests_name("cell", tests, NULL, NULL);
}
