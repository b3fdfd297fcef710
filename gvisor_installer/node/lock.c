#include "gvisor_installer/node/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/machine.h"
#include "common/pause.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/node/host.h"

enum { LOCK_PATH_MAX = CONFIG_PATH_MAX + 8, POLL_MS = 100 };

/* Whether the locked file is still the one of that name: an uninstall removes the one it holds. */
static bool is_current(int fd, const char *path, bool *ret, struct err *err)
{
    struct stat locked, named;

    *ret = false;
    if (fstat(fd, &locked) != 0)
        return err_errno(err, errno, "cannot look at the lock %s", path);
    if (lstat(path, &named) != 0)
        return errno == ENOENT || err_errno(err, errno, "cannot look at the lock %s", path);
    *ret = locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
    return true;
}

static bool wait_for(int fd, const char *path, double deadline, struct err *err)
{
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_errno(err, errno, "cannot lock %s", path);
        if (machine_seconds() > deadline)
            return err_set(err, STATUS_TRANSIENT, "another installer works on this node (%s)",
                           path);
        pause_for(POLL_MS);
    }
    return true;
}

/* *ret is -1 where an uninstall has removed the directory meanwhile. */
static bool open_lock(const char *prefix, const char *path, int *ret, struct err *err)
{
    if (!host_make_directory(prefix, err))
        return false;
    *ret = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *ret >= 0 || errno == ENOENT || err_errno(err, errno, "cannot open the lock %s", path);
}

bool lock_take(const char *prefix, uint64_t wait_ms, struct err *err)
{
    const double deadline = machine_seconds() + (double)wait_ms / 1e3;
    char path[LOCK_PATH_MAX];
    bool current = false;
    int fd;

    (void)snprintf(path, sizeof path, "%s/lock", prefix);
    while (open_lock(prefix, path, &fd, err)) {
        if (fd < 0)
            continue;
        bool done = wait_for(fd, path, deadline, err) && is_current(fd, path, &current, err);
        if (done && current)
            return true; /* fd stays open on purpose: it is the lock */
        (void)close(fd);
        if (!done)
            return false;
    }
    return false;
}
