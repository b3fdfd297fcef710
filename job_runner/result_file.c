#include "job_runner/result_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/whole.h"
#include "job_runner/perf.h"

static bool read_regular(const char *path, int fd, double *ret, struct err *err)
{
    char text[PERF_FILE_MAX + 1];
    struct stat about;
    ssize_t got;
    size_t len = 0;

    if (fstat(fd, &about) != 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(about.st_mode))
        return err_set(err, STATUS_INPUT, "%s: is not a regular file", path);
    while (len < sizeof text) {
        got = read(fd, text + len, sizeof text - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(err, errno, "%s", path);
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return perf_read(path, text, len, ret, err);
}

enum run_cause result_file_read(const char *path, double *ret, struct err *err)
{
    /* Not to wait for the other end of a FIFO. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        (void)err_set(err, STATUS_INPUT, "%s: the program did not leave it", path);
        return RUN_NO_RESULT;
    }
    if (fd < 0 && errno == ELOOP) {
        (void)err_set(err, STATUS_INPUT, "%s: is a symbolic link", path);
        return RUN_BAD_RESULT;
    }
    if (fd < 0) {
        (void)err_errno(err, errno, "%s", path);
        return RUN_BAD_RESULT;
    }
    bool done = read_regular(path, fd, ret, err);
    (void)close(fd);
    return done ? RUN_DONE : RUN_BAD_RESULT;
}
