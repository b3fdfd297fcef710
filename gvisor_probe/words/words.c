#include "gvisor_probe/words/words.h"

#include <stddef.h>
#include <string.h>

static const char *const groups[GROUPS] = {
    [GROUP_IDENTITY] = "identity",
    [GROUP_HOST_DATA] = "host-data",
    [GROUP_KERNEL_SURFACE] = "kernel-surface",
    [GROUP_HOST_OBJECTS] = "host-objects",
    [GROUP_COST] = "cost",
};

static const char *const safeties[SAFETIES] = {
    [SAFETY_READ] = "reads only",
    [SAFETY_CHILD] = "in a child of its own",
    [SAFETY_FILE] = "leaves a file until the run ends",
    [SAFETY_NETWORK] = "sends packets",
};

static const char *const results[RESULTS] = {
    [RESULT_ALLOWED] = "allowed",   [RESULT_DENIED] = "denied",   [RESULT_ABSENT] = "absent",
    [RESULT_EMULATED] = "emulated", [RESULT_SKIPPED] = "skipped", [RESULT_KILLED] = "killed",
    [RESULT_TIMEOUT] = "timeout",   [RESULT_UNCLEAR] = "unclear",
};

static const char *const causes[CAUSES] = {
    [CAUSE_NONE] = "none",
    [CAUSE_ABSENT] = "absent",
    [CAUSE_POLICY] = "policy",
    [CAUSE_DAC] = "dac",
    [CAUSE_MOUNT] = "mount",
    [CAUSE_EMULATED] = "emulated",
    [CAUSE_SAME_KERNEL] = "same-kernel",
    [CAUSE_DIVERTED] = "diverted",
    [CAUSE_INDETERMINATE] = "indeterminate",
};

static const char *const verdicts[VERDICTS] = {
    [VERDICT_GVISOR] = "gvisor",
    [VERDICT_LINUX] = "linux",
    [VERDICT_OWN_KERNEL] = "own-kernel",
    [VERDICT_UNKNOWN] = "unknown",
};

static const char *const conclusions[CONCLUSIONS] = {
    [CONCLUSION_CONFIRMED] = "confirmed",
    [CONCLUSION_LIKELY] = "likely",
    [CONCLUSION_CONFLICTING] = "conflicting",
    [CONCLUSION_NOT_GVISOR] = "not-gvisor",
    [CONCLUSION_OWN_LINUX_KERNEL] = "own-linux-kernel",
    [CONCLUSION_UNKNOWN] = "unknown",
};

#define NAMES(function, type, table)                                                               \
    const char *function##_name(enum type value)                                                   \
    {                                                                                              \
        return table[value];                                                                       \
    }

#define WORDS(function, type, table)                                                               \
    NAMES(function, type, table)                                                                   \
    bool function##_parse(const char *text, enum type *ret)                                        \
    {                                                                                              \
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {                                \
            if (strcmp(table[i], text) == 0) {                                                     \
                *ret = (enum type)i;                                                               \
                return true;                                                                       \
            }                                                                                      \
        }                                                                                          \
        return false;                                                                              \
    }

NAMES(safety, probe_safety, safeties)
WORDS(group, probe_group, groups)
WORDS(result, probe_result, results)
WORDS(cause, probe_cause, causes)
WORDS(verdict, verdict, verdicts)
WORDS(conclusion, conclusion, conclusions)
