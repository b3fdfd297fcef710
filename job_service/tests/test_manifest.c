#include "job_service/dispatch/manifest.h"

#include "common/tests/unit.h"

#include "common/json_in.h"

#define ID "0123abcd-4567-89ab-cdef-0123456789ab"

static void a_workflow_is_suspended_and_holds_what_was_asked_for(void **state)
{
    static const char text[] = "{\"k\": {\"template\": \"t\"}}";
    struct kinds *kinds;
    struct err err = {0};
    OWNED_BUF(out, MANIFEST_MAX);
    (void)state;
    assert_true(kinds_read(text, sizeof text - 1, &kinds, &err));
    const struct manifest_job job = {.id = ID,
                                     .digest = "d",
                                     .attempt = 2,
                                     .kind = kinds_find(kinds, "k"),
                                     .parameters = "{\"a\": \"1\\\" \", \"b\": \"\"}"};
    assert_true(manifest_workflow(&out, &job, &err));
    assert_string_equal(
        out.data, "{\"apiVersion\":\"argoproj.io/v1alpha1\",\"kind\":\"Workflow\",\"metadata\":{"
                  "\"name\":\"job-" ID "-2\",\"labels\":{\"argo-steps/job\":\"" ID "\","
                  "\"argo-steps/attempt\":\"2\",\"argo-steps/kind\":\"k\"},\"annotations\":{"
                  "\"argo-steps/digest\":\"d\"}},\"spec\":{\"suspend\":true,"
                  "\"workflowTemplateRef\":{\"name\":\"t\"},\"arguments\":{\"parameters\":["
                  "{\"name\":\"job\",\"value\":\"" ID "\"},{\"name\":\"a\",\"value\":\"1\\\" \"},"
                  "{\"name\":\"b\",\"value\":\"\"}]}}}");
    kinds_free(kinds);
}

static void parameters_are_texts(void **state)
{
    static const char *const others[] = {"", "[]", "1", "{\"a\": 1}", "{\"a\": {\"b\": \"c\"}}"};
    struct kinds *kinds;
    struct err err = {0};
    (void)state;
    assert_true(kinds_read(NULL, 0, &kinds, &err));
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        const struct manifest_job job = {.id = ID,
                                         .digest = "d",
                                         .attempt = 1,
                                         .kind = kinds_find(kinds, "pipeline"),
                                         .parameters = others[i]};
        OWNED_BUF(out, MANIFEST_MAX);
        CHECK(!manifest_workflow(&out, &job, &(struct err){0}), "%s", others[i]);
    }
    kinds_free(kinds);
}

static void inputs_are_base64_that_does_not_change(void **state)
{
    struct err err = {0};
    OWNED_BUF(out, MANIFEST_MAX);
    (void)state;
    assert_true(manifest_inputs(&out, ID, "QQ==", &err));
    assert_string_equal(out.data,
                        "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":"
                        "\"job-" ID "\",\"labels\":{\"argo-steps/job\":\"" ID "\"}},"
                        "\"immutable\":true,\"binaryData\":{\"Dockerfile\":\"QQ==\"}}");
}

static void each_change_is_for_one_uid(void **state)
{
    OWNED_BUF(out, 1024);
    (void)state;
    manifest_resume(&out, "u");
    assert_string_equal(out.data, "{\"metadata\":{\"uid\":\"u\"},\"spec\":{\"suspend\":false}}");
    buf_clear(&out);
    manifest_shut_down(&out, "u");
    assert_string_equal(out.data,
                        "{\"metadata\":{\"uid\":\"u\"},\"spec\":{\"shutdown\":\"Terminate\"}}");
    buf_clear(&out);
    manifest_nudge(&out, "u", 5);
    assert_string_equal(
        out.data, "{\"metadata\":{\"uid\":\"u\",\"annotations\":{\"argo-steps/nudged\":\"5\"}}}");
    buf_clear(&out);
    manifest_delete(&out, "u", NULL);
    assert_string_equal(out.data, "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
                                  "\"propagationPolicy\":\"Background\","
                                  "\"preconditions\":{\"uid\":\"u\"}}");
    buf_clear(&out);
    manifest_delete(&out, "u", "7");
    assert_non_null(strstr(out.data, "\"resourceVersion\":\"7\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_workflow_is_suspended_and_holds_what_was_asked_for),
        cmocka_unit_test(parameters_are_texts),
        cmocka_unit_test(inputs_are_base64_that_does_not_change),
        cmocka_unit_test(each_change_is_for_one_uid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
