#include "gvisor_probe/words/permission.h"

#include "common/tests/unit.h"

enum { DIR_TYPE = 0040000, FILE_TYPE = 0100000 };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(owner_group_and_others_are_asked_in_turn),
        cmocka_unit_test(capabilities_override_modes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
