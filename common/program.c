#include "common/program.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "common/progress.h"

enum { TERMINATION_MAX = 4096 };

void program_start(void)
{
    /* A byte, because Linux pipes a core to a helper even with a limit of 0, but not of 1. */
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
    /* A closed descriptor is filled so that writing to it fails: stdin and the outputs alike. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)open("/", O_PATH | O_DIRECTORY);
}

void program_fail(const struct err *err)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;

    if (atomic_flag_test_and_set(&said))
        return;
    log_error("%s", err->text);
    int fd = open("/dev/termination-log", O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    size_t len = strlen(err->text);
    (void)!write(fd, err->text, len < TERMINATION_MAX ? len : TERMINATION_MAX);
    (void)close(fd);
}

int program_finish(bool ok, struct err *err)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        if (ok)
            ok = err_errno(err, errno, "cannot write to standard output");
    }
    progress_end();
    if (ok)
        return STATUS_DONE;
    program_fail(err);
    return (int)err->status;
}
