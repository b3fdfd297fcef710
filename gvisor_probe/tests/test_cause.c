#include "gvisor_probe/words/cause.h"

#include <errno.h>

#include "common/tests/unit.h"
#include "gvisor_probe/observe/proc_status.h"

enum { DIR_TYPE = 0040000, FILE_TYPE = 0100000 };

static void an_errno_says_a_result(void **state)
{
    static const struct {
        int errnum;
        enum probe_result result;
    } cases[] = {
        {0, RESULT_ALLOWED},      {EINVAL, RESULT_ALLOWED},      {EBADF, RESULT_ALLOWED},
        {EFAULT, RESULT_ALLOWED}, {EPERM, RESULT_DENIED},        {EACCES, RESULT_DENIED},
        {EROFS, RESULT_DENIED},   {ECONNREFUSED, RESULT_DENIED}, {ENOSYS, RESULT_ABSENT},
        {ENOENT, RESULT_ABSENT},  {EAFNOSUPPORT, RESULT_ABSENT}, {EOPNOTSUPP, RESULT_ABSENT},
        {ENOMEM, RESULT_UNCLEAR}, {EIO, RESULT_UNCLEAR},         {EAGAIN, RESULT_UNCLEAR},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(result_of_errno(cases[i].errnum) == cases[i].result, "errno %d", cases[i].errnum);
}

static void a_result_and_its_surroundings_say_a_cause(void **state)
{
    static const struct {
        const char *name;
        enum probe_result result;
        struct refusal refusal;
        enum probe_cause cause;
    } cases[] = {
        {"done", RESULT_ALLOWED, {0}, CAUSE_NONE},
        {"not tried", RESULT_SKIPPED, {0}, CAUSE_NONE},
        {"no such call", RESULT_ABSENT, {.errnum = ENOSYS}, CAUSE_ABSENT},
        {"a filter may say ENOSYS",
         RESULT_ABSENT,
         {.errnum = ENOSYS, .filtered = true},
         CAUSE_INDETERMINATE},
        {"a filter looks at no paths",
         RESULT_ABSENT,
         {.errnum = ENOENT, .filtered = true},
         CAUSE_ABSENT},
        {"EPERM is policy, filter or not", RESULT_DENIED, {.errnum = EPERM}, CAUSE_POLICY},
        {"EPERM under a filter", RESULT_DENIED, {.errnum = EPERM, .filtered = true}, CAUSE_POLICY},
        {"EACCES that owner and mode predict",
         RESULT_DENIED,
         {.errnum = EACCES, .dac_denies = true},
         CAUSE_DAC},
        {"EACCES that they do not predict", RESULT_DENIED, {.errnum = EACCES}, CAUSE_POLICY},
        {"EPERM is never owner and mode",
         RESULT_DENIED,
         {.errnum = EPERM, .dac_denies = true},
         CAUSE_POLICY},
        {"EROFS", RESULT_DENIED, {.errnum = EROFS}, CAUSE_MOUNT},
        {"doubly denied, as gVisor orders it",
         RESULT_DENIED,
         {.errnum = EACCES, .dac_denies = true, .mount_read_only = true},
         CAUSE_MOUNT},
        {"nobody listens, or a rule", RESULT_DENIED, {.errnum = ECONNREFUSED}, CAUSE_INDETERMINATE},
        {"killed by a filter", RESULT_KILLED, {.filtered = true}, CAUSE_POLICY},
        {"killed without one", RESULT_KILLED, {0}, CAUSE_INDETERMINATE},
        {"too slow", RESULT_TIMEOUT, {0}, CAUSE_INDETERMINATE},
        {"out of memory", RESULT_UNCLEAR, {.errnum = ENOMEM}, CAUSE_INDETERMINATE},
        {"another kernel's answer", RESULT_EMULATED, {0}, CAUSE_EMULATED},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(cause_of(cases[i].result, &cases[i].refusal) == cases[i].cause, "%s", cases[i].name);
}

static void owner_group_and_others_are_asked_in_turn(void **state)
{
    static const uint32_t groups[] = {7, 8};
    static const struct {
        const char *name;
        uint32_t mode;
        uint64_t owner, group;
        unsigned want;
        bool allowed;
    } cases[] = {
        {"others may write", DIR_TYPE | 01777, 0, 0, 3, true},
        {"others may not", DIR_TYPE | 0755, 0, 0, 3, false},
        {"the owner may", DIR_TYPE | 0700, 65534, 0, 3, true},
        {"the owner's bits beat the others'", DIR_TYPE | 0077, 65534, 0, 3, false},
        {"the group may", DIR_TYPE | 0070, 0, 65533, 3, true},
        {"a supplementary group may", DIR_TYPE | 0070, 0, 8, 3, true},
        {"the group's bits beat the others'", DIR_TYPE | 0707, 0, 8, 3, false},
    };
    const struct identity self = {
        .uid = 65534, .gid = 65533, .groups = groups, .group_count = ARRAY_LEN(groups)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(dac_allows(cases[i].mode, cases[i].owner, cases[i].group, &self, cases[i].want) ==
                  cases[i].allowed,
              "%s", cases[i].name);
}

static void capabilities_override_modes(void **state)
{
    const struct identity override = {.capabilities = 1u << CAPABILITY_DAC_OVERRIDE};
    const struct identity search = {.capabilities = 1u << CAPABILITY_DAC_READ_SEARCH};

    (void)state;
    assert_true(dac_allows(DIR_TYPE, 1, 1, &override, 7));
    assert_true(dac_allows(FILE_TYPE, 1, 1, &override, 6));
    assert_false(dac_allows(FILE_TYPE, 1, 1, &override, 1));
    assert_true(dac_allows(FILE_TYPE | 0100, 1, 1, &override, 1));
    assert_true(dac_allows(DIR_TYPE, 1, 1, &search, 5));
    assert_false(dac_allows(DIR_TYPE, 1, 1, &search, 2));
}

static void rights_are_read_from_proc_status(void **state)
{
    struct proc_status status = proc_status_parse("Name:\tx\nCapInh:\t0000000000000000\n"
                                                  "CapEff:\t00000000a80425fb\n"
                                                  "CapBnd:\t000001ffffffffff\nNoNewPrivs:\t1\n"
                                                  "Seccomp:\t2\nSeccomp_filters:\t1\n");

    (void)state;
    assert_true(status.known[SET_INHERITABLE] && status.known[SET_EFFECTIVE]);
    assert_int_equal(status.sets[SET_EFFECTIVE], 0xa80425fb);
    assert_int_equal(status.sets[SET_BOUNDING], 0x1ffffffffff);
    assert_false(status.known[SET_AMBIENT]);
    assert_int_equal(status.seccomp, 2);
    assert_int_equal(status.seccomp_filters, 1);
    assert_int_equal(status.no_new_privs, 1);
}

static void what_proc_status_does_not_say_is_unknown(void **state)
{
    struct proc_status status = proc_status_parse("Seccomp:\t0\nCapEff:\tnonsense\nCapBnd:\t"
                                                  "00000000000000000\n");

    (void)state;
    assert_int_equal(status.seccomp, 0);
    assert_int_equal(status.seccomp_filters, -1);
    assert_int_equal(status.no_new_privs, -1);
    assert_false(status.known[SET_EFFECTIVE] || status.known[SET_BOUNDING]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errno_says_a_result),
        cmocka_unit_test(a_result_and_its_surroundings_say_a_cause),
        cmocka_unit_test(owner_group_and_others_are_asked_in_turn),
        cmocka_unit_test(capabilities_override_modes),
        cmocka_unit_test(rights_are_read_from_proc_status),
        cmocka_unit_test(what_proc_status_does_not_say_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
