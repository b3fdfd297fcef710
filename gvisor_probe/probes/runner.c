#include "gvisor_probe/probes/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/stop.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/words/cause.h"

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fill_cause(const struct probe *probe, const struct probe_context *context,
                       struct finding *finding)
{
    if (finding->cause != CAUSES)
        return;
    const struct observed *self = context->self;
    const struct refusal refusal = {
        .errnum = finding->errnum,
        .filtered = self->status.seccomp == 2,
        .mount_read_only = probe->needs_path && self->path_read_only,
    };
    finding->cause = cause_of(finding->result, &refusal);
}

/* Runs in the child and never returns. The alarm ends it if the parent has died. */
static void run_and_send(const struct probe *probe, const struct probe_context *context, int to)
{
    const struct rlimit none = {0, 0};
    struct finding finding = {.cause = CAUSES};
    sigset_t all;

    (void)setpgid(0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)umask(077);
    (void)sigemptyset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
    (void)alarm(PROBE_LIMIT_MS / 1000 + 2);
    uint64_t started = now_ns();
    probe->run(context, probe->subject, &finding);
    finding.duration_ns = now_ns() - started;
    _exit(write(to, &finding, sizeof finding) == (ssize_t)sizeof finding ? 0 : 1);
}

static void ended_badly(int status, bool late, struct finding *ret)
{
    *ret = (struct finding){.cause = CAUSES, .result = RESULT_UNCLEAR};
    if (late) {
        ret->result = RESULT_TIMEOUT;
        ret->duration_ns = (uint64_t)PROBE_LIMIT_MS * 1000000u;
        found_detail(ret, "did not end within %d s", PROBE_LIMIT_MS / 1000);
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        ret->result = RESULT_KILLED;
        found_value(ret, "SIG%s", name == NULL ? "?" : name);
        found_detail(ret, "ended by signal %d", WTERMSIG(status));
    } else {
        found_detail(ret, "the probe ended with status %d and no finding", WEXITSTATUS(status));
    }
}

/* Reads the finding. false: none came; *ret_late tells whether time was up. */
static bool receive(int from, struct finding *ret, bool *ret_late, struct err *err)
{
    int ready = stop_wait(from, POLLIN, PROBE_LIMIT_MS, err);

    *ret_late = ready == 0;
    if (ready <= 0)
        return false;
    /* Shorter than PIPE_BUF, so written at once. */
    return TEMP_FAILURE_RETRY(read(from, ret, sizeof *ret)) == (ssize_t)sizeof *ret;
}

_Static_assert(sizeof(struct finding) <= 4096, "a finding passes through a pipe whole");

bool runner_run(const struct probe *probe, const struct probe_context *context, struct finding *ret,
                struct err *err)
{
    int ends[2], status = 0;
    bool late = false;

    if (pipe2(ends, O_CLOEXEC) != 0)
        return err_errno(err, errno, "no pipe for a probe");
    pid_t child = fork();
    if (child < 0) {
        int failed = errno;
        (void)close(ends[0]);
        (void)close(ends[1]);
        return err_errno(err, failed, "no process for a probe");
    }
    if (child == 0) {
        (void)close(ends[0]);
        run_and_send(probe, context, ends[1]);
    }
    (void)close(ends[1]);
    (void)setpgid(child, child); /* as in the child: whoever is first */
    err->text[0] = '\0';
    bool whole = receive(ends[0], ret, &late, err);
    (void)close(ends[0]);
    if (!whole && (late || err->text[0] != '\0'))
        (void)kill(child, SIGKILL);
    (void)TEMP_FAILURE_RETRY(waitpid(child, &status, 0));
    (void)kill(-child, SIGKILL); /* processes that the probe left behind */
    if (!whole && err->text[0] != '\0')
        return false;
    if (!whole)
        ended_badly(status, late, ret);
    fill_cause(probe, context, ret);
    return true;
}
