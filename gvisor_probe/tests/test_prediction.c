#include "gvisor_probe/compare/prediction.h"

#include "common/tests/unit.h"

enum { OWNER = 1000, GROUP = 2000, OTHER = 65534, DAC_OVERRIDE = 1 << 1 };

static void owner_group_mode_and_mount_decide(void **state)
{
    static const uint32_t member[] = {7, GROUP};
    static const struct {
        const char *what;
        struct identity who;
        uint32_t mode;
        bool read_only;
        enum prediction expected;
    } cases[] = {
        {"others may, sticky", {.uid = OTHER, .gid = OTHER}, 01777, false, PREDICT_ALLOWED},
        {"others may not", {.uid = OTHER, .gid = OTHER}, 0755, false, PREDICT_DAC},
        {"others may write but not search", {.uid = OTHER, .gid = OTHER}, 0772, false, PREDICT_DAC},
        {"the owner may", {.uid = OWNER, .gid = OTHER}, 0700, false, PREDICT_ALLOWED},
        {"an owner without the right", {.uid = OWNER, .gid = OTHER}, 0077, false, PREDICT_DAC},
        {"the group may", {.uid = OTHER, .gid = GROUP}, 0770, false, PREDICT_ALLOWED},
        {"a supplementary group may",
         {.uid = OTHER, .gid = OTHER, .groups = member, .group_count = 2},
         0770,
         false,
         PREDICT_ALLOWED},
        {"a group without the right", {.uid = OTHER, .gid = GROUP}, 0707, false, PREDICT_DAC},
        {"root without capabilities", {.uid = 0, .gid = 0}, 0755, false, PREDICT_DAC},
        {"CAP_DAC_OVERRIDE",
         {.uid = OTHER, .gid = OTHER, .capabilities = DAC_OVERRIDE},
         0700,
         false,
         PREDICT_ALLOWED},
        {"read-only mount", {.uid = OTHER, .gid = OTHER}, 01777, true, PREDICT_MOUNT},
        {"read-only mount and mode", {.uid = OTHER, .gid = OTHER}, 0755, true, PREDICT_BOTH},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct unix_directory where = {.mode = cases[i].mode, .uid = OWNER, .gid = GROUP};
        CHECK(predict_create(&cases[i].who, &where, cases[i].read_only) == cases[i].expected, "%s",
              cases[i].what);
    }
}

/* Linux checks the mount first, gVisor the mode: on a doubly denied path both are right. */
static void a_prediction_explains_its_own_errno_only(void **state)
{
    static const struct {
        enum prediction prediction;
        const char *errnum;
        bool explains;
    } cases[] = {
        {PREDICT_DAC, "EACCES", true},      {PREDICT_DAC, "EROFS", false},
        {PREDICT_DAC, "EPERM", false},      {PREDICT_MOUNT, "EROFS", true},
        {PREDICT_MOUNT, "EACCES", false},   {PREDICT_BOTH, "EACCES", true},
        {PREDICT_BOTH, "EROFS", true},      {PREDICT_BOTH, "ENOSPC", false},
        {PREDICT_ALLOWED, "EACCES", false}, {PREDICT_DAC, NULL, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(prediction_explains(cases[i].prediction, cases[i].errnum) == cases[i].explains,
              "case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_group_mode_and_mount_decide),
        cmocka_unit_test(a_prediction_explains_its_own_errno_only),
    };
    return cmocka_run_group_tests_name("prediction", tests, NULL, NULL);
}
