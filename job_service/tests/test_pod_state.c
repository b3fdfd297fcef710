#include "job_service/logs/pod_state.h"

#include "common/tests/unit.h"

#define SPEC                                                                                       \
    "\"spec\":{\"initContainers\":[{\"name\":\"first\"}],\"containers\":[{\"name\":\"main\"}]}"
#define POD(meta, status)                                                                          \
    "{\"kind\":\"Pod\",\"metadata\":{\"uid\":\"u1\"" meta "}," SPEC ",\"status\":{" status "}}"
#define MAIN(state)      "\"containerStatuses\":[{\"name\":\"main\",\"state\":{" state "}}]"
#define ENDED_AT(time)   "\"terminated\":{\"finishedAt\":\"" time "\"}"
#define DELETED_AT(time) ",\"deletionGracePeriodSeconds\":30,\"deletionTimestamp\":\"" time "\""

static bool read(const char *json, const char *container, struct pod_state *ret)
{
    return pod_state_read(json, strlen(json), "u1", container, ret);
}

static void states_of_a_container(void **state)
{
    static const struct {
        const char *json;
        enum container_state expected;
    } cases[] = {
        {POD("", ""), CONTAINER_WAITS},
        {POD("", "\"phase\":\"Pending\"," MAIN("\"waiting\":{}")), CONTAINER_WAITS},
        {POD("", "\"phase\":\"Running\"," MAIN("\"running\":{}")), CONTAINER_RUNS},
        {POD("", "\"phase\":\"Running\"," MAIN("\"terminated\":{}")), CONTAINER_ENDED},
        {POD("", "\"phase\":\"Failed\"," MAIN("\"waiting\":{}")), CONTAINER_NEVER_RUNS},
        {POD("", "\"phase\":\"Failed\""), CONTAINER_NEVER_RUNS},
        {POD("", "\"phase\":\"Succeeded\"," MAIN("\"terminated\":{}")), CONTAINER_ENDED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pod_state pod;
        CHECK(read(cases[i].json, "main", &pod), "%s", cases[i].json);
        CHECK(pod.container == cases[i].expected, "%s", cases[i].json);
        CHECK(pod.is_it && pod.cut_off == NULL, "%s", cases[i].json);
    }
}

static void init_containers_have_states_too(void **state)
{
    struct pod_state pod;
    (void)state;
    assert_true(read(POD("", "\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"first\","
                             "\"state\":{\"terminated\":{}}}]"),
                     "first", &pod));
    assert_int_equal(pod.container, CONTAINER_ENDED);
}

static void why_output_may_be_cut_off(void **state)
{
    static const struct {
        const char *json, *expected;
    } cases[] = {
        {POD("", "\"reason\":\"Evicted\",\"phase\":\"Failed\""), "its pod was evicted"},
        {POD("", "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"},"
                 "{\"type\":\"DisruptionTarget\",\"status\":\"True\"}]"),
         "its pod was evicted or preempted"},
        {POD("", "\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"False\"}]"), NULL},
        {POD(DELETED_AT("2026-01-01T00:01:00Z"), MAIN("\"running\":{}")), "its pod was deleted"},
        /* Asked for 30 s before the timestamp. */
        {POD(DELETED_AT("2026-01-01T00:01:00Z"), MAIN(ENDED_AT("2026-01-01T00:00:31Z"))),
         "its pod was deleted"},
        {POD(DELETED_AT("2026-01-01T00:01:00Z"), MAIN(ENDED_AT("2026-01-01T00:00:30Z"))),
         "its pod was deleted"},
        {POD(DELETED_AT("2026-01-01T00:01:00Z"), MAIN(ENDED_AT("2026-01-01T00:00:29Z"))), NULL},
        {POD(DELETED_AT("soon"), MAIN(ENDED_AT("2026-01-01T00:00:29Z"))), "its pod was deleted"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pod_state pod;
        CHECK(read(cases[i].json, "main", &pod), "%s", cases[i].json);
        if (cases[i].expected == NULL)
            CHECK(pod.cut_off == NULL, "%s", cases[i].json);
        else
            CHECK(pod.cut_off != NULL && strcmp(pod.cut_off, cases[i].expected) == 0, "%s",
                  cases[i].json);
    }
}

static void another_pod_is_not_it(void **state)
{
    static const char json[] = POD("", "");
    struct pod_state pod;
    (void)state;
    assert_true(pod_state_read(json, strlen(json), "u2", "main", &pod));
    assert_false(pod.is_it);
}

static void what_is_no_pod_or_has_no_such_container_is_refused(void **state)
{
    static const char *const cases[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{\"kind\":\"Status\"}",
                                        "{\"kind\":\"Pod\"}",
                                        "{\"kind\":\"Pod\",\"spec\":{\"containers\":7}}",
                                        "{\"kind\":\"Pod\",\"spec\":{\"containers\":[7,null]}}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct pod_state pod;
        CHECK(!read(cases[i], "main", &pod), "%s", cases[i]);
    }
    struct pod_state pod;
    assert_false(read(POD("", ""), "other", &pod));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_of_a_container),
        cmocka_unit_test(init_containers_have_states_too),
        cmocka_unit_test(why_output_may_be_cut_off),
        cmocka_unit_test(another_pod_is_not_it),
        cmocka_unit_test(what_is_no_pod_or_has_no_such_container_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
