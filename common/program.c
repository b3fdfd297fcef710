#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/failure.h"
#include "common/progress.h"
#include "common/stop.h"

void program_start(void)
{
    /* 1 byte and not 0: Linux still pipes a core to a helper when the limit is 0, but not when it
     * is 1. */
    const struct rlimit none = {0, 0}, next_to_none = {1, 1};
    sigset_t stops;

    (void)umask(027);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stops, NULL);
    if (setrlimit(RLIMIT_CORE, &next_to_none) != 0)
        (void)setrlimit(RLIMIT_CORE, &none);
    /* Opens a closed descriptor, so that no file gets its number, in a way that writing to it
     * fails. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/", O_PATH | O_DIRECTORY);
}

int program_finish(bool ok, struct err *err)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (ok)
            ok = err_errno(err, errno, "cannot write to standard output");
    }
    /* Only the log remains: where nobody reads it, a stop need not wait long. */
    if (ok || err->status != STATUS_CANCELLED)
        stop_finish(ok ? NULL : err, STOP_GRACE_MS);
    if (!ok)
        failure_say(err);
    progress_end();
    return ok ? STATUS_DONE : (int)err->status;
}
