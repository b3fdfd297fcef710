#include "common/stop.h"

#include "common/log.h"
#include "common/machine.h"
#include "common/outfile.h"
#include "common/program.h"
#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

/* The module ends processes: each case is a child, which tells the line of what it did not expect.
 */
#define EXPECT(ok)                                                                                 \
    do {                                                                                           \
        if (!(ok)) {                                                                               \
            (void)fprintf(stderr, "line %d: %s\n", __LINE__, #ok);                                 \
            return STATUS_BUG;                                                                     \
        }                                                                                          \
    } while (0)

enum { HANGS_MS = 20000, PAST_GRACE_MS = STOP_GRACE_MS + 2 * STOP_TICK_MS };

/* Hides /proc, so that outputs have temporary names, which must not be left behind. */
int access(const char *path, int mode)
{
    (void)path;
    (void)mode;
    errno = ENOENT;
    return -1;
}

static void assert_child_ends_with(int (*body)(void), int expected)
{
    int status = 0;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    assert_true(child > 0);
    /* One that hangs must not hold up the tests. */
    struct pollfd ended = {.fd = pidfd_open(child, 0), .events = POLLIN};
    assert_true(ended.fd >= 0);
    if (poll(&ended, 1, HANGS_MS) != 1)
        (void)kill(child, SIGKILL);
    (void)close(ended.fd);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

static void pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

static void malformed_deadline_is_a_usage_error(void **state)
{
    static const char *const cases[] = {"soon",
                                        "1728311400",
                                        "2025-13-01T00:00:00Z",
                                        "2025-01-01 00:00:00",
                                        "2025-01-01T00:00:00Zulu",
                                        " "};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        CHECK(!stop_start(cases[i], NULL, &err), "%s", cases[i]);
        CHECK(err.status == STATUS_USAGE, "%s", cases[i]);
        CHECK(strstr(err.text, cases[i]) != NULL, "%s", err.text);
        CHECK(strstr(err.text, "ARGO_DEADLINE") != NULL, "%s", err.text);
    }
}

static int past_deadline(void)
{
    struct err err = {0};
    double started = machine_seconds();
    EXPECT(stop_start("2020-01-01T00:00:00Z", NULL, &err));
    EXPECT(stop_wait(-1, 0, 5000, &err) == -1);
    EXPECT(machine_seconds() - started < 1);
    EXPECT(stop_requested());
    EXPECT(err.status == STATUS_CANCELLED);
    EXPECT(strstr(err.text, "ARGO_DEADLINE has passed") != NULL);
    return 0;
}

static void passed_deadline_cancels_within_a_second(void **state)
{
    (void)state;
    assert_child_ends_with(past_deadline, 0);
}

static const char *deadline;

static int deadline_that_is_none(void)
{
    struct err err = {0};
    EXPECT(stop_start(deadline, NULL, &err));
    EXPECT(stop_wait(-1, 0, STOP_TICK_MS + 50, &err) == 0);
    EXPECT(!stop_requested());
    return 0;
}

/* Go writes its zero time for "none". */
static void no_deadline_cancels_nothing(void **state)
{
    static const char *const cases[] = {NULL, "", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        deadline = cases[i];
        assert_child_ends_with(deadline_that_is_none, 0);
    }
}

static int ended_by(int signal, const char *says)
{
    struct err err = {0};
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(!stop_requested());
    EXPECT(kill(getpid(), signal) == 0);
    double started = machine_seconds();
    EXPECT(stop_wait(-1, 0, 5000, &err) == -1);
    EXPECT(machine_seconds() - started < 1);
    EXPECT(err.status == STATUS_CANCELLED);
    EXPECT(strcmp(err.text, says) == 0);
    EXPECT(stop_wait(STDOUT_FILENO, POLLOUT, 5000, &err) == -1);
    EXPECT(!stop_err(&err));
    return 0;
}

static int ended_by_term(void)
{
    return ended_by(SIGTERM, "cancelled by SIGTERM");
}

static int ended_by_int(void)
{
    return ended_by(SIGINT, "cancelled by SIGINT");
}

static void signals_wake_who_waits(void **state)
{
    (void)state;
    assert_child_ends_with(ended_by_term, 0);
    assert_child_ends_with(ended_by_int, 0);
}

static int waits_for_descriptors(void)
{
    struct err err = {0};
    int ends[2];
    EXPECT(stop_wait(-1, 0, 10, &err) == 0); /* before the start too */
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    EXPECT(stop_wait(ends[1], POLLOUT, -1, &err) == 1);
    EXPECT(stop_wait(ends[0], POLLIN, 20, &err) == 0);
    EXPECT(write(ends[1], "x", 1) == 1);
    EXPECT(stop_wait(ends[0], POLLIN, -1, &err) == 1);
    EXPECT(close(ends[1]) == 0);
    EXPECT(read(ends[0], &ends[1], 1) == 1);
    EXPECT(stop_wait(ends[0], POLLIN, -1, &err) == 1); /* the end is news too */
    EXPECT(err.text[0] == '\0');
    return 0;
}

static void waiting_ends_when_the_descriptor_is_ready(void **state)
{
    (void)state;
    assert_child_ends_with(waits_for_descriptors, 0);
}

static char *half_written;

static int hangs(void)
{
    struct err err = {0};
    struct outfile out;
    if (!stop_start(NULL, NULL, &err))
        return STATUS_BUG;
    EXPECT(outfile_open(&out, half_written, &err));
    EXPECT(scratch_count() == 1);
    EXPECT(kill(getpid(), SIGTERM) == 0);
    pause_ms(10000);
    return 0;
}

static void what_does_not_end_is_ended_in_a_second(void **state)
{
    (void)state;
    half_written = scratch_path("half");
    double started = machine_seconds();
    assert_child_ends_with(hangs, STATUS_CANCELLED);
    double seconds = machine_seconds() - started;
    assert_true(seconds > STOP_GRACE_MS / 1000.0 - 0.1 && seconds < 2.5);
    assert_int_equal(scratch_count(), 0);
    free(half_written);
}

/* The watchdog has taken the signal: it is there for everybody. */
static bool stopped(void)
{
    struct err err = {0};
    return kill(getpid(), SIGTERM) == 0 && stop_wait(-1, 0, 5000, &err) == -1;
}

static int finishes(void)
{
    struct err err = {0};
    int ends[2];
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(stopped());
    stop_finish(NULL, 60000);
    EXPECT(!stop_requested());
    EXPECT(stop_wait(-1, 0, PAST_GRACE_MS, &err) == 0);
    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    EXPECT(stop_wait(ends[0], POLLIN, 10, &err) == 0);
    EXPECT(stop_wait(ends[1], POLLOUT, -1, &err) == 1);
    return 0;
}

static void a_stop_just_before_the_outcome_does_not_change_it(void **state)
{
    (void)state;
    assert_child_ends_with(finishes, 0);
}

static int finishes_first(void)
{
    struct err err = {0};
    EXPECT(stop_start("2020-01-01T00:00:00Z", NULL, &err));
    stop_finish(NULL, 60000);
    EXPECT(kill(getpid(), SIGTERM) == 0);
    pause_ms(PAST_GRACE_MS);
    EXPECT(!stop_requested());
    EXPECT(stop_wait(-1, 0, 10, &err) == 0);
    return 0;
}

static void after_the_work_signals_change_nothing(void **state)
{
    (void)state;
    assert_child_ends_with(finishes_first, 0);
}

static int ends_last_for_ever(const struct err *outcome)
{
    struct err err = {0};
    struct outfile out;
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(outfile_open(&out, half_written, &err));
    EXPECT(stopped());
    stop_finish(outcome, 100);
    pause_ms(HANGS_MS);
    return 7;
}

static int done_ends_last(void)
{
    return ends_last_for_ever(NULL);
}

static int failed_ends_last(void)
{
    const struct err failure = {STATUS_INPUT, "line 3 is bad"};
    return ends_last_for_ever(&failure);
}

static void ends_that_last_are_ended_with_the_status_of_the_work(void **state)
{
    (void)state;
    half_written = scratch_path("half");
    assert_child_ends_with(done_ends_last, STATUS_DONE);
    assert_child_ends_with(failed_ends_last, STATUS_INPUT);
    assert_int_equal(scratch_count(), 0);
    free(half_written);
}

static int ends_without_a_stop(void)
{
    struct err err = {0};
    EXPECT(stop_start(NULL, NULL, &err));
    stop_finish(NULL, 1);
    pause_ms(3 * STOP_TICK_MS);
    return 7;
}

static void without_a_stop_the_ends_may_last(void **state)
{
    (void)state;
    assert_child_ends_with(ends_without_a_stop, 7);
}

static int refuses(void)
{
    struct err err = {0};
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(stopped());
    EXPECT(!stop_shield(&err));
    EXPECT(err.status == STATUS_CANCELLED);
    EXPECT(strcmp(err.text, "cancelled by SIGTERM") == 0);
    EXPECT(stop_requested());
    return 0;
}

static int refuses_after_the_deadline(void)
{
    struct err err = {0};
    EXPECT(stop_start("2020-01-01T00:00:00Z", NULL, &err));
    EXPECT(!stop_shield(&err));
    EXPECT(err.status == STATUS_CANCELLED);
    EXPECT(strstr(err.text, "ARGO_DEADLINE") != NULL);
    return 0;
}

static void work_that_is_not_begun_is_refused_after_a_stop(void **state)
{
    (void)state;
    assert_child_ends_with(refuses, 0);
    assert_child_ends_with(refuses_after_the_deadline, 0);
}

static int shields(void)
{
    struct err err = {0};
    EXPECT(stop_shield(&err)); /* before the start too */
    EXPECT(stop_start(NULL, NULL, &err));
    EXPECT(stop_shield(&err));
    EXPECT(kill(getpid(), SIGTERM) == 0);
    EXPECT(stop_wait(-1, 0, PAST_GRACE_MS, &err) == 0);
    EXPECT(!stop_requested());
    EXPECT(stop_shield(&err));
    stop_finish(NULL, 100); /* the stop was noted: from here on there is an end to it */
    pause_ms(HANGS_MS);
    return 7;
}

static void work_that_was_begun_is_shielded_until_it_is_finished(void **state)
{
    (void)state;
    assert_child_ends_with(shields, STATUS_DONE);
}

/* Takes not a byte more, as where nobody reads the log. */
static bool stall_stderr(void)
{
    char bytes[4096] = {0};
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    while (write(ends[1], bytes, sizeof bytes) > 0) {
    }
    return fcntl(ends[1], F_SETFL, 0) == 0 && dup2(ends[1], STDERR_FILENO) == STDERR_FILENO;
}

static void *log_one(void *unused)
{
    log_info("nobody reads this");
    return unused;
}

static int stalls(void (*ticking)(void), bool finishing)
{
    struct err err = {0};
    pthread_t thread;
    EXPECT(stop_start(NULL, ticking, &err));
    EXPECT(stall_stderr());
    EXPECT(pthread_create(&thread, NULL, log_one, NULL) == 0);
    pause_ms(2 * STOP_TICK_MS); /* it holds the lock of the log */
    EXPECT(kill(getpid(), SIGTERM) == 0);
    if (finishing)
        return program_finish(false, &(struct err){STATUS_INPUT, "line 3 is bad"});
    pause_ms(HANGS_MS);
    return 7;
}

static void tick_that_logs(void)
{
    log_info("still there");
}

static int stalls_at_work(void)
{
    return stalls(NULL, false);
}

static int stalls_in_its_progress(void)
{
    return stalls(tick_that_logs, false);
}

static int stalls_in_its_last_line(void)
{
    return stalls(NULL, true);
}

static void a_stalled_stderr_holds_up_no_stop(void **state)
{
    (void)state;
    assert_child_ends_with(stalls_at_work, STATUS_CANCELLED);
    assert_child_ends_with(stalls_in_its_progress, STATUS_CANCELLED);
    assert_child_ends_with(stalls_in_its_last_line, STATUS_INPUT);
}

static atomic_int ticks;

static void tick(void)
{
    atomic_fetch_add(&ticks, 1);
}

static int counts_ticks(void)
{
    struct err err = {0};
    EXPECT(stop_start(NULL, tick, &err));
    EXPECT(stop_wait(-1, 0, 4 * STOP_TICK_MS, &err) == 0);
    EXPECT(atomic_load(&ticks) >= 2 && atomic_load(&ticks) <= 8);
    return 0;
}

static void ticks_come_while_nothing_happens(void **state)
{
    (void)state;
    assert_child_ends_with(counts_ticks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malformed_deadline_is_a_usage_error),
        cmocka_unit_test(passed_deadline_cancels_within_a_second),
        cmocka_unit_test(no_deadline_cancels_nothing),
        cmocka_unit_test(signals_wake_who_waits),
        cmocka_unit_test(waiting_ends_when_the_descriptor_is_ready),
        cmocka_unit_test(what_does_not_end_is_ended_in_a_second),
        cmocka_unit_test(a_stop_just_before_the_outcome_does_not_change_it),
        cmocka_unit_test(after_the_work_signals_change_nothing),
        cmocka_unit_test(ends_that_last_are_ended_with_the_status_of_the_work),
        cmocka_unit_test(without_a_stop_the_ends_may_last),
        cmocka_unit_test(work_that_is_not_begun_is_refused_after_a_stop),
        cmocka_unit_test(work_that_was_begun_is_shielded_until_it_is_finished),
        cmocka_unit_test(a_stalled_stderr_holds_up_no_stop),
        cmocka_unit_test(ticks_come_while_nothing_happens),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
