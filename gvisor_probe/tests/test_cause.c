#include "gvisor_probe/words/cause.h"

#include <errno.h>

#include "common/tests/unit.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_errno_says_a_result),
        cmocka_unit_test(a_result_and_its_surroundings_say_a_cause),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
