#include "gvisor_probe/render/run_text.h"

#include <errno.h>

#include "common/tests/unit.h"

static const struct probe file = {
    .id = "file", .safety = SAFETY_FILE, .needs_path = true, .title = "a file"};
static const struct probe locked = {
    .id = "locked", .safety = SAFETY_FILE, .needs_path = true, .title = "root's"};
static const struct probe daemon_of_host = {.id = "sock", .needs_path = true, .title = "a daemon"};
static const struct probe fifo = {.id = "fifo", .needs_path = true, .title = "a FIFO"};
static const struct probe uname_probe = {.id = "uname", .title = "its name"};

static struct answered answers[] = {
    {&uname_probe, {.result = RESULT_ALLOWED}},
    {&file, {.result = RESULT_ALLOWED, .detail = "written"}},
    {&locked, {.result = RESULT_DENIED, .errnum = EACCES, .cause = CAUSE_DAC}},
    {&daemon_of_host, {.result = RESULT_DENIED, .errnum = ECONNREFUSED}},
    {&fifo, {.result = RESULT_SKIPPED, .detail = "no decoy"}},
};

static struct declared declared = {.run_id = "7", .name = "gvisor", .runtime = "gvisor"};
static struct run_request request = {.declared = &declared};
static struct run run = {.request = &request,
                         .label = "7-gvisor",
                         .answers = answers,
                         .count = ARRAY_LEN(answers),
                         .observed = {.euid = 65532, .egid = 65532},
                         .detection = {.conclusion = CONCLUSION_CONFIRMED}};

static const char *story(void)
{
    static char text[1 << 16];
    OWNED_BUF(out, sizeof text - 1);
    struct err err = {0};

    run_story(&run, &out);
    CHECK(buf_ok(&out, &err), "%s", err.text);
    memcpy(text, out.data, out.len);
    text[out.len] = '\0';
    return text;
}

static void says(const char *line)
{
    CHECK(strstr(story(), line) != NULL, "no '%s' in\n%s", line, story());
}

static void the_first_line_names_the_cell(void **state)
{
    static const char line[] = "cell gvisor of run 7: runtime gvisor, class mine\n";

    (void)state;
    declared.runtime_class = "mine";
    assert_memory_equal(story(), line, sizeof line - 1);
    declared.runtime_class = NULL;
}

static void what_is_not_declared_is_not_named(void **state)
{
    (void)state;
    declared.runtime = NULL;
    says("cell gvisor of run 7: runtime not declared\n");
    declared.runtime = "gvisor";
}

static void it_says_who_it_is(void **state)
{
    (void)state;
    says("  uid 65532, gid 65532, no capabilities; gVisor's kernel answers me\n");
    run.observed.status.sets[SET_EFFECTIVE] = 0x10;
    says("capabilities 10;");
    run.observed.status.sets[SET_EFFECTIVE] = 0;
}

static void each_attempt_on_the_path_is_told_with_its_reason(void **state)
{
    (void)state;
    request.path = "/host";
    declared.host_path = "/var/experiment";
    says("  /host is /var/experiment of the node; I write in open/7-gvisor");
    says("  a file                                       done: written\n");
    says("  root's                                       refused, EACCES: owner and mode");
    says("  a daemon                                     refused, ECONNREFUSED\n");
    says("  a FIFO                                       not tried: no decoy\n");
    CHECK(strstr(story(), "its name") == NULL, "%s", "the story is about the path");
    request.path = NULL;
}

static void without_a_path_nothing_is_said_of_one(void **state)
{
    (void)state;
    CHECK(strstr(story(), "host's path") == NULL, "%s", story());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_names_the_cell),
        cmocka_unit_test(what_is_not_declared_is_not_named),
        cmocka_unit_test(it_says_who_it_is),
        cmocka_unit_test(each_attempt_on_the_path_is_told_with_its_reason),
        cmocka_unit_test(without_a_path_nothing_is_said_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
