#include "gvisor_probe/compare/attribute.h"

#include "common/tests/unit.h"

#define SAID(r, c, e)                                                                              \
    {                                                                                              \
        .result = RESULT_##r, .cause = CAUSE_##c, .errnum = e, .fate = FATES                       \
    }

static const struct outcome allowed = SAID(ALLOWED, NONE, NULL);
static const struct outcome refused = SAID(DENIED, POLICY, "EPERM");
static const struct outcome refused_by_mode = SAID(DENIED, DAC, "EACCES");
static const struct outcome absent = SAID(ABSENT, ABSENT, "ENOSYS");
static const struct outcome emulated = SAID(EMULATED, EMULATED, NULL);
static const struct outcome skipped = SAID(SKIPPED, NONE, NULL);
static const struct outcome killed = SAID(KILLED, POLICY, NULL);

struct call_case {
    const char *what;
    const struct outcome *baseline, *subject, *control;
    bool filtered, loss;
    enum attribution expected;
};

static void check_calls(const struct call_case cases[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct attribution_case given = {.baseline = cases[i].baseline,
                                               .subject = cases[i].subject,
                                               .control = cases[i].control,
                                               .subject_filtered = cases[i].filtered,
                                               .loss_if_missing = cases[i].loss};
        const char *why = NULL;
        enum attribution got = attribute(&given, &why);
        CHECK(got == cases[i].expected, "%s: %s, because %s", cases[i].what, attribution_name(got),
              why);
        CHECK(why != NULL, "%s", cases[i].what);
    }
}

static void the_runtime_gets_only_what_nothing_else_explains(void **state)
{
    static const struct call_case cases[] = {
        {"allowed there, absent here", &allowed, &absent, NULL, false, false, BY_RUNTIME},
        {"allowed there, refused here", &allowed, &refused, NULL, false, false, BY_RUNTIME},
        {"allowed there, invented here", &allowed, &emulated, NULL, false, false, BY_RUNTIME},
        {"only seccomp refuses it there", &refused, &absent, &allowed, false, false, BY_RUNTIME},
        {"refused here without a filter", &refused, &refused, &allowed, false, false, BY_RUNTIME},
        {"not there, invented here", &absent, &emulated, NULL, false, false, BY_RUNTIME},
    };
    (void)state;
    check_calls(cases, ARRAY_LEN(cases));
}

static void seccomp_capabilities_and_modes_are_the_pods(void **state)
{
    static const struct call_case cases[] = {
        {"refused on both, no control", &refused, &refused, NULL, false, false, BY_POD_SPEC},
        {"refused there, absent here, no control", &refused, &absent, NULL, false, false,
         BY_POD_SPEC},
        {"refused without seccomp too", &refused, &refused, &refused, false, false, BY_POD_SPEC},
        {"absent here, refused without seccomp too", &refused, &absent, &refused, false, false,
         BY_POD_SPEC},
        {"a filter refuses it here too", &refused, &refused, &allowed, true, false, BY_POD_SPEC},
        {"modes", &refused_by_mode, &refused_by_mode, &refused_by_mode, false, false, BY_POD_SPEC},
        {"modes there, absent here", &refused_by_mode, &absent, &allowed, false, false,
         BY_POD_SPEC},
        {"nothing on either side", &absent, &absent, &absent, false, false, BY_POD_SPEC},
        {"nothing there, refused here", &absent, &refused, &absent, false, false, BY_POD_SPEC},
        {"refused there, invented here", &refused, &emulated, &refused, false, false, BY_POD_SPEC},
    };
    (void)state;
    check_calls(cases, ARRAY_LEN(cases));
}

/* Without the control the host's own kernel might say something else each time. */
static void another_value_is_the_runtimes_only_where_the_control_says_the_baselines(void **state)
{
#define VALUE(v)                                                                                   \
    {                                                                                              \
        .result = RESULT_ALLOWED, .fate = FATES, .value = v                                        \
    }
    static const struct outcome host = VALUE("one"), same = VALUE("one"), other = VALUE("two"),
                                none = VALUE(NULL);
    static const struct call_case cases[] = {
        {"the control agrees", &host, &other, &same, false, false, BY_RUNTIME},
        {"the same value", &host, &same, &same, false, false, OPEN_IN_BOTH},
        {"no control", &host, &other, NULL, false, false, OPEN_IN_BOTH},
        {"a control that differs", &host, &other, &other, false, false, OPEN_IN_BOTH},
        {"a control without a value", &host, &other, &none, false, false, OPEN_IN_BOTH},
        {"a control that is refused", &host, &other, &refused, false, false, OPEN_IN_BOTH},
        {"no value there", &none, &other, &same, false, false, OPEN_IN_BOTH},
        {"no value here", &host, &none, &same, false, false, OPEN_IN_BOTH},
    };
#undef VALUE
    (void)state;
    check_calls(cases, ARRAY_LEN(cases));
}

static void what_is_worse_there_is_said(void **state)
{
    static const struct call_case cases[] = {
        {"refused there, allowed here", &refused, &allowed, &allowed, false, false,
         BY_RUNTIME_LOOSER},
        {"nothing there, allowed here", &absent, &allowed, &absent, false, false,
         BY_RUNTIME_LOOSER},
        {"a defence that is missing here", &allowed, &absent, &allowed, false, true,
         BY_RUNTIME_LOOSER},
    };
    (void)state;
    check_calls(cases, ARRAY_LEN(cases));
}

static void the_rest_is_left_open_or_undecided(void **state)
{
    static const struct call_case cases[] = {
        {"allowed on both", &allowed, &allowed, NULL, false, false, OPEN_IN_BOTH},
        {"a defence on both", &allowed, &allowed, NULL, false, true, OPEN_IN_BOTH},
        {"skipped there", &skipped, &allowed, NULL, false, false, UNDECIDED},
        {"killed here", &allowed, &killed, NULL, false, false, UNDECIDED},
        {"modes that did not stop the baseline", &allowed, &refused_by_mode, NULL, false, false,
         UNDECIDED},
        {"a baseline that is not Linux", &emulated, &emulated, NULL, false, false, UNDECIDED},
    };
    (void)state;
    check_calls(cases, ARRAY_LEN(cases));
}

static struct outcome write_of(enum fate fate, enum prediction prediction)
{
    bool denied = fate == FATE_DENIED;
    return (struct outcome){.result = denied ? RESULT_DENIED : RESULT_ALLOWED,
                            .cause = denied ? CAUSE_DAC : CAUSE_NONE,
                            .errnum = denied ? "EACCES" : NULL,
                            .is_write = true,
                            .fate = fate,
                            .prediction = prediction};
}

static void writes_are_judged_by_what_the_host_has(void **state)
{
    static const struct {
        const char *what;
        enum fate baseline, subject;
        enum prediction prediction; /* the subject's */
        enum attribution expected;
    } cases[] = {
        {"lands from both", FATE_LANDED, FATE_LANDED, PREDICT_ALLOWED, OPEN_IN_BOTH},
        {"stays inside", FATE_LANDED, FATE_CONTAINED, PREDICT_ALLOWED, BY_RUNTIME},
        {"refused, and nothing predicts it", FATE_LANDED, FATE_DENIED, PREDICT_ALLOWED, BY_RUNTIME},
        {"refused as predicted", FATE_LANDED, FATE_DENIED, PREDICT_DAC, UNDECIDED},
        {"refused on both as predicted", FATE_DENIED, FATE_DENIED, PREDICT_DAC, BY_POD_SPEC},
        {"lands where the baseline is refused", FATE_DENIED, FATE_LANDED, PREDICT_DAC,
         BY_RUNTIME_LOOSER},
        {"stays inside where the baseline is refused", FATE_DENIED, FATE_CONTAINED, PREDICT_DAC,
         BY_RUNTIME},
        {"nobody looked", FATE_UNKNOWN, FATE_UNKNOWN, PREDICT_ALLOWED, UNDECIDED},
        {"nobody could say of the subject", FATE_LANDED, FATE_UNKNOWN, PREDICT_ALLOWED, UNDECIDED},
        {"another of that name", FATE_LANDED, FATE_FORGED, PREDICT_ALLOWED, UNDECIDED},
        {"the baseline's is not there either", FATE_CONTAINED, FATE_CONTAINED, PREDICT_ALLOWED,
         UNDECIDED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct outcome baseline = write_of(
            cases[i].baseline, cases[i].baseline == FATE_DENIED ? PREDICT_DAC : PREDICT_ALLOWED);
        const struct outcome subject = write_of(cases[i].subject, cases[i].prediction);
        const struct attribution_case given = {.baseline = &baseline, .subject = &subject};
        const char *why;
        enum attribution got = attribute(&given, &why);
        CHECK(got == cases[i].expected, "%s: %s, because %s", cases[i].what, attribution_name(got),
              why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_runtime_gets_only_what_nothing_else_explains),
        cmocka_unit_test(seccomp_capabilities_and_modes_are_the_pods),
        cmocka_unit_test(another_value_is_the_runtimes_only_where_the_control_says_the_baselines),
        cmocka_unit_test(what_is_worse_there_is_said),
        cmocka_unit_test(the_rest_is_left_open_or_undecided),
        cmocka_unit_test(writes_are_judged_by_what_the_host_has),
    };
    return cmocka_run_group_tests_name("attribute", tests, NULL, NULL);
}
