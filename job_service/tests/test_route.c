#include "job_service/route/route.h"

#include "common/tests/unit.h"

#define ID "0123abcd-4567-89ab-cdef-0123456789ab"

static void finds_what_is_asked_for(void **state)
{
    static const struct {
        const char *method, *path;
        enum route route;
        const char *id;
        uint64_t number;
    } cases[] = {
        {"GET", "/hello", ROUTE_HELLO, "", 0},
        {"HEAD", "/hello", ROUTE_HELLO, "", 0},
        {"POST", "/jobs", ROUTE_JOBS, "", 0},
        {"POST", "/job/build", ROUTE_BUILD, "", 0},
        {"PUT", "/job/build", ROUTE_BUILD, "", 0},
        {"GET", "/job/performance/1", ROUTE_PERFORMANCE, "", 1},
        {"GET", "/job/performance/9223372036854775807", ROUTE_PERFORMANCE, "", INT64_MAX},
        {"POST", "/v1/jobs", ROUTE_SUBMIT, "", 0},
        {"GET", "/v1/jobs", ROUTE_LIST, "", 0},
        {"GET", "/v1/jobs/" ID, ROUTE_LOOK, ID, 0},
        {"GET", "/v1/jobs/0123ABCD-4567-89AB-CDEF-0123456789AB", ROUTE_LOOK, ID, 0},
        {"DELETE", "/v1/jobs/" ID, ROUTE_CANCEL, ID, 0},
        {"DELETE", "/v1/jobs", ROUTE_CANCEL_QUEUED, "", 0},
        {"HEAD", "/v1/jobs/" ID "/logs", ROUTE_LOGS, ID, 0},
        {"GET", "/v1/whoami", ROUTE_WHOAMI, "", 0},
        {"GET", "/healthz", ROUTE_HEALTHZ, "", 0},
        {"GET", "/readyz", ROUTE_READYZ, "", 0},
        {"GET", "/openapi.json", ROUTE_OPENAPI, "", 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match match;
        CHECK(route_find(cases[i].method, cases[i].path, &match) == ROUTE_FOUND, "%s %s",
              cases[i].method, cases[i].path);
        CHECK(match.route == cases[i].route && match.number == cases[i].number &&
                  strcmp(match.id, cases[i].id) == 0,
              "%s: %d %s", cases[i].path, match.route, match.id);
    }
}

static void other_paths_are_unknown(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "hello",
        "/hello/",
        "/Hello",
        "/hellox",
        "//hello",
        "/job",
        "/job/performance/",
        "/job/performance/x",
        "/job/performance/-1",
        "/job/performance/+1",
        "/job/performance/1x",
        "/job/performance/9223372036854775808",
        "/job/performance/00000000000000000001",
        "/v1",
        "/v1/jobs/",
        "/v1/jobs/x",
        "/v1/jobs/0123abcd-4567-89ab-cdef-0123456789a",
        "/v1/jobs/" ID "0",
        "/v1/jobs/0123abcd-4567-89ab-cdef-0123456789ag",
        "/v1/jobs/0123abcd_4567-89ab-cdef-0123456789ab",
        "/v1/jobs/0123abcd04567089ab0cdef00123456789ab",
        "/v1/jobs/------------------------------------",
        "/v1/jobs/" ID "/",
        "/v1/jobs/" ID "/log",
        "/v1/jobs/" ID "/logs/",
        "/metrics",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct route_match match;
        unsigned char *exact = exact_copy(paths[i], strlen(paths[i]) + 1);
        CHECK(route_find("GET", (const char *)exact, &match) == ROUTE_UNKNOWN, "%s", paths[i]);
        free(exact);
    }
}

static void a_path_names_its_methods(void **state)
{
    static const struct {
        const char *method, *path, *allow;
    } cases[] = {
        {"POST", "/hello", "GET, HEAD"},
        {"get", "/hello", "GET, HEAD"},
        {"", "/hello", "GET, HEAD"},
        {"GET", "/jobs", "POST"},
        {"HEAD", "/jobs", "POST"},
        {"GET", "/job/build", "POST, PUT"},
        {"PUT", "/v1/jobs", "GET, HEAD, POST, DELETE"},
        {"POST", "/v1/jobs/" ID, "GET, HEAD, DELETE"},
        {"OPTIONS", "/v1/jobs/" ID "/logs", "GET, HEAD"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match match;
        CHECK(route_find(cases[i].method, cases[i].path, &match) == ROUTE_OTHER_METHOD, "%s %s",
              cases[i].method, cases[i].path);
        CHECK(strcmp(match.allow, cases[i].allow) == 0, "%s: %s", cases[i].path, match.allow);
    }
}

static void patterns_hold_no_value(void **state)
{
    (void)state;
    assert_string_equal(route_pattern(ROUTE_LOOK), "/v1/jobs/{id}");
    assert_string_equal(route_pattern(ROUTE_CANCEL), "/v1/jobs/{id}");
    assert_string_equal(route_pattern(ROUTE_PERFORMANCE), "/job/performance/{number}");
    assert_string_equal(route_pattern(ROUTE_NONE), "none");
    for (int route = 0; route < ROUTE_NONE; route++)
        assert_int_equal(route_pattern((enum route)route)[0], '/');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_what_is_asked_for),
        cmocka_unit_test(other_paths_are_unknown),
        cmocka_unit_test(a_path_names_its_methods),
        cmocka_unit_test(patterns_hold_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
