#include "job_service/dispatch/cause.h"

#include "common/tests/unit.h"

static void every_cause_has_its_name(void **state)
{
    static const char *const names[CAUSES] = {
        "build", "scan",      "refused",    "image",     "oom",  "deadline", "disk",    "evicted",
        "exit",  "no-result", "bad-result", "log-limit", "lost", "engine",   "conflict"};
    (void)state;
    for (unsigned i = 0; i < CAUSES; i++)
        assert_string_equal(cause_name((enum cause)i), names[i]);
}

static void a_record_names_a_cause(void **state)
{
    (void)state;
    assert_int_equal(cause_of_record(RUN_EXIT), CAUSE_EXIT);
    assert_int_equal(cause_of_record(RUN_DEADLINE), CAUSE_DEADLINE);
    assert_int_equal(cause_of_record(RUN_NO_RESULT), CAUSE_NO_RESULT);
    assert_int_equal(cause_of_record(RUN_BAD_RESULT), CAUSE_BAD_RESULT);
    assert_int_equal(cause_of_record(RUN_LOG_LIMIT), CAUSE_LOG_LIMIT);
    assert_int_equal(cause_of_record(RUN_IMAGE), CAUSE_IMAGE);
}

static void a_pods_status_says_why(void **state)
{
    static const struct {
        struct pod pod;
        enum cause cause;
        const char *reason;
    } cases[] = {
        {{.step = "run", .oom = true, .broke = true, .status = 137}, CAUSE_OOM, "run: needed more"},
        {{.step = "run", .evicted = true, .message = "The node was low on resource: memory."},
         CAUSE_EVICTED,
         "run: its pod was evicted: The node was low"},
        {{.evicted = true,
          .message = "The node was low on resource: ephemeral-storage. x exceeds the limit"},
         CAUSE_EVICTED,
         "its pod was evicted"},
        {{.step = "run",
          .evicted = true,
          .message = "Usage of EmptyDir volume \"data\" exceeds the limit \"64Mi\"."},
         CAUSE_DISK,
         "run: wrote more than it may: Usage"},
        {{.evicted = true,
          .message = "Pod ephemeral local storage usage exceeds the total limit of containers 4Mi"},
         CAUSE_DISK,
         ""},
        {{.evicted = true,
          .message = "Container main exceeded its local ephemeral storage limit \"4Mi\"."},
         CAUSE_DISK,
         ""},
        {{.evicted = true, .oom = true}, CAUSE_EVICTED, ""},
        {{.step = "scan", .deadline = true, .broke = true, .status = 143},
         CAUSE_DEADLINE,
         "scan: took longer than it may"},
        {{.step = "run", .waits = "ErrImagePull", .message = "not found"},
         CAUSE_IMAGE,
         "run: ErrImagePull: not found"},
        {{.step = "run", .broke = true, .status = 128, .reason = "StartError"},
         CAUSE_IMAGE,
         "run: StartError"},
        {{.step = "build", .broke = true, .status = 1, .reason = "Error"},
         CAUSE_BUILD,
         "build: ended with status 1"},
        {{.step = "scan", .broke = true, .status = 10}, CAUSE_SCAN, "scan: ended with status 10"},
        {{.step = "build", .of_argo = true, .broke = true, .status = 1}, CAUSE_EXIT, "build: "},
        {{.step = "run", .broke = true, .status = 21}, CAUSE_EXIT, "run: ended with status 21"},
        {{.step = "run", .broke = true, .status = 22}, CAUSE_DEADLINE, "status 22"},
        {{.step = "run", .broke = true, .status = 23}, CAUSE_NO_RESULT, "status 23"},
        {{.step = "run", .broke = true, .status = 24}, CAUSE_BAD_RESULT, "status 24"},
        {{.step = "run", .broke = true, .status = 25}, CAUSE_LOG_LIMIT, "status 25"},
        {{.step = "run", .broke = true, .status = 26}, CAUSE_IMAGE, "status 26"},
        {{.step = "run", .broke = true, .status = 27}, CAUSE_EXIT, "status 27"},
        {{.step = "a", .of_argo = true, .broke = true, .status = 22}, CAUSE_EXIT, "status 22"},
        {{.step = "run", .broke = true, .status = 137, .reason = "Error"}, CAUSE_OOM, "was killed"},
        {{.step = "run", .broke = true, .status = 137, .leaving = true}, CAUSE_EXIT, "status 137"},
        {{.step = "a", .of_argo = true, .broke = true, .status = 137}, CAUSE_EXIT, "status 137"},
        {{.step = "run", .message = "node gone"}, CAUSE_LOST, "run: its pod failed: node gone"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char reason[REASON_TEXT];
        enum cause cause = cause_of_pod(&cases[i].pod, reason);
        CHECK(cause == cases[i].cause, "%zu: %s: %s", i, cause_name(cause), reason);
        CHECK(strstr(reason, cases[i].reason) != NULL, "%zu: %s", i, reason);
    }
}

static void the_pod_that_broke_last_counts_and_peoples_code_first(void **state)
{
    struct pod pods[] = {
        {.name = "done", .state = POD_DONE, .ended = 9},
        {.name = "retried", .state = POD_BROKEN, .of_argo = true, .ended = 3},
        {.name = "last", .state = POD_BROKEN, .of_argo = true, .ended = 5},
        {.name = "theirs", .state = POD_BROKEN, .ended = 4},
        {.name = "runs", .state = POD_RUNNING},
    };
    (void)state;
    assert_null(cause_find(pods, 0));
    assert_null(cause_find(pods, 1));
    assert_string_equal(cause_find(pods, 3)->name, "last");
    assert_string_equal(cause_find(pods, 5)->name, "theirs");
    pods[3].state = POD_RUNNING;
    pods[4].oom = true; /* its sandbox is gone, its status is not news yet */
    assert_string_equal(cause_find(pods, 5)->name, "runs");
    pods[0].evicted = true;
    assert_string_equal(cause_find(pods, 5)->name, "done");
}

static void without_pods_the_workflow_says_why(void **state)
{
    static const struct {
        const char *message;
        enum cause cause;
    } cases[] = {
        {"main: OOMKilled (exit code 137)", CAUSE_OOM},
        {"Step exceeded its deadline", CAUSE_DEADLINE},
        {"Pod was active on the node longer than the specified deadline: DeadlineExceeded",
         CAUSE_DEADLINE},
        {"pod deleted", CAUSE_LOST},
        {"Evicted", CAUSE_EVICTED},
        {"main: Error (exit code 3)", CAUSE_EXIT},
        {"no such template", CAUSE_ENGINE},
        {"", CAUSE_ENGINE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char reason[REASON_TEXT];
        struct workflow workflow = {0};
        (void)snprintf(workflow.message, sizeof workflow.message, "%s", cases[i].message);
        CHECK(cause_of_workflow(&workflow, reason) == cases[i].cause, "%s", cases[i].message);
        CHECK(strstr(reason, cases[i].message) != NULL, "%s", reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cause_has_its_name),
        cmocka_unit_test(a_record_names_a_cause),
        cmocka_unit_test(a_pods_status_says_why),
        cmocka_unit_test(the_pod_that_broke_last_counts_and_peoples_code_first),
        cmocka_unit_test(without_pods_the_workflow_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
