#include "gvisor_probe/observe/detect.h"

#include <cjson/cJSON.h>
#include <errno.h>

#include "common/tests/scratch.h"

enum { OLD_S = 100000 };

/* A Linux kernel's answers; a case replaces some. */
static const struct evidence linux_answers[] = {
    {"uname", RESULT_ALLOWED, 0, "6.12.0"},
    {"ns_inodes", RESULT_ALLOWED, 0, "4026531837"},
    {"leak_kallsyms", RESULT_ALLOWED, 0, "data"},
    {"mounts", RESULT_ALLOWED, 0, "/ overlay of overlay"},
    {"auxv", RESULT_ALLOWED, 0, "hwcap 1 platform"},
    {"vdso", RESULT_ALLOWED, 0, "__vdso_clock_getres"},
    {"vmsplice", RESULT_ALLOWED, EBADF, ""},
    {"setfsuid", RESULT_ALLOWED, 0, ""},
    {"rseq", RESULT_ALLOWED, EINVAL, ""},
    {"netlink_census", RESULT_ALLOWED, 0, "0 2 4 15 16"},
    {"getppid_time", RESULT_ALLOWED, 0, "200 ns"},
    {"cpu_names_agree", RESULT_ALLOWED, 0, "agree"},
};

static struct detection detected(const struct evidence *changed, size_t count, int seccomp,
                                 uint64_t age_s)
{
    struct evidence items[ARRAY_LEN(linux_answers)];
    struct detection detection;

    memcpy(items, linux_answers, sizeof items);
    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; i < ARRAY_LEN(items); i++)
            if (strcmp(items[i].probe, changed[c].probe) == 0)
                items[i] = changed[c];
    const struct detect_input input = {.items = items,
                                       .count = ARRAY_LEN(items),
                                       .seccomp = seccomp,
                                       .boottime_at_main_ns = age_s * 1000000000u};
    detect(&input, &detection);
    return detection;
}

#define DETECTED(seccomp, age_s, ...)                                                              \
    detected((const struct evidence[]){__VA_ARGS__},                                               \
             ARRAY_LEN(((const struct evidence[]){__VA_ARGS__})), seccomp, age_s)

static void the_nodes_kernel_is_not_gvisor(void **state)
{
    struct detection got = detected(NULL, 0, 2, OLD_S);

    (void)state;
    assert_int_equal(got.conclusion, CONCLUSION_NOT_GVISOR);
    assert_int_equal(got.conflict_count, 0);
}

static void a_young_kernel_may_be_a_node_that_has_just_started(void **state)
{
    struct detection got = detected(NULL, 0, 2, 2);

    (void)state;
    assert_int_equal(got.classes[CLASS_CLOCKS].verdict, VERDICT_UNKNOWN);
    assert_int_equal(got.conclusion, CONCLUSION_NOT_GVISOR);
}

static void a_root_that_a_hypervisor_shares_is_a_virtual_machines(void **state)
{
    static const char *const roots[] = {"/ 9p trans=virtio, path virtiofs of x",
                                        "/ virtiofs of kataShared"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
        struct detection got = DETECTED(0, OLD_S, {"mounts", RESULT_ALLOWED, 0, roots[i]});
        CHECK(got.conclusion == CONCLUSION_OWN_LINUX_KERNEL, "%s", roots[i]);
    }
}

static void a_host_path_may_be_a_share_of_the_node(void **state)
{
    static const char *const paths[] = {"/ overlay of overlay, path virtiofs of mount0",
                                        "/ overlay of overlay, path 9p trans=virtio",
                                        "/ overlay of virtiofs, path ext4 of /dev/vda"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct detection got = DETECTED(0, OLD_S, {"mounts", RESULT_ALLOWED, 0, paths[i]});
        CHECK(got.conclusion == CONCLUSION_NOT_GVISOR, "%s", paths[i]);
    }
}

static void a_name_that_structure_contradicts_is_a_conflict(void **state)
{
    struct detection got = DETECTED(0, OLD_S, {"uname", RESULT_EMULATED, 0, "4.4.0-gvisor"});

    (void)state;
    assert_int_equal(got.conclusion, CONCLUSION_CONFLICTING);
    assert_string_equal(got.conflicts[0], "R says gvisor, P says linux");
}

static void structure_that_a_name_contradicts_is_a_conflict(void **state)
{
    struct detection got = DETECTED(0, OLD_S, {"auxv", RESULT_EMULATED, 0, "hwcap 0"},
                                    {"vdso", RESULT_EMULATED, 0, ""});

    (void)state;
    assert_int_equal(got.conclusion, CONCLUSION_CONFLICTING);
}

static void signals_of_a_class_that_disagree_are_a_conflict(void **state)
{
    struct detection got = DETECTED(0, OLD_S, {"auxv", RESULT_EMULATED, 0, "hwcap 0"});

    (void)state;
    assert_int_equal(got.classes[CLASS_IMAGE].verdict, VERDICT_UNKNOWN);
    assert_int_equal(got.conclusion, CONCLUSION_CONFLICTING);
    assert_string_equal(got.conflicts[0], "within V: auxv says gvisor, vdso says linux");
}

static void slowness_alone_is_no_conflict(void **state)
{
    struct detection got = DETECTED(0, OLD_S, {"getppid_time", RESULT_ALLOWED, 0, "9000 ns"});

    (void)state;
    assert_int_equal(got.classes[CLASS_TIMING].verdict, VERDICT_GVISOR);
    assert_int_equal(got.conclusion, CONCLUSION_NOT_GVISOR);
    assert_true(got.conflict_count > 0);
}

static const struct evidence missing[] = {{"vmsplice", RESULT_ABSENT, ENOSYS, ""},
                                          {"setfsuid", RESULT_ABSENT, ENOSYS, ""},
                                          {"rseq", RESULT_ABSENT, ENOSYS, ""},
                                          {"netlink_census", RESULT_DENIED, EPERM, ""}};

static void missing_calls_are_gvisors_without_a_filter(void **state)
{
    struct detection got = detected(missing, ARRAY_LEN(missing), 0, OLD_S);

    (void)state;
    assert_int_equal(got.classes[CLASS_ERRNO].verdict, VERDICT_GVISOR);
}

static void missing_calls_say_nothing_under_a_filter(void **state)
{
    struct detection filtered = detected(missing, ARRAY_LEN(missing), 2, OLD_S);
    struct detection untold = detected(missing, ARRAY_LEN(missing), -1, OLD_S);

    (void)state;
    assert_int_equal(filtered.classes[CLASS_ERRNO].verdict, VERDICT_UNKNOWN);
    assert_int_equal(untold.classes[CLASS_ERRNO].verdict, VERDICT_UNKNOWN);
}

static void one_missing_call_says_nothing(void **state)
{
    struct detection got = DETECTED(0, OLD_S, {"rseq", RESULT_ABSENT, ENOSYS, ""},
                                    {"netlink_census", RESULT_ALLOWED, 0, "0 2"});

    (void)state;
    assert_int_equal(got.classes[CLASS_ERRNO].verdict, VERDICT_UNKNOWN);
}

static void without_evidence_nothing_is_concluded(void **state)
{
    const struct detect_input none = {.seccomp = -1, .boottime_at_main_ns = UINT64_MAX};
    struct detection got;

    (void)state;
    detect(&none, &got);
    assert_int_equal(got.conclusion, CONCLUSION_UNKNOWN);
}

static void a_name_alone_is_not_enough(void **state)
{
    const struct evidence name = {"uname", RESULT_EMULATED, 0, "4.19.0-gvisor"};
    const struct detect_input input = {
        .items = &name, .count = 1, .boottime_at_main_ns = UINT64_MAX};
    struct detection got;

    (void)state;
    detect(&input, &got);
    assert_int_equal(got.conclusion, CONCLUSION_UNKNOWN);
}

static void a_name_and_a_structure_are_likely(void **state)
{
    const struct evidence items[] = {{"uname", RESULT_EMULATED, 0, "4.19.0-gvisor"},
                                     {"ns_inodes", RESULT_EMULATED, 0, "1"}};
    const struct detect_input input = {
        .items = items, .count = ARRAY_LEN(items), .boottime_at_main_ns = UINT64_MAX};
    struct detection got;

    (void)state;
    detect(&input, &got);
    assert_int_equal(got.conclusion, CONCLUSION_LIKELY);
}

static enum conclusion concluded(const struct evidence *items, size_t count)
{
    const struct detect_input input = {
        .items = items, .count = count, .boottime_at_main_ns = UINT64_MAX};
    struct detection got;

    detect(&input, &got);
    return got.conclusion;
}

static void four_classes_and_a_structure_confirm_and_three_do_not(void **state)
{
    const struct evidence items[] = {{"uname", RESULT_EMULATED, 0, "4.19.0-gvisor"},
                                     {"ns_inodes", RESULT_EMULATED, 0, "1"},
                                     {"mounts", RESULT_EMULATED, 0, "/ 9p of none"},
                                     {"auxv", RESULT_EMULATED, 0, "hwcap 0"}};

    (void)state;
    assert_int_equal(concluded(items, 3), CONCLUSION_LIKELY);
    assert_int_equal(concluded(items, 4), CONCLUSION_CONFIRMED);
}

static void four_classes_without_a_structure_are_likely(void **state)
{
    const struct evidence items[] = {{"uname", RESULT_EMULATED, 0, "4.19.0-gvisor"},
                                     {"mounts", RESULT_EMULATED, 0, "/ 9p of none"},
                                     {"cpu_names_agree", RESULT_EMULATED, 0, "differ"},
                                     {"getppid_time", RESULT_ALLOWED, 0, "9000 ns"}};

    (void)state;
    assert_int_equal(concluded(items, ARRAY_LEN(items)), CONCLUSION_LIKELY);
}

/* A virtual machine's kernel is Linux: its name may say whose it is, and its structure that. */
static void a_kernel_of_its_own_is_linux_within_a_class_too(void **state)
{
    struct detection got;
    const struct evidence items[] = {{"uname", RESULT_ALLOWED, 0, "6.12.0"},
                                     {"kernel_cmdline", RESULT_ALLOWED, 0, "names Kata"},
                                     {"ns_inodes", RESULT_ALLOWED, 0, "4026531837"},
                                     {"vdso", RESULT_ALLOWED, 0, "__vdso_clock_getres"}};
    const struct detect_input input = {
        .items = items, .count = ARRAY_LEN(items), .boottime_at_main_ns = UINT64_MAX};

    (void)state;
    detect(&input, &got);
    assert_int_equal(got.classes[CLASS_SELF_REPORT].verdict, VERDICT_OWN_KERNEL);
    assert_int_equal(got.conflict_count, 0);
    assert_int_equal(got.conclusion, CONCLUSION_OWN_LINUX_KERNEL);
}

static void netlink_families_are_whole_numbers(void **state)
{
    static const struct {
        const char *census;
        enum verdict says;
    } cases[] = {{"0 15", VERDICT_GVISOR},      {"0 15 16", VERDICT_LINUX},
                 {"16", VERDICT_LINUX},         {"0 15 160", VERDICT_UNKNOWN},
                 {"0 15 116", VERDICT_UNKNOWN}, {"160 16", VERDICT_LINUX},
                 {"", VERDICT_UNKNOWN}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct detection got =
            DETECTED(0, OLD_S, {"netlink_census", RESULT_ALLOWED, 0, cases[i].census},
                     {"vmsplice", RESULT_SKIPPED, 0, ""}, {"setfsuid", RESULT_SKIPPED, 0, ""},
                     {"rseq", RESULT_SKIPPED, 0, ""});
        CHECK(got.classes[CLASS_ERRNO].verdict == cases[i].says, "%s", cases[i].census);
    }
}

static void declared_runtimes_are_matched_where_the_name_says_something(void **state)
{
    static const struct {
        const char *runtime;
        enum conclusion conclusion;
        int matches; /* -1: nothing to say */
    } cases[] = {
        {"gvisor", CONCLUSION_CONFIRMED, 1},
        {"runsc", CONCLUSION_LIKELY, 1},
        {"gvisor-sealed", CONCLUSION_NOT_GVISOR, 0},
        {"runc", CONCLUSION_NOT_GVISOR, 1},
        {"crun", CONCLUSION_CONFIRMED, 0},
        {"runc", CONCLUSION_OWN_LINUX_KERNEL, 0},
        {"kata-qemu", CONCLUSION_OWN_LINUX_KERNEL, 1},
        {"kata", CONCLUSION_NOT_GVISOR, 0},
        {"gvisor", CONCLUSION_CONFLICTING, 0},
        {"gvisor", CONCLUSION_UNKNOWN, -1},
        {"mine", CONCLUSION_CONFIRMED, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool matches = false;
        bool told = detect_matches(cases[i].runtime, cases[i].conclusion, &matches);
        CHECK((told ? matches : -1) == cases[i].matches, "%s, %s", cases[i].runtime,
              conclusion_name(cases[i].conclusion));
    }
}

/* Recorded reports, judged again. */

static int errno_of(const char *name)
{
    for (int i = 1; name != NULL && i < 256; i++) {
        const char *known = strerrorname_np(i);
        if (known != NULL && strcmp(known, name) == 0)
            return i;
    }
    return 0;
}

static const char *text_in(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return text == NULL ? "" : text;
}

static double number_in(const cJSON *object, const char *name)
{
    return cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static void check_recorded(const char *name)
{
    struct evidence items[200];
    size_t count = 0;
    char path[128];
    struct detection got;

    (void)snprintf(path, sizeof path, "gvisor_probe/tests/fixtures/%s.json", name);
    char *text = scratch_read(path, NULL);
    CHECK(text != NULL, "%s is missing", path);
    cJSON *report = cJSON_Parse(text);
    const cJSON *observed = cJSON_GetObjectItemCaseSensitive(report, "observed"), *probe;
    cJSON_ArrayForEach(probe, cJSON_GetObjectItemCaseSensitive(report, "probes"))
    {
        struct evidence *item = &items[count++];
        *item = (struct evidence){.probe = text_in(probe, "id"),
                                  .errnum = errno_of(text_in(probe, "errno")),
                                  .value = text_in(probe, "value")};
        CHECK(result_parse(text_in(probe, "result"), &item->result), "%s", item->probe);
    }
    const struct detect_input input = {
        .items = items,
        .count = count,
        .seccomp = (int)number_in(observed, "seccomp"),
        .boottime_at_main_ns = (uint64_t)number_in(observed, "boottime_at_main_ns"),
    };
    detect(&input, &got);
    const cJSON *detection = cJSON_GetObjectItemCaseSensitive(report, "detection");
    assert_string_equal(conclusion_name(got.conclusion), text_in(detection, "conclusion"));
    for (int i = 0; i < CLASSES; i++) {
        const cJSON *class =
            cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(detection, "classes"), i);
        CHECK(strcmp(verdict_name(got.classes[i].verdict), text_in(class, "verdict")) == 0,
              "%s: class %s", name, class_letter((enum evidence_class)i));
    }
    cJSON_Delete(report);
    free(text);
}

static void recorded_reports_are_judged_as_they_were(void **state)
{
    (void)state;
    check_recorded("runc");
    check_recorded("runc-unconfined");
    check_recorded("gvisor");
    check_recorded("gvisor-sealed");
    check_recorded("gvisor-2022");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nodes_kernel_is_not_gvisor),
        cmocka_unit_test(a_young_kernel_may_be_a_node_that_has_just_started),
        cmocka_unit_test(a_root_that_a_hypervisor_shares_is_a_virtual_machines),
        cmocka_unit_test(a_host_path_may_be_a_share_of_the_node),
        cmocka_unit_test(a_name_that_structure_contradicts_is_a_conflict),
        cmocka_unit_test(structure_that_a_name_contradicts_is_a_conflict),
        cmocka_unit_test(signals_of_a_class_that_disagree_are_a_conflict),
        cmocka_unit_test(slowness_alone_is_no_conflict),
        cmocka_unit_test(missing_calls_are_gvisors_without_a_filter),
        cmocka_unit_test(missing_calls_say_nothing_under_a_filter),
        cmocka_unit_test(one_missing_call_says_nothing),
        cmocka_unit_test(without_evidence_nothing_is_concluded),
        cmocka_unit_test(a_name_alone_is_not_enough),
        cmocka_unit_test(a_name_and_a_structure_are_likely),
        cmocka_unit_test(four_classes_and_a_structure_confirm_and_three_do_not),
        cmocka_unit_test(four_classes_without_a_structure_are_likely),
        cmocka_unit_test(a_kernel_of_its_own_is_linux_within_a_class_too),
        cmocka_unit_test(netlink_families_are_whole_numbers),
        cmocka_unit_test(declared_runtimes_are_matched_where_the_name_says_something),
        cmocka_unit_test(recorded_reports_are_judged_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
