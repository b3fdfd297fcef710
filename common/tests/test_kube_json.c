#include "common/kube_json.h"

#include "common/tests/unit.h"

static const char *const handlers[2] = {"runsc", "runsc-sealed"};

static bool read_node(const char *text, struct kube_node *ret)
{
    unsigned char *exact = exact_copy(text, strlen(text));
    bool done = kube_node_read((char *)exact, strlen(text), "a/b", handlers, ret);
    free(exact);
    return done;
}

static void a_node_tells_label_boot_readiness_and_runtimes(void **state)
{
    struct kube_node node;
    (void)state;
    assert_true(read_node(
        "{\"kind\":\"Node\",\"metadata\":{\"uid\":\"u\",\"labels\":{\"a/b\":\"true\"}},\"status\":{"
        "\"conditions\":[{\"type\":\"MemoryPressure\",\"status\":\"False\"},"
        "{\"type\":\"Ready\",\"status\":\"True\"}],\"nodeInfo\":{\"bootID\":\"b\","
        "\"containerRuntimeVersion\":\"cri-o://1.30.1\"},"
        "\"runtimeHandlers\":[{\"name\":\"\"},{\"name\":\"runsc\"},{\"features\":{}}]}}",
        &node));
    assert_string_equal(node.uid, "u");
    assert_string_equal(node.label, "true");
    assert_string_equal(node.boot_id, "b");
    assert_string_equal(node.runtime, "cri-o://1.30.1");
    assert_true(node.ready && node.lists_runtimes && node.has[0]);
    assert_false(node.has[1]);
}

static void what_a_node_leaves_out_is_not_there(void **state)
{
    struct kube_node node;
    (void)state;
    assert_true(read_node("{\"kind\":\"Node\"}", &node));
    assert_false(node.ready || node.lists_runtimes || node.has[0] || node.has[1]);
    assert_string_equal(node.label, "");
}

static void anything_else_is_no_node(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{\"kind\":\"Pod\"}",
                                        "{\"kind\":1}",
                                        "{\"kind\":\"Status\",\"message\":\"x\"}"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct kube_node node;
        CHECK(!read_node(texts[i], &node), "%s", texts[i]);
    }
}

static void a_pod_tells_how_it_ended_or_what_keeps_it(void **state)
{
    static const struct {
        const char *text;
        enum pod_phase phase;
        const char *why;
    } cases[] = {
        {"{\"kind\":\"Pod\",\"status\":{\"phase\":\"Succeeded\"}}", POD_SUCCEEDED, ""},
        {"{\"kind\":\"Pod\",\"status\":{\"phase\":\"Failed\",\"containerStatuses\":[{\"state\":{"
         "\"terminated\":{\"exitCode\":5,\"reason\":\"Error\",\"message\":\"no\"}}}]}}",
         POD_FAILED, "status 5, Error no"},
        {"{\"kind\":\"Pod\",\"status\":{\"phase\":\"Failed\",\"reason\":\"DeadlineExceeded\","
         "\"message\":\"late\"}}",
         POD_FAILED, "DeadlineExceeded late"},
        {"{\"kind\":\"Pod\",\"status\":{\"phase\":\"Pending\",\"containerStatuses\":[{\"state\":{"
         "\"waiting\":{\"reason\":\"ErrImagePull\",\"message\":\"no image\"}}}]}}",
         POD_WAITING, "ErrImagePull no image"},
        {"{\"kind\":\"Pod\"}", POD_WAITING, ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kube_pod pod;
        CHECK(kube_pod_read(cases[i].text, strlen(cases[i].text), &pod), "%s", cases[i].text);
        assert_int_equal(pod.phase, cases[i].phase);
        CHECK(strstr(pod.why, cases[i].why) != NULL, "%s", pod.why);
    }
}

static void a_report_tells_its_conclusion(void **state)
{
    static const char report[] = "{\"detection\":{\"conclusion\":\"confirmed\"}}\n";
    char out[64], small[4];
    (void)state;
    assert_true(kube_conclusion_read(report, sizeof report - 1, out, sizeof out));
    assert_string_equal(out, "confirmed");
    static const char lines[] = "{\"level\":\"info\"}\n\nx\n{\"detection\":{\"conclusion\":"
                                "\"likely\"}}\n{\"level\":\"info\"}";
    assert_true(kube_conclusion_read(lines, sizeof lines - 1, out, sizeof out));
    assert_string_equal(out, "likely");
    assert_false(kube_conclusion_read(report, sizeof report - 1, small, sizeof small));
    assert_false(kube_conclusion_read(report, 20, out, sizeof out));
    assert_false(kube_conclusion_read("gvisor_probe 0.1.0\n", 19, out, sizeof out));
}

static void a_label_is_set_or_taken_away(void **state)
{
    (void)state;
    OWNED_BUF(text, KUBE_REQUEST_MAX);
    kube_label_patch(&text, "a/b", "true");
    assert_string_equal(text.data, "{\"metadata\":{\"labels\":{\"a/b\":\"true\"}}}");
    buf_clear(&text);
    kube_label_patch(&text, "a/b", NULL);
    assert_string_equal(text.data, "{\"metadata\":{\"labels\":{\"a/b\":null}}}");
}

static void an_event_s_message_is_cut_to_what_the_api_takes(void **state)
{
    char message[3000];
    (void)state;
    memset(message, 'x', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    OWNED_BUF(text, KUBE_REQUEST_MAX);
    const struct kube_event event = {
        .node = "n", .uid = "u", .reason = "R", .message = message, .time = "t", .warning = true};
    kube_event_json(&text, &event);
    assert_non_null(strstr(text.data, "\"type\":\"Warning\""));
    const char *start = strstr(text.data, "\"message\":\"");
    assert_non_null(start);
    assert_int_equal(strspn(start + strlen("\"message\":\""), "x"), KUBE_TEXT_MAX - 1);
}

static void the_proving_pod_asks_for_its_runtime_and_for_nothing_else(void **state)
{
    struct kube_smoke smoke = {.name = "p",
                               .namespace = "s",
                               .node = "n",
                               .runtime_class = "c",
                               .image = "i",
                               .args = "run  --format=json",
                               .deadline_s = 60};
    (void)state;
    OWNED_BUF(text, KUBE_REQUEST_MAX);
    kube_smoke_json(&text, &smoke);
    assert_non_null(strstr(text.data, "\"runtimeClassName\":\"c\""));
    assert_non_null(strstr(text.data, "\"nodeName\":\"n\""));
    assert_non_null(strstr(text.data, "\"args\":[\"run\",\"--format=json\"]"));
    assert_null(strstr(text.data, "hostPath"));
    buf_clear(&text);
    smoke.runtime_class = NULL;
    kube_smoke_json(&text, &smoke);
    assert_null(strstr(text.data, "runtimeClassName"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_tells_label_boot_readiness_and_runtimes),
        cmocka_unit_test(what_a_node_leaves_out_is_not_there),
        cmocka_unit_test(anything_else_is_no_node),
        cmocka_unit_test(a_pod_tells_how_it_ended_or_what_keeps_it),
        cmocka_unit_test(a_report_tells_its_conclusion),
        cmocka_unit_test(a_label_is_set_or_taken_away),
        cmocka_unit_test(an_event_s_message_is_cut_to_what_the_api_takes),
        cmocka_unit_test(the_proving_pod_asks_for_its_runtime_and_for_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
