#include "gvisor_installer/containerd/control_groups.h"

#include "common/tests/unit.h"

static struct containerd_config read_text(const char *text)
{
    struct containerd_config config;
    struct err err = {0};
    CHECK(containerd_config_read(&config, "/c", text, strlen(text), &err), "%s: %s", text,
          err.text);
    return config;
}

#define RUNTIMES "plugins.'io.containerd.grpc.v1.cri'.containerd"
#define RUNTIME(name, type, options)                                                               \
    "[" RUNTIMES ".runtimes." name "]\nruntime_type='io.containerd." type "'\noptions={" options   \
    "}\n"

static void the_default_is_asked_first_then_the_others_by_name(void **state)
{
    static const struct {
        const char *text;
        enum control_groups expected;
    } cases[] = {
        {RUNTIME("b", "runc.v2", "SystemdCgroup=true")
             RUNTIME("a", "runc.v2", "SystemdCgroup=false"),
         CONTROL_GROUPS_CGROUPFS},
        {"[" RUNTIMES "]\ndefault_runtime_name='b'\n" RUNTIME("b", "runc.v2", "SystemdCgroup=true")
             RUNTIME("a", "runc.v2", "SystemdCgroup=false"),
         CONTROL_GROUPS_SYSTEMD},
        {RUNTIME("a", "runc.v2", "BinaryName='crun'") RUNTIME("b", "runc.v2", "SystemdCgroup=true"),
         CONTROL_GROUPS_CGROUPFS},
        {RUNTIME("a", "runc.v2", "") RUNTIME("b", "runc.v2", "SystemdCgroup=true"),
         CONTROL_GROUPS_SYSTEMD},
        {RUNTIME("a", "kata.v2", "SystemdCgroup=false")
             RUNTIME("b", "runc.v1", "SystemdCgroup=true"),
         CONTROL_GROUPS_SYSTEMD},
        {RUNTIME("a", "runc.v2", "SystemdCgroup='false'")
             RUNTIME("b", "runc.v2", "SystemdCgroup=true"),
         CONTROL_GROUPS_SYSTEMD},
        {RUNTIME("a", "runc.v2", "SystemdCgroup='true'")
             RUNTIME("b", "runc.v2", "SystemdCgroup=false"),
         CONTROL_GROUPS_CGROUPFS},
        {RUNTIME("ours", "runc.v2", "SystemdCgroup=true"), CONTROL_GROUPS_UNSAID},
        {"[" RUNTIMES ".default_runtime]\nruntime_type='io.containerd.runc.v2'\n"
         "options={SystemdCgroup=true}\n" RUNTIME("a", "runc.v2", "SystemdCgroup=false"),
         CONTROL_GROUPS_SYSTEMD},
        {RUNTIME("a", "kata.v2", "x=1"), CONTROL_GROUPS_UNSAID},
        {"", CONTROL_GROUPS_UNSAID},
    };
    static const char *const skipped[] = {"ours"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        (void)snprintf(text, sizeof text, "version=2\n%s", cases[i].text);
        struct containerd_config dump = read_text(text);
        CHECK(control_groups_of(&dump, NULL, 0, 0, skipped, 1) == cases[i].expected, "%s", text);
        containerd_config_free(&dump);
    }
}

static void options_that_a_file_has_decide_though_they_are_empty(void **state)
{
    struct containerd_config dump = read_text("version=2\n" RUNTIME("a", "runc.v2", "")
                                                  RUNTIME("b", "runc.v2", "SystemdCgroup=true"));
    struct containerd_config file = read_text("version=2\n" RUNTIME("a", "runc.v2", ""));
    const struct containerd_config *const files[] = {&file};
    (void)state;
    assert_int_equal(control_groups_of(&dump, files, 1, 2, NULL, 0), CONTROL_GROUPS_CGROUPFS);
    /* Under the other version's names it is not there. */
    assert_int_equal(control_groups_of(&dump, files, 1, 3, NULL, 0), CONTROL_GROUPS_SYSTEMD);
    containerd_config_free(&file);
    containerd_config_free(&dump);
}

static void a_default_may_name_nothing(void **state)
{
    static const struct {
        const char *text, *name;
        bool exists;
    } cases[] = {
        {"[" RUNTIMES "]\ndefault_runtime_name='a'\n" RUNTIME("a", "runc.v2", ""), "a", true},
        {"[" RUNTIMES "]\ndefault_runtime_name='b'\n" RUNTIME("a", "runc.v2", ""), "b", false},
        {RUNTIME("a", "runc.v2", ""), NULL, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        bool exists = !cases[i].exists;
        (void)snprintf(text, sizeof text, "version=2\n%s", cases[i].text);
        struct containerd_config dump = read_text(text);
        const char *name = default_runtime(&dump, &exists);
        CHECK(exists == cases[i].exists, "%s", text);
        CHECK((name == NULL) == (cases[i].name == NULL) &&
                  (name == NULL || strcmp(name, cases[i].name) == 0),
              "%s", text);
        containerd_config_free(&dump);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_default_is_asked_first_then_the_others_by_name),
        cmocka_unit_test(options_that_a_file_has_decide_though_they_are_empty),
        cmocka_unit_test(a_default_may_name_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
