/*
 * Linked into a program with -Wl,--wrap: one call of the C library fails, as FAIL_CALL says.
 *
 *   FAIL_CALL=NAME:N:ERRNO   the N-th call of NAME, from 1, fails with ERRNO (a number)
 *   FAIL_CALL=NAME:N:short   it moves one byte only, which read() and write() may do; getrandom()
 *                            draws zeros
 *
 * A byte on descriptor 9 tells that it happened. Works in static programs, where LD_PRELOAD cannot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { TOLD = 9, SHORT = -1 };

static struct {
    char name[32];
    long number;
    int with;
    atomic_long calls;
} plan;

ssize_t __real_write(int fd, const void *bytes, size_t len);

static void __attribute__((constructor)) read_plan(void)
{
    const char *text = getenv("FAIL_CALL");
    char with[16];

    if (text == NULL || sscanf(text, "%31[^:]:%ld:%15s", plan.name, &plan.number, with) != 3)
        plan.name[0] = '\0';
    else
        plan.with = strcmp(with, "short") == 0 ? SHORT : (int)strtol(with, NULL, 10);
}

/* 0, an errno, or SHORT. */
static int fault(const char *name)
{
    if (plan.name[0] == '\0' || strcmp(plan.name, name) != 0 ||
        atomic_fetch_add(&plan.calls, 1) + 1 != plan.number)
        return 0;
    (void)__real_write(TOLD, "!", 1);
    if (plan.with != SHORT)
        errno = plan.with;
    return plan.with;
}

#define WRAP(type, name, params, args, failed)                                                     \
    type __real_##name params;                                                                     \
    type __wrap_##name params;                                                                     \
    type __wrap_##name params                                                                      \
    {                                                                                              \
        return fault(#name) != 0 ? (failed) : __real_##name args;                                  \
    }

/* len is cut to one byte where the plan says so. */
#define WRAP_MOVING(name, params, args)                                                            \
    ssize_t __real_##name params;                                                                  \
    ssize_t __wrap_##name params;                                                                  \
    ssize_t __wrap_##name params                                                                   \
    {                                                                                              \
        int how = fault(#name);                                                                    \
        if (how > 0)                                                                               \
            return -1;                                                                             \
        len = how == SHORT && len > 1 ? 1 : len;                                                   \
        return __real_##name args;                                                                 \
    }

WRAP(void *, malloc, (size_t size), (size), NULL)
WRAP(void *, calloc, (size_t count, size_t size), (count, size), NULL)
WRAP(void *, realloc, (void *memory, size_t size), (memory, size), NULL)
WRAP(void *, aligned_alloc, (size_t alignment, size_t size), (alignment, size), NULL)
WRAP_MOVING(read, (int fd, void *bytes, size_t len), (fd, bytes, len))
WRAP_MOVING(pread, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at))
WRAP_MOVING(write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
WRAP_MOVING(pwrite, (int fd, const void *bytes, size_t len, off_t at), (fd, bytes, len, at))
WRAP(int, fsync, (int fd), (fd), -1)
WRAP(int, flock, (int fd, int how), (fd, how), -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), -1)
WRAP(int, linkat, (int from_dir, const char *from, int to_dir, const char *to, int flags),
     (from_dir, from, to_dir, to, flags), -1)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
WRAP(int, fstat, (int fd, struct stat *st), (fd, st), -1)
WRAP(int, stat, (const char *path, struct stat *st), (path, st), -1)
WRAP(int, lstat, (const char *path, struct stat *st), (path, st), -1)
WRAP(off_t, lseek, (int fd, off_t at, int from), (fd, at, from), -1)
WRAP(char *, realpath, (const char *path, char *real), (path, real), NULL)
WRAP(int, unlink, (const char *path), (path), -1)
WRAP(int, symlink, (const char *target, const char *path), (target, path), -1)
WRAP(ssize_t, readlink, (const char *path, char *target, size_t size), (path, target, size), -1)
WRAP(DIR *, opendir, (const char *path), (path), NULL)
WRAP(int, pipe2, (int ends[2], int flags), (ends, flags), -1)
WRAP(int, posix_spawnp,
     (pid_t * pid, const char *program, const posix_spawn_file_actions_t *files,
      const posix_spawnattr_t *attributes, char *const argv[], char *const environment[]),
     (pid, program, files, attributes, argv, environment), plan.with)
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), -1)
WRAP(ssize_t, flistxattr, (int fd, char *names, size_t size), (fd, names, size), -1)
WRAP(int, poll, (struct pollfd * wait, nfds_t count, int ms), (wait, count, ms), -1)
WRAP(int, eventfd, (unsigned first, int flags), (first, flags), -1)

ssize_t __real_getrandom(void *bytes, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned flags)
{
    int how = fault("getrandom");
    if (how > 0)
        return -1;
    if (how == SHORT)
        memset(bytes, 0, len);
    return how == SHORT ? (ssize_t)len : __real_getrandom(bytes, len, flags);
}

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*work)(void *), void *context),
     (thread, attr, work, context), plan.with)

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    int how = fault("close");
    int failed = __real_close(fd); /* it is closed in any case */
    if (how > 0) {
        errno = how;
        return -1;
    }
    return failed;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list args;

    va_start(args, flags);
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
        mode = va_arg(args, mode_t);
    va_end(args);
    return fault("open") != 0 ? -1 : __real_open(path, flags, mode);
}
