#include "gvisor_probe/observe/proc_status.h"

#include "common/tests/unit.h"

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
        cmocka_unit_test(rights_are_read_from_proc_status),
        cmocka_unit_test(what_proc_status_does_not_say_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
