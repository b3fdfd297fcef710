#include "gvisor_probe/words/words.h"

#include "common/tests/unit.h"

static void every_word_reads_back_as_its_value(void **state)
{
    (void)state;
    for (int i = 0; i < GROUPS; i++) {
        enum probe_group got = GROUPS;
        assert_true(group_parse(group_name((enum probe_group)i), &got) && (int)got == i);
    }
    for (int i = 0; i < RESULTS; i++) {
        enum probe_result got = RESULTS;
        assert_true(result_parse(result_name((enum probe_result)i), &got) && (int)got == i);
    }
    for (int i = 0; i < CAUSES; i++) {
        enum probe_cause got = CAUSES;
        assert_true(cause_parse(cause_name((enum probe_cause)i), &got) && (int)got == i);
    }
    for (int i = 0; i < VERDICTS; i++) {
        enum verdict got = VERDICTS;
        assert_true(verdict_parse(verdict_name((enum verdict)i), &got) && (int)got == i);
    }
    for (int i = 0; i < CONCLUSIONS; i++) {
        enum conclusion got = CONCLUSIONS;
        assert_true(conclusion_parse(conclusion_name((enum conclusion)i), &got) && (int)got == i);
    }
}

static void an_unknown_word_is_refused_and_changes_nothing(void **state)
{
    enum probe_cause cause = CAUSE_DAC;

    (void)state;
    assert_false(cause_parse("DAC", &cause));
    assert_false(cause_parse("", &cause));
    assert_int_equal(cause, CAUSE_DAC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_word_reads_back_as_its_value),
        cmocka_unit_test(an_unknown_word_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
