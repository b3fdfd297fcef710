#include "gvisor_probe/compare/comparison.h"

#include "gvisor_probe/compare/expectation.h"
#include "gvisor_probe/tests/recording.h"

static bool names_confounder(const struct comparison *comparison, const char *what, const char *a,
                             const char *b)
{
    for (size_t i = 0; i < comparison->confounders.count && i < CONFOUNDERS_MAX; i++) {
        const struct confounder *confounder = &comparison->confounders.items[i];
        if (strcmp(confounder->what, what) == 0 && strcmp(confounder->a, a) == 0 &&
            strcmp(confounder->b, b) == 0)
            return true;
    }
    return false;
}

static void check_fact(const struct comparison *comparison, const char *id, const char *expected)
{
    const char *found = comparison_fact(comparison, id);
    CHECK(found != NULL && strcmp(found, expected) == 0, "%s is %s, not %s", id,
          found == NULL ? "nothing" : found, expected);
}

/* Checks facts of the recorded experiment. */
static void check_facts(const char *const facts[][2], size_t count)
{
    struct recording *recording = recording_open();
    const struct comparison *comparison = recording_compare(recording);

    for (size_t i = 0; i < count; i++)
        check_fact(comparison, facts[i][0], facts[i][1]);
    recording_close(recording);
}

static void a_real_experiment_is_valid_and_says_where_files_land(void **state)
{
    static const char *const facts[][2] = {
        {"experiment/valid", "true"},
        {"runc/file", "landed"},
        {"gvisor/file", "landed"},
        {"gvisor-sealed/file", "contained"},
        {"runc-unconfined/file", "landed"},
        {"runc/locked", "denied"},
        {"gvisor/locked", "denied"},
        {"gvisor-sealed/locked", "denied"},
        {"runc/fifo", "landed"},
        {"gvisor/fifo", "contained"},
        {"runc/socket", "landed"},
        {"gvisor/socket", "contained"},
        {"runc/decoy_socket", "reached"},
        {"gvisor/decoy_socket", "refused"},
        {"gvisor-sealed/decoy_socket", "refused"},
        {"runc-unconfined/decoy_socket", "reached"},
        {"gvisor/decoy_fifo", "refused"},
        {"runc/kernel", "not-gvisor"},
        {"gvisor/kernel", "confirmed"},
    };

    (void)state;
    check_facts(facts, ARRAY_LEN(facts));
}

static void what_is_credited_and_what_is_not(void **state)
{
    static const char *const facts[][2] = {
        {"gvisor-sealed/host_file_write", "runtime"},
        {"gvisor/host_file_write", "open-in-both"},
        {"gvisor/host_locked_write", "pod-spec"},
        {"gvisor/host_fifo_create", "runtime"},
        {"gvisor/host_socket_connect", "runtime"},
        {"gvisor/host_fifo_open", "runtime"},
        {"gvisor/leak_kallsyms", "runtime"},
        {"gvisor/io_uring", "runtime"},
        {"gvisor/boot_id", "runtime"},
        {"gvisor/setns", "pod-spec"},
        {"gvisor/socket_packet", "pod-spec"},
        {"gvisor/host_device_create", "pod-spec"},
        {"gvisor/service_token", "pod-spec"},
        {"gvisor/memory_total", "open-in-both"},
        {"gvisor/host_setuid_file", "open-in-both"},
        {"gvisor/landlock", "looser"},
        {"gvisor/user_namespace", "looser"},
        {"gvisor/device_fuse", "looser"},
    };

    (void)state;
    check_facts(facts, ARRAY_LEN(facts));
}

/* Without the control nobody can tell seccomp's work from the sandbox's. */
static void without_the_control_seccomp_gets_the_benefit_of_the_doubt(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    recording->count = UNCONFINED;
    const struct comparison *comparison = recording_compare(recording);
    assert_int_equal(comparison->experiment.control, -1);
    assert_true(comparison->valid);
    check_fact(comparison, "gvisor/io_uring", "pod-spec");
    check_fact(comparison, "gvisor/leak_kallsyms", "runtime");
    check_fact(comparison, "gvisor/boot_id", "open-in-both");
    recording_close(recording);
}

static void without_a_witness_nothing_is_said_to_be_contained(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    cJSON_Delete(recording->witness);
    recording->witness = NULL;
    const struct comparison *comparison = recording_compare(recording);
    check_fact(comparison, "gvisor-sealed/file", "unknown");
    check_fact(comparison, "gvisor-sealed/host_file_write", "undecided");
    check_fact(comparison, "gvisor-sealed/locked", "denied");
    recording_close(recording);
}

/* One thing at a time differs: it is named with both values, and nothing is credited. */

struct flip {
    int report; /* UNCONFINED and below, or RECORDED: the witness */
    const char *path, *json;
    const char *what, *a, *b; /* the confounder */
};

static const struct flip flips[] = {
    {GVISOR, "run_id", "\"other\"", "run", "fixture", "other"},
    {GVISOR, "program_sha256", "null", "program digest", NULL, "not known"},
    {GVISOR, "cell.pod.node", "\"node-2\"", "node", "node-1", "node-2"},
    {GVISOR, "cell.pod.node", "null", "node", "node-1", "not known"},
    {GVISOR, "cell.pod.image", "\"other:1\"", "image", "not known", "other:1"},
    {GVISOR, "cell.pod.uid", "0", "declared uid", "65534", "0"},
    {GVISOR, "cell.pod.gids", "[65534,1000]", "declared groups", "[65534]", "[65534,1000]"},
    {GVISOR, "cell.pod.host_path", "\"/tmp\"", "host path", "/srv/probe/host", "/tmp"},
    {GVISOR, "cell.pod.mount_read_only", "true", "declared read-only mount", "false", "true"},
    {GVISOR, "cell.pod.root_read_only", "false", "read-only root", "true", "false"},
    {GVISOR, "cell.pod.capabilities", "\"CAP_CHOWN\"", "declared capabilities", "none",
     "CAP_CHOWN"},
    {GVISOR, "cell.pod.seccomp", "\"Unconfined\"", "declared seccomp", "RuntimeDefault",
     "Unconfined"},
    {GVISOR, "cell.pod.privileged", "true", "privileged", "false", "true"},
    {GVISOR, "observed.uid", "0", "uid", "65534", "0"},
    {GVISOR, "observed.euid", "0", "effective uid", "65534", "0"},
    {GVISOR, "observed.gid", "0", "gid", "65534", "0"},
    {GVISOR, "observed.egid", "0", "effective gid", "65534", "0"},
    {GVISOR, "observed.groups", "[6]", "groups", "[]", "[6]"},
    {GVISOR, "observed.capabilities.effective", "\"0000000000000002\"", "effective capabilities",
     "0000000000000000", "0000000000000002"},
    {GVISOR, "observed.capabilities.permitted", "\"0000000000000002\"", "permitted capabilities",
     "0000000000000000", "0000000000000002"},
    {GVISOR, "observed.no_new_privs", "false", "no_new_privs", "true", "false"},
    {GVISOR, "observed.path.path", "\"/elsewhere\"", "path", "/host", "/elsewhere"},
    {GVISOR, "observed.path.read_only", "true", "read-only mount", "false", "true"},
    {GVISOR, "observed.path", "null", "path", "/host", "not known"},
    {GVISOR, "detection.declared_matches", "false", "runtime", "gvisor", "confirmed"},
    {RUNC, "observed.seccomp", "0", "seccomp", "RuntimeDefault", "off"},
    {RUNC, "observed.capabilities.bounding", "\"0000000000002000\"", "bounding capabilities",
     "none", "0000000000002000"},
    {UNCONFINED, "observed.seccomp", "2", "seccomp", "Unconfined", "filter"},
    {UNCONFINED, "observed.uid", "0", "uid", "65534", "0"},
    {RECORDED, "valid", "false", "witness", "a valid record", "it says so"},
    {RECORDED, "boot_id", "\"another\"", "host's boot_id", "another",
     "00000000-0000-4000-8000-000000000001"},
    {RECORDED, "entries", "[]", "what the baseline wrote", "open/fixture-runc/host_file_write",
     "not there"},
};

static void each_confounder_is_named_and_ends_all_credit(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(flips); i++) {
        const struct flip *flip = &flips[i];
        struct recording *recording = recording_open();
        char digest[CONFOUNDER_TEXT] = "";
        if (flip->a == NULL)
            (void)snprintf(digest, sizeof digest, "%s",
                           json_find(recording->reports[RUNC], flip->path)->valuestring);
        change(flip->report == RECORDED ? recording->witness : recording->reports[flip->report],
               flip->path, flip->json);
        const struct comparison *comparison = recording_compare(recording);
        CHECK(!comparison->valid, "%s = %s", flip->path, flip->json);
        CHECK(names_confounder(comparison, flip->what, flip->a == NULL ? digest : flip->a, flip->b),
              "%s = %s: not named", flip->path, flip->json);
        CHECK(comparison->findings.count == 0, "%s = %s", flip->path, flip->json);
        recording_close(recording);
    }
}

static void another_mode_or_owner_of_a_directory_is_a_confounder(void **state)
{
    static const char *const names[][2] = {
        {".", "mode of the path"}, {"open", "mode of open"}, {"locked", "mode of locked"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (int owner = 0; owner < 2; owner++) {
            struct recording *recording = recording_open();
            cJSON *directory = element(recording->reports[GVISOR], "observed.path.directories",
                                       "name", names[i][0]);
            change(directory, owner ? "uid" : "mode", owner ? "65534" : "\"0700\"");
            const struct comparison *comparison = recording_compare(recording);
            assert_false(comparison->valid);
            assert_string_equal(comparison->confounders.items[0].what, names[i][1]);
            recording_close(recording);
        }
}

static void another_canary_is_another_directory(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    change(element(recording->reports[GVISOR], "probes", "id", "host_canary"), "value",
           "\"ffffffffffffffffffffffffffffffff\"");
    const struct comparison *comparison = recording_compare(recording);
    assert_false(comparison->valid);
    assert_string_equal(comparison->confounders.items[0].what, "canary");
    recording_close(recording);
}

static void settings_that_differ_by_nature_confound_nothing(void **state)
{
    static const struct {
        const char *path, *json;
    } natural[] = {
        {"observed.seccomp", "2"},
        {"observed.capabilities.bounding", "\"00000000a80405fb\""},
        {"observed.path.statfs_type", "\"0x794c7630\""},
        {"observed.boot_id", "\"its own\""},
        {"observed.cpus", "1"},
        {"observed.no_new_privs", "null"},
        {"observed.memory_bytes", "0"},
        {"cell.runtime_class", "\"gvisor\""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(natural); i++) {
        struct recording *recording = recording_open();
        change(recording->reports[GVISOR], natural[i].path, natural[i].json);
        const struct comparison *comparison = recording_compare(recording);
        CHECK(comparison->valid, "%s: %s", natural[i].path, comparison->confounders.items[0].what);
        recording_close(recording);
    }
}

/*
 * The demonstration that this experiment corrects: each pod gets a host directory of its own, the
 * one of runc 1777, the one of gVisor root's 0755, and EACCES is shown as isolation.
 */
static void two_pods_with_directories_of_their_own_are_refused(void **state)
{
    struct recording *recording = recording_open();
    cJSON *gvisor = recording->reports[GVISOR];

    (void)state;
    recording->count = SEALED;
    cJSON_Delete(recording->witness);
    recording->witness = NULL;
    change(gvisor, "cell.pod.host_path", "\"/tmp/gvisor\"");
    change(element(gvisor, "observed.path.directories", "name", "open"), "mode", "\"0755\"");
    cJSON *write = element(gvisor, "writes", "probe", "host_file_write");
    change(write, "made", "false");
    cJSON *probe = element(gvisor, "probes", "id", "host_file_write");
    change(probe, "result", "\"denied\"");
    change(probe, "cause", "\"dac\"");
    change(probe, "errno", "\"EACCES\"");
    const struct comparison *comparison = recording_compare(recording);
    assert_false(comparison->valid);
    assert_true(names_confounder(comparison, "host path", "/srv/probe/host", "/tmp/gvisor"));
    assert_true(names_confounder(comparison, "mode of open", "1777 of 0:0", "0755 of 0:0"));
    check_fact(comparison, "gvisor/file", "denied");
    assert_null(comparison_fact(comparison, "gvisor/host_file_write"));
    recording_close(recording);
}

static void a_witness_that_could_not_see_all_proves_no_containment(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    change(recording->witness, "truncated", "true");
    const struct comparison *comparison = recording_compare(recording);
    check_fact(comparison, "runc/file", "landed");
    check_fact(comparison, "gvisor-sealed/file", "unknown");
    recording_close(recording);
}

static void a_file_of_that_name_with_other_content_did_not_land(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    change(element(recording->witness, "entries", "name", "open/fixture-gvisor/host_file_write"),
           "sha256", "\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"");
    check_fact(recording_compare(recording), "gvisor/file", "forged");
    recording_close(recording);
}

static void what_was_removed_again_is_not_contained(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    change(element(recording->reports[SEALED], "writes", "probe", "host_file_write"), "kept",
           "false");
    check_fact(recording_compare(recording), "gvisor-sealed/file", "unknown");
    recording_close(recording);
}

static void who_says_to_have_reached_the_socket_must_have_been_seen(void **state)
{
    struct recording *recording = recording_open();

    (void)state;
    change(recording->witness, "decoys.connections", "[]");
    const struct comparison *comparison = recording_compare(recording);
    check_fact(comparison, "runc/decoy_socket", "unknown");
    check_fact(comparison, "gvisor/decoy_socket", "refused");
    recording_close(recording);
}

static size_t judge(const char *json, struct expectation ret[], enum status *ret_status)
{
    struct recording *recording = recording_open();
    struct err err = {0};
    size_t count = 0, met = 0;
    cJSON *expected = cJSON_Parse(json);

    *ret_status = STATUS_DONE;
    if (!expectations_judge("expect.json", expected, recording_compare(recording), ret, &count,
                            &err))
        *ret_status = err.status;
    for (size_t i = 0; i < count; i++)
        met += ret[i].met;
    cJSON_Delete(expected);
    recording_close(recording);
    return met;
}

static void expectations_are_met_by_what_was_found_and_nothing_else(void **state)
{
    static const struct {
        const char *json;
        size_t met;
        enum status status;
    } cases[] = {
        {"{\"runc/file\":\"landed\"}", 1, STATUS_DONE},
        {"{\"runc/file\":\"contained\"}", 0, STATUS_DONE},
        {"{\"gvisor-sealed/file\":[\"denied\",\"contained\"]}", 1, STATUS_DONE},
        {"{\"gvisor/no_such_probe\":\"runtime\"}", 0, STATUS_DONE},
        {"{\"no_such_cell/file\":\"landed\"}", 0, STATUS_DONE},
        {"{\"runc\":\"landed\"}", 0, STATUS_DONE},
        {"{}", 0, STATUS_INPUT},
        {"[]", 0, STATUS_INPUT},
        {"{\"runc/file\":1}", 0, STATUS_INPUT},
        {"{\"runc/file\":[]}", 0, STATUS_INPUT},
        {"{\"runc/file\":[\"landed\",null]}", 1, STATUS_INPUT},
    };
    static struct expectation expectations[EXPECTATIONS_MAX];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum status status;
        size_t met = judge(cases[i].json, expectations, &status);
        CHECK(met == cases[i].met && status == cases[i].status, "%s: %zu met, status %d",
              cases[i].json, met, (int)status);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_real_experiment_is_valid_and_says_where_files_land),
        cmocka_unit_test(what_is_credited_and_what_is_not),
        cmocka_unit_test(without_the_control_seccomp_gets_the_benefit_of_the_doubt),
        cmocka_unit_test(without_a_witness_nothing_is_said_to_be_contained),
        cmocka_unit_test(each_confounder_is_named_and_ends_all_credit),
        cmocka_unit_test(another_mode_or_owner_of_a_directory_is_a_confounder),
        cmocka_unit_test(another_canary_is_another_directory),
        cmocka_unit_test(settings_that_differ_by_nature_confound_nothing),
        cmocka_unit_test(two_pods_with_directories_of_their_own_are_refused),
        cmocka_unit_test(a_witness_that_could_not_see_all_proves_no_containment),
        cmocka_unit_test(a_file_of_that_name_with_other_content_did_not_land),
        cmocka_unit_test(what_was_removed_again_is_not_contained),
        cmocka_unit_test(who_says_to_have_reached_the_socket_must_have_been_seen),
        cmocka_unit_test(expectations_are_met_by_what_was_found_and_nothing_else),
    };
    return cmocka_run_group_tests_name("comparison", tests, NULL, NULL);
}
