#include "job_service/dispatch/object.h"

#include "common/tests/unit.h"

#include "common/json_in.h"

#define ID "0123abcd-4567-89ab-cdef-0123456789ab"

static struct kinds *kinds;

static int set_kinds(void **state)
{
    static const char text[] = "{\"pipeline\": {\"result\": \"total\"}, \"dockerfile\": {}}";
    struct err err = {0};
    (void)state;
    return kinds_read(text, sizeof text - 1, &kinds, &err) ? 0 : -1;
}

static int free_kinds(void **state)
{
    (void)state;
    kinds_free(kinds);
    return 0;
}

static bool read_workflow(const char *text, struct workflow *ret)
{
    struct err err = {0};
    cJSON *object = json_parse("test", text, strlen(text), &err);
    CHECK(object != NULL, "%s", err.text);
    bool done = workflow_read(object, kinds, ret);
    cJSON_Delete(object);
    return done;
}

static bool read_pod(const char *text, struct pod *ret)
{
    struct err err = {0};
    cJSON *object = json_parse("test", text, strlen(text), &err);
    CHECK(object != NULL, "%s", err.text);
    bool done = pod_read(object, ret);
    cJSON_Delete(object);
    return done;
}

static void a_name_holds_job_and_attempt(void **state)
{
    static const char *const others[] = {
        "",
        "job-",
        "job-" ID,
        "job-" ID "-",
        "job-" ID "-0",
        "job-" ID "-1000",
        "job-" ID "-1x",
        "job_" ID "-1",
        "xjob-" ID "-1",
        "job-0123ABCD-4567-89ab-cdef-0123456789ab-1",
        "job-0123abcd045670-9ab-cdef-0123456789ab-1",
        "job-------------------------------------1",
    };
    char job[JOB_ID_TEXT + 1], name[WORKFLOW_NAME];
    unsigned attempt;
    (void)state;
    object_name(name, ID, 12);
    assert_string_equal(name, "job-" ID "-12");
    assert_true(object_name_read(name, job, &attempt));
    assert_string_equal(job, ID);
    assert_int_equal(attempt, 12);
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(!object_name_read(others[i], job, &attempt), "%s", others[i]);
}

#define META(more)                                                                                 \
    "\"metadata\": {\"name\": \"job-" ID "-2\", \"uid\": \"u\", \"resourceVersion\": \"7\","       \
    " \"creationTimestamp\": \"2026-01-01T00:00:00Z\","                                            \
    " \"labels\": {\"argo-steps/job\": \"" ID "\", \"argo-steps/kind\": \"pipeline\"}" more "}"

static void a_workflow_is_read(void **state)
{
    struct workflow workflow;
    (void)state;
    assert_true(
        read_workflow("{" META(", \"annotations\": {\"argo-steps/digest\": \"d\", "
                               "\"argo-steps/nudged\": \"5\"}") ", \"spec\": {\"suspend\": true}}",
                      &workflow));
    assert_string_equal(workflow.job, ID);
    assert_string_equal(workflow.uid, "u");
    assert_string_equal(workflow.version, "7");
    assert_string_equal(workflow.digest, "d");
    assert_int_equal(workflow.attempt, 2);
    assert_int_equal(workflow.nudged, 5);
    assert_int_equal(workflow.created, 1767225600);
    assert_int_equal(workflow.phase, WORKFLOW_NEW);
    assert_true(workflow.suspended);
    assert_false(workflow.shut_down);
    assert_false(workflow.has_output);
    assert_true(read_workflow(
        "{" META("") ", \"spec\": {\"shutdown\": \"Terminate\"}, \"status\": {\"phase\":"
                     " \"Succeeded\", \"startedAt\": \"2026-01-01T00:00:01Z\", \"finishedAt\":"
                     " \"2026-01-01T00:00:02Z\", \"outputs\": {\"parameters\": ["
                     "{\"name\": \"lines\", \"value\": \"3\"},"
                     "{\"name\": \"total\", \"value\": \"1.5\"}]}}}",
        &workflow));
    assert_false(workflow.suspended);
    assert_true(workflow.shut_down);
    assert_int_equal(workflow.phase, WORKFLOW_SUCCEEDED);
    assert_int_equal(workflow.ended - workflow.started, 1);
    assert_string_equal(workflow.output, "1.5");
}

static void the_step_is_the_last_that_runs(void **state)
{
    struct workflow workflow;
    (void)state;
    assert_true(read_workflow(
        "{" META(
            "") ", \"status\": {\"phase\": \"Running\", \"message\": \"a\\nb\", \"nodes\": {"
                "\"a\": {\"type\": \"Steps\", \"phase\": \"Running\", \"displayName\": \"x\"},"
                "\"b\": {\"type\": \"Pod\", \"phase\": \"Running\", \"displayName\": \"two(0:1)\","
                " \"startedAt\": \"2026-01-01T00:00:02Z\"},"
                "\"c\": {\"type\": \"Pod\", \"phase\": \"Running\", \"displayName\": \"one\","
                " \"startedAt\": \"2026-01-01T00:00:01Z\"},"
                "\"d\": {\"type\": \"Pod\", \"phase\": \"Pending\", \"displayName\": \"three\","
                " \"startedAt\": \"2026-01-01T00:00:03Z\"}}}}",
        &workflow));
    assert_string_equal(workflow.step, "two");
    assert_string_equal(workflow.message, "a b");
    assert_int_equal(workflow.nodes, 4);
    assert_true(workflow.runs);
    assert_true(read_workflow("{" META("") ", \"status\": {\"phase\": \"Error\", \"nodes\": {\"d\":"
                                           " {\"type\": \"Pod\", \"phase\": \"Pending\"}}}}",
                              &workflow));
    assert_false(workflow.runs);
    assert_int_equal(workflow.phase, WORKFLOW_FAILED);
    assert_true(workflow.error);
}

static void what_is_no_workflow_of_a_job_is_left_out(void **state)
{
    static const char *const others[] = {
        "{}",
        "[]",
        "{\"metadata\": {\"name\": \"job-" ID "-1\", \"uid\": \"u\"}}",
        "{\"metadata\": {\"name\": \"other\", \"uid\": \"u\","
        " \"labels\": {\"argo-steps/job\": \"" ID "\"}}}",
        "{\"metadata\": {\"name\": \"job-" ID "-1\","
        " \"labels\": {\"argo-steps/job\": \"" ID "\"}}}",
        "{\"metadata\": {\"name\": \"job-" ID "-1\", \"uid\": \"u\","
        " \"labels\": {\"argo-steps/job\": \"another\"}}}",
    };
    struct workflow workflow;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(!read_workflow(others[i], &workflow), "%s", others[i]);
}

#define BARE                                                                                       \
    "\"metadata\": {\"name\": \"p\", \"namespace\": \"jobs-run\", \"uid\": \"u\", \"labels\": {"   \
    "\"argo-steps/job\": \"" ID                                                                    \
    "\", \"argo-steps/attempt\": \"2\", \"argo-steps/step\": \"run\"}}"

static void a_pod_of_peoples_code_is_read(void **state)
{
    struct pod pod;
    (void)state;
    assert_true(read_pod(
        "{" BARE ", \"status\": {\"phase\": \"Failed\", \"startTime\": \"2026-01-01T00:00:00Z\","
        " \"initContainerStatuses\": [{\"name\": \"put\", \"state\": {\"terminated\":"
        " {\"exitCode\": 0, \"reason\": \"Completed\"}}}],"
        " \"containerStatuses\": [{\"name\": \"main\", \"state\": {\"terminated\": {\"exitCode\": "
        "3,"
        " \"reason\": \"Error\", \"finishedAt\": \"2026-01-01T00:00:09Z\"}}}]}}",
        &pod));
    assert_string_equal(pod.job, ID);
    assert_string_equal(pod.step, "run");
    assert_int_equal(pod.attempt, 2);
    assert_false(pod.of_argo || pod.oom || pod.evicted || pod.deadline || pod.leaving);
    assert_int_equal(pod.state, POD_BROKEN);
    assert_true(pod.broke);
    assert_int_equal(pod.status, 3);
    assert_string_equal(pod.container, "main");
    assert_int_equal(pod.ended - pod.started, 9);
    assert_int_equal(pod.container_count, 2);
    assert_true(pod.containers[0].init && pod.containers[0].started);
    assert_string_equal(pod.containers[1].name, "main");
    assert_false(pod.containers[1].init);
}

static void a_pod_of_argo_is_read(void **state)
{
    struct pod pod;
    (void)state;
    assert_true(read_pod("{\"metadata\": {\"name\": \"p\", \"namespace\": \"jobs\", \"uid\": \"u\","
                         " \"deletionTimestamp\": \"2026-01-01T00:00:00Z\", \"annotations\":"
                         " {\"workflows.argoproj.io/node-name\": \"job-" ID "-3[0].generate(0)\"},"
                         " \"labels\": {\"workflows.argoproj.io/workflow\": \"job-" ID "-3\"}},"
                         " \"status\": {\"phase\": \"Running\", \"containerStatuses\": ["
                         "{\"name\": \"wait\", \"state\": {\"running\": {}}},"
                         "{\"name\": \"main\", \"state\": {\"running\": {}}}]}}",
                         &pod));
    assert_string_equal(pod.job, ID);
    assert_int_equal(pod.attempt, 3);
    assert_string_equal(pod.step, "generate");
    assert_true(pod.of_argo && pod.leaving);
    assert_int_equal(pod.state, POD_RUNNING);
    assert_int_equal(pod.container_count, 1);
    assert_true(pod.containers[0].started);
}

static void the_kubelets_words_are_kept(void **state)
{
    struct pod pod;
    (void)state;
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Pending\", \"containerStatuses\": ["
                         "{\"name\": \"main\", \"state\": {\"waiting\": {\"reason\":"
                         " \"ErrImagePull\", \"message\": \"not \\u001b[31m found\"}}}]}}",
                         &pod));
    assert_string_equal(pod.waits, "ErrImagePull");
    assert_null(strchr(pod.message, 0x1b));
    assert_false(pod.containers[0].started);
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Pending\", \"containerStatuses\": ["
                         "{\"name\": \"main\", \"state\": {\"waiting\": {\"reason\":"
                         " \"ContainerCreating\"}}}]}}",
                         &pod));
    assert_string_equal(pod.waits, "");
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Failed\", \"reason\": \"Evicted\","
                         " \"message\": \"too much\"}}",
                         &pod));
    assert_true(pod.evicted);
    assert_string_equal(pod.message, "too much");
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Failed\", \"reason\":"
                         " \"DeadlineExceeded\"}}",
                         &pod));
    assert_true(pod.deadline);
    /* A pod that the kubelet was ending says Succeeded at times. */
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Succeeded\", \"conditions\": ["
                         "{\"type\": \"Ready\", \"status\": \"False\"},"
                         "{\"type\": \"DisruptionTarget\", \"status\": \"True\"}]}}",
                         &pod));
    assert_true(pod.evicted);
    assert_int_equal(pod.state, POD_DONE);
    assert_true(read_pod("{" BARE ", \"status\": {\"phase\": \"Running\", \"containerStatuses\": ["
                         "{\"name\": \"a\", \"state\": {\"terminated\": {\"exitCode\": 128,"
                         " \"reason\": \"OOMKilled\"}}},"
                         "{\"name\": \"b\", \"state\": {\"terminated\": {\"exitCode\": 99999}}}]}}",
                         &pod));
    assert_true(pod.oom);
    assert_int_equal(pod.status, 128);
}

static void what_is_no_pod_of_a_job_is_left_out(void **state)
{
    static const char *const others[] = {
        "{}",
        "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\", \"uid\": \"u\"}}",
        "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\", \"uid\": \"u\","
        " \"labels\": {\"argo-steps/job\": \"'); DROP TABLE job; --\"}}}",
        "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\", \"uid\": \"u\","
        " \"labels\": {\"workflows.argoproj.io/workflow\": \"pipeline-x\"}}}",
        "{\"metadata\": {\"namespace\": \"n\", \"uid\": \"u\","
        " \"labels\": {\"argo-steps/job\": \"" ID "\"}}}",
        "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\","
        " \"labels\": {\"argo-steps/job\": \"" ID "\"}}}",
    };
    struct pod pod;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK(!read_pod(others[i], &pod), "%s", others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_holds_job_and_attempt),
        cmocka_unit_test(a_workflow_is_read),
        cmocka_unit_test(the_step_is_the_last_that_runs),
        cmocka_unit_test(what_is_no_workflow_of_a_job_is_left_out),
        cmocka_unit_test(a_pod_of_peoples_code_is_read),
        cmocka_unit_test(a_pod_of_argo_is_read),
        cmocka_unit_test(the_kubelets_words_are_kept),
        cmocka_unit_test(what_is_no_pod_of_a_job_is_left_out),
    };
    return cmocka_run_group_tests(tests, set_kinds, free_kinds);
}
