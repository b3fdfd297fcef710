#include "gvisor_probe/probes/runner.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/tests/unit.h"
#include "gvisor_probe/observe/observed.h"

static struct observed self;
static const struct probe_context context = {.label = "run-cell", .self = &self};

static struct finding found_by(probe_fn *run, enum probe_group group)
{
    const struct probe probe = {.id = "unit", .group = group, .subject = "subject", .run = run};
    struct finding finding;
    struct err err = {0};

    CHECK(runner_run(&probe, &context, &finding, &err), "%s", err.text);
    return finding;
}

static void refuse(const struct probe_context *given, const char *subject, struct finding *ret)
{
    found_value(ret, "%s %s", given->label, subject);
    found_errno(ret, EPERM);
}

static void a_finding_comes_back_with_its_cause(void **state)
{
    struct finding got = found_by(refuse, GROUP_IDENTITY);

    (void)state;
    assert_int_equal(got.result, RESULT_DENIED);
    assert_int_equal(got.cause, CAUSE_POLICY);
    assert_int_equal(got.errnum, EPERM);
    assert_string_equal(got.value, "run-cell subject");
}

static void die_by_filter(const struct probe_context *given, const char *subject,
                          struct finding *ret)
{
    (void)given, (void)subject, (void)ret;
    (void)signal(SIGSYS, SIG_DFL); /* cmocka has a handler */
    (void)raise(SIGSYS);
}

static void a_signal_is_a_result(void **state)
{
    struct finding got = found_by(die_by_filter, GROUP_IDENTITY);

    (void)state;
    assert_int_equal(got.result, RESULT_KILLED);
    assert_string_equal(got.value, "SIGSYS");
    assert_int_equal(got.cause, CAUSE_INDETERMINATE);
}

static void a_signal_under_a_filter_is_the_filters(void **state)
{
    (void)state;
    self.status.seccomp = 2;
    struct finding got = found_by(die_by_filter, GROUP_IDENTITY);
    self.status.seccomp = 0;
    assert_int_equal(got.cause, CAUSE_POLICY);
}

static void leave(const struct probe_context *given, const char *subject, struct finding *ret)
{
    (void)given, (void)subject, (void)ret;
    _exit(3);
}

static void an_early_end_is_unclear(void **state)
{
    (void)state;
    assert_int_equal(found_by(leave, GROUP_IDENTITY).result, RESULT_UNCLEAR);
}

static void wait_for_ever(const struct probe_context *given, const char *subject,
                          struct finding *ret)
{
    (void)given, (void)subject, (void)ret;
    for (;;)
        (void)pause();
}

static void a_probe_that_hangs_is_ended(void **state)
{
    struct finding got = found_by(wait_for_ever, GROUP_IDENTITY);

    (void)state;
    assert_int_equal(got.result, RESULT_TIMEOUT);
    assert_int_equal(got.cause, CAUSE_INDETERMINATE);
}

static int left_behind[2];

static void leave_a_child(const struct probe_context *given, const char *subject,
                          struct finding *ret)
{
    (void)given, (void)subject;
    found(ret, RESULT_ALLOWED);
    if (fork() == 0) {
        (void)close(left_behind[0]);
        wait_for_ever(given, subject, ret);
    }
}

/* The child holds the pipe: it ends when the child does. */
static void what_a_probe_leaves_running_is_ended(void **state)
{
    char byte;

    (void)state;
    assert_int_equal(pipe(left_behind), 0);
    assert_int_equal(found_by(leave_a_child, GROUP_IDENTITY).result, RESULT_ALLOWED);
    assert_int_equal(close(left_behind[1]), 0);
    assert_int_equal(read(left_behind[0], &byte, 1), 0);
    assert_int_equal(close(left_behind[0]), 0);
}

static void tell_limits(const struct probe_context *given, const char *subject, struct finding *ret)
{
    struct rlimit core;

    (void)given, (void)subject;
    (void)getrlimit(RLIMIT_CORE, &core);
    found_value(ret, "%o %lu", umask(0), (unsigned long)core.rlim_max);
}

static void a_probe_has_a_tight_umask_and_dumps_no_core(void **state)
{
    (void)state;
    assert_string_equal(found_by(tell_limits, GROUP_IDENTITY).value, "77 0");
}

static bool is_id(const char *id)
{
    return id[0] != '\0' && strlen(id) <= 22 &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(id);
}

static void every_row_is_complete_and_found_by_its_id(void **state)
{
    size_t count = 0;

    (void)state;
    for (const struct probe *const *family = probe_families; *family != NULL; family++) {
        for (const struct probe *row = *family; row->id != NULL; row++, count++) {
            CHECK(is_id(row->id) && probe_find(row->id) == row, "%s", row->id);
            CHECK(row->title && row->does && row->evidence && row->source && row->run, "%s",
                  row->id);
            CHECK(row->group < GROUPS && row->safety < SAFETIES, "%s", row->id);
        }
    }
    assert_true(count >= 45);
    assert_null(probe_find("no_such_probe"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_comes_back_with_its_cause),
        cmocka_unit_test(a_signal_is_a_result),
        cmocka_unit_test(a_signal_under_a_filter_is_the_filters),
        cmocka_unit_test(an_early_end_is_unclear),
        cmocka_unit_test(a_probe_that_hangs_is_ended),
        cmocka_unit_test(what_a_probe_leaves_running_is_ended),
        cmocka_unit_test(a_probe_has_a_tight_umask_and_dumps_no_core),
        cmocka_unit_test(every_row_is_complete_and_found_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
