#include "job_runner/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/machine.h"
#include "job_runner/output.h"
#include "job_runner/result_file.h"

enum { SIGNALLED = 128, NEVER = -1 };

struct run {
    pid_t program;
    int signals, from; /* descriptors: of signals, of the program's output (-1: at its end) */
    bool ended, cancelled;
    int status; /* as waitid() tells: see `how` */
    int how;    /* CLD_EXITED, CLD_KILLED... */
    bool limited;
    enum run_cause cause; /* of the limit that ended it */
    uint64_t left;        /* bytes to be passed on once it has ended */
    uint64_t end_ms;
    struct output output;
    /* A pipe with room takes PIPE_BUF bytes without a wait. */
    char held[PIPE_BUF];
    size_t at, len; /* what of it is not written yet */
};

/* 0 or an error number. */
static int spawn_program(char *const *command, int output, pid_t *ret)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, output, 1);
    (void)posix_spawn_file_actions_adddup2(&files, output, 2);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setpgroup(&attributes, 0);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETSIGDEF);
    int failure = posix_spawnp(ret, command[0], &files, &attributes, command, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return failure;
}

static void end_program(const struct run *run)
{
    if (run->ended)
        return;
    (void)kill(-run->program, SIGKILL);
    /* It may have left its group. */
    (void)kill(run->program, SIGKILL);
}

static void limit(struct run *run, enum run_cause cause)
{
    if (!run->limited)
        run->cause = cause;
    run->limited = true;
    end_program(run);
}

/* As process 1 it inherits what others leave behind. */
static void reap(struct run *run)
{
    siginfo_t about = {0};

    while (waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid != 0) {
        if (about.si_pid == run->program) {
            /* The group has its number for as long as its leader is not reaped. */
            end_program(run);
            run->ended = true;
            run->how = about.si_code;
            run->status = about.si_status;
        }
        (void)waitid(P_PID, (id_t)about.si_pid, &about, WEXITED | WNOHANG);
        about.si_pid = 0;
    }
}

static void take_signals(struct run *run)
{
    struct signalfd_siginfo about;

    /* From outside, a sender has no number in here. Process 1 is not ended by the program. */
    while (read(run->signals, &about, sizeof about) == (ssize_t)sizeof about)
        if (about.ssi_signo != SIGCHLD && (about.ssi_pid == 0 || getpid() != 1)) {
            run->cancelled = true;
            end_program(run);
        }
    bool before = run->ended;
    reap(run);
    /* What others still write, who left its group, is not waited for. */
    int left = 0;
    if (!before && run->ended && run->from >= 0 && ioctl(run->from, FIONREAD, &left) == 0)
        run->left = (uint64_t)left;
}

static void take_output(struct run *run)
{
    size_t wanted = sizeof run->held;

    if (run->ended && run->left < wanted)
        wanted = (size_t)run->left;
    ssize_t got = wanted == 0 ? 0 : read(run->from, run->held, wanted);
    /* Once the program has ended, what was left may be gone: others can read from the pipe, too. */
    if (got < 0 && (errno == EINTR || (errno == EAGAIN && !run->ended)))
        return;
    if (got <= 0) {
        (void)close(run->from);
        run->from = -1;
        return;
    }
    if (run->ended)
        run->left -= (uint64_t)got;
    run->at = 0;
    run->len = output_pass(&run->output, run->held, (size_t)got);
    if (run->len < (size_t)got) {
        limit(run, RUN_LOG_LIMIT);
        (void)close(run->from);
        run->from = -1;
    }
}

static bool pass_on(struct run *run, struct err *err)
{
    ssize_t put = write(STDOUT_FILENO, run->held + run->at, run->len - run->at);

    if (put < 0 && errno != EINTR && errno != EAGAIN)
        return err_errno(err, errno, "cannot write to standard output");
    run->at += put < 0 ? 0 : (size_t)put;
    return true;
}

static int time_left(struct run *run)
{
    uint64_t now = machine_ms();

    if (run->limited || run->ended)
        return NEVER;
    if (now >= run->end_ms)
        limit(run, RUN_DEADLINE);
    uint64_t left = now >= run->end_ms ? 0 : run->end_ms - now;
    return left > INT_MAX ? INT_MAX : (int)left;
}

static bool follow(struct run *run, struct err *err)
{
    while (!run->cancelled && (!run->ended || run->from >= 0 || run->at < run->len)) {
        bool holds = run->at < run->len;
        /* Once the program has ended, what is left in the pipe needs no wait. */
        struct pollfd fds[] = {
            {.fd = run->signals, .events = POLLIN},
            {.fd = holds ? -1 : run->from, .events = POLLIN},
            {.fd = holds ? STDOUT_FILENO : -1, .events = POLLOUT},
        };
        int wait = !holds && run->ended && run->from >= 0 ? 0 : time_left(run);
        if (poll(fds, sizeof fds / sizeof *fds, wait) < 0 && errno != EINTR)
            return err_errno(err, errno, "poll");
        if (fds[0].revents != 0)
            take_signals(run);
        if (fds[2].revents != 0 && !pass_on(run, err)) {
            end_program(run);
            return false;
        }
        if (fds[1].revents != 0 || (!holds && run->ended && run->from >= 0))
            take_output(run);
    }
    return !run->cancelled || err_set(err, STATUS_CANCELLED, "cancelled; the program was ended");
}

static void conclude(const struct run *run, const struct run_limits *limits, struct run_record *ret)
{
    struct err err = {0};
    bool exited = run->how == CLD_EXITED;

    ret->status = (uint32_t)(exited ? run->status : SIGNALLED + run->status);
    if (run->limited)
        ret->cause = run->cause;
    else if (ret->status != 0)
        ret->cause = RUN_EXIT;
    else
        ret->cause = result_file_read(limits->result, &ret->perf, &err);
    if (ret->cause == RUN_DEADLINE)
        (void)err_set(&err, STATUS_INPUT, "the program took longer than %.6g s",
                      (double)limits->deadline_ms / 1000);
    else if (ret->cause == RUN_LOG_LIMIT)
        (void)err_set(&err, STATUS_INPUT, "the program wrote more than its log may hold: %ju bytes",
                      (uintmax_t)run->output.bytes);
    else if (ret->cause == RUN_EXIT && exited)
        (void)err_set(&err, STATUS_INPUT, "the program ended with status %d", run->status);
    else if (ret->cause == RUN_EXIT)
        (void)err_set(&err, STATUS_INPUT, "the program was ended by signal %d", run->status);
    if (ret->cause != RUN_DONE)
        run_record_fail(ret, ret->cause, err.text);
}

/* So that the record begins a line. */
static bool end_line(struct run *run, struct err *err)
{
    if (!output_is_within_line(&run->output))
        return true;
    run->output.bytes++;
    return write(STDOUT_FILENO, "\n", 1) == 1 ||
           err_errno(err, errno, "cannot write to standard output");
}

static bool listen_to_signals(int *ret, struct err *err)
{
    sigset_t wanted;

    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGCHLD);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
    *ret = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    return *ret >= 0 || err_errno(err, errno, "signalfd");
}

bool run_program(char *const *command, const struct run_limits *limits, struct run_record *ret,
                 struct err *err)
{
    struct run run = {.output = {.max = limits->output_max},
                      .end_ms = machine_ms() + limits->deadline_ms};
    int ends[2];

    *ret = (struct run_record){.cause = RUN_DONE};
    if (!listen_to_signals(&run.signals, err))
        return false;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, errno, "pipe");
    int failure = spawn_program(command, ends[1], &run.program);
    (void)close(ends[1]);
    run.from = ends[0];
    if (failure != 0) {
        struct err why = {0};
        (void)err_errno(&why, failure, "cannot run '%.100s'", command[0]);
        run_record_fail(ret, RUN_IMAGE, why.text);
        return true;
    }
    (void)fcntl(run.from, F_SETFL, O_NONBLOCK);
    if (!follow(&run, err) || !end_line(&run, err))
        return false;
    conclude(&run, limits, ret);
    ret->bytes = run.output.bytes;
    return true;
}
