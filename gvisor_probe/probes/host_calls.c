/* Calls on a file on the mounted path: which of them work shows what serves the file. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/host.h"
#include "gvisor_probe/probes/probe.h"

enum { FILE_SIZE = 64 * 1024 };

/* Gets a file of FILE_SIZE bytes and its name. Returns like a system call: -1 and errno. */
typedef long file_call(int fd, const char *name);

/* Makes a file, calls, and removes the file. */
static void on_file(const struct probe_context *context, const char *name, file_call *call,
                    struct finding *ret)
{
    if (!host_enter(context, ret))
        return;
    int fd = host_create(name);
    if (fd < 0 || ftruncate(fd, FILE_SIZE) != 0) {
        host_call(context, ret, -1, SEEN_OPEN);
    } else {
        long rc = call(fd, name);
        host_call(context, ret, rc, SEEN_OPEN);
        if (ret->errnum == EINVAL || ret->errnum == EISDIR) {
            found(ret, RESULT_ABSENT); /* the arguments are valid: the call is not implemented */
            ret->cause = CAUSE_ABSENT;
        }
    }
    (void)unlink(name);
}

#define PROBE(call)                                                                                \
    static void run_##call(const struct probe_context *context, const char *subject,               \
                           struct finding *ret)                                                    \
    {                                                                                              \
        on_file(context, subject, call, ret);                                                      \
    }

static long tmpfile_here(int fd, const char *name)
{
    (void)fd, (void)name;
    return open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Renames the file onto itself: a kernel that knows the flag says EEXIST. */
static long rename_noreplace(int fd, const char *name)
{
    (void)fd;
    long rc = renameat2(AT_FDCWD, name, AT_FDCWD, name, RENAME_NOREPLACE);
    return rc != 0 && errno == EEXIST ? 0 : rc;
}

static long punch_hole(int fd, const char *name)
{
    (void)name;
    return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
}

static long lease(int fd, const char *name)
{
    (void)fd;
    int reader = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    (void)close(fd); /* a read lease requires that nobody has the file open for writing */
    return reader < 0 ? -1 : fcntl(reader, F_SETLEASE, F_RDLCK);
}

static long file_flags(int fd, const char *name)
{
    int flags;
    (void)name;
    return ioctl(fd, FS_IOC_GETFLAGS, &flags);
}

static long user_xattr(int fd, const char *name)
{
    (void)name;
    return fsetxattr(fd, "user.gvisor_probe", "x", 1, 0);
}

static long trusted_xattr(int fd, const char *name)
{
    (void)name;
    return fsetxattr(fd, "trusted.gvisor_probe", "x", 1, 0);
}

static long shared_map(int fd, const char *name)
{
    (void)name;
    void *at = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -1;
    *(volatile char *)at = 'x';
    return msync(at, FILE_SIZE, MS_SYNC);
}

static long exclusive_lock(int fd, const char *name)
{
    (void)name;
    return flock(fd, LOCK_EX | LOCK_NB);
}

PROBE(tmpfile_here)
PROBE(rename_noreplace)
PROBE(punch_hole)
PROBE(lease)
PROBE(file_flags)
PROBE(user_xattr)
PROBE(trusted_xattr)
PROBE(shared_map)
PROBE(exclusive_lock)

#define ROW         .group = GROUP_HOST_OBJECTS, .safety = SAFETY_FILE, .needs_path = true
#define GOFER       "gVisor pkg/sentry/fsimpl/gofer"
#define FINGERPRINT "Behaviour of what serves the path, needing nothing of /proc: "

const struct probe probes_host_calls[] = {
    {.id = "host_tmpfile",
     ROW,
     .subject = "host_tmpfile",
     .title = "a file without a name",
     .does = "open(2) of the directory with O_TMPFILE",
     .evidence = FINGERPRINT "local Linux file systems can, gVisor's gofer cannot.",
     .source = GOFER,
     .run = run_tmpfile_here},
    {.id = "host_rename_noreplace",
     ROW,
     .subject = "host_rename_noreplace",
     .title = "renaming without replacing",
     .does = "renameat2(2) of a file onto itself with RENAME_NOREPLACE: Linux says EEXIST",
     .evidence = FINGERPRINT "local Linux file systems can; gVisor's gofer refuses.",
     .source = GOFER,
     .run = run_rename_noreplace},
    {.id = "host_punch_hole",
     ROW,
     .subject = "host_punch_hole",
     .title = "a hole in a file",
     .does = "fallocate(2) with FALLOC_FL_PUNCH_HOLE",
     .evidence = FINGERPRINT "most local Linux file systems can; gVisor's gofer cannot.",
     .source = GOFER,
     .run = run_punch_hole},
    {.id = "host_lease",
     ROW,
     .subject = "host_lease",
     .title = "a lease on a file",
     .does = "fcntl(2) F_SETLEASE F_RDLCK",
     .evidence = FINGERPRINT "Linux grants it to the owner; gVisor has no leases.",
     .source = GOFER,
     .run = run_lease},
    {.id = "host_file_flags",
     ROW,
     .subject = "host_file_flags",
     .title = "a file's flags",
     .does = "ioctl(2) FS_IOC_GETFLAGS",
     .evidence = FINGERPRINT "local Linux file systems tell; gVisor's gofer does not.",
     .source = GOFER,
     .run = run_file_flags},
    {.id = "host_user_xattr",
     ROW,
     .subject = "host_user_xattr",
     .title = "an attribute of a file",
     .does = "fsetxattr(2) of user.gvisor_probe",
     .evidence = "Under both it lands on the node, where the file system has attributes.",
     .source = GOFER,
     .run = run_user_xattr},
    {.id = "host_trusted_xattr",
     ROW,
     .subject = "host_trusted_xattr",
     .title = "an attribute that only root may set",
     .does = "fsetxattr(2) of trusted.gvisor_probe",
     .evidence =
         FINGERPRINT "Linux says EPERM for want of CAP_SYS_ADMIN, gVisor's gofer EOPNOTSUPP.",
     .source = GOFER,
     .run = run_trusted_xattr},
    {.id = "host_shared_map",
     ROW,
     .subject = "host_shared_map",
     .title = "a shared mapping of a file",
     .does = "mmap(2) MAP_SHARED, a write and msync(2)",
     .evidence = "Under both the node sees it: a mapped file is a file.",
     .source = GOFER,
     .run = run_shared_map},
    {.id = "host_lock",
     ROW,
     .subject = "host_lock",
     .title = "a lock on a file",
     .does = "flock(2) of a file of its own",
     .evidence = "Granted under both; gVisor keeps locks to the sandbox, so they guard nothing "
                 "against the node.",
     .source = GOFER,
     .run = run_exclusive_lock},
    {.id = NULL},
};
