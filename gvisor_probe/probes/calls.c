/*
 * System calls that default seccomp profiles allow to everyone. Without a filter, ENOSYS means that
 * the kernel lacks the call. The arguments make the call fail once it is reached, or what it makes
 * ends with the process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "gvisor_probe/probes/probe.h"

/* Missing in older headers. From 424 on, numbers are the same on all architectures. */
enum {
    CALL_LANDLOCK_CREATE_RULESET = 444,
    CALL_MEMFD_SECRET = 447,
    CALL_FUTEX_WAITV = 449,
    CALL_CACHESTAT = 451,
    CALL_FCHMODAT2 = 452,
    CALL_UNKNOWN = 1023, /* a number that no kernel has */
};

PROBE_CALL(memfd_secret, syscall(CALL_MEMFD_SECRET, 0))
PROBE_CALL(vmsplice, syscall(SYS_vmsplice, -1, NULL, 0, 0))
PROBE_CALL(cachestat, syscall(CALL_CACHESTAT, -1, NULL, NULL, 0))
PROBE_CALL(futex_waitv, syscall(CALL_FUTEX_WAITV, NULL, 0, 0, NULL, 0))

static void run_pkey_alloc(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(SYS_pkey_alloc, 0, 0));
    if (ret->errnum == ENOSPC) { /* the processor has no protection keys */
        found(ret, RESULT_ALLOWED);
        found_detail(ret, "the processor has no protection keys");
    }
}

/* -1 changes nothing and returns the current id. */
PROBE_CALL(setfsuid, syscall(SYS_setfsuid, -1))
PROBE_CALL(remap_file_pages, syscall(SYS_remap_file_pages, NULL, 0, 0, 0, 0))
PROBE_CALL(io_pgetevents, syscall(SYS_io_pgetevents, 0, 0, 0, NULL, NULL, NULL))
PROBE_CALL(mq_timedsend, syscall(SYS_mq_timedsend, -1, "", 0, 0, NULL))
PROBE_CALL(fchmodat2, syscall(CALL_FCHMODAT2, -1, "x", 0, 0))
PROBE_CALL(rseq, syscall(SYS_rseq, NULL, 0, 0, 0))

static void run_landlock(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    enum { VERSION = 1 };

    (void)context, (void)subject;
    long version = syscall(CALL_LANDLOCK_CREATE_RULESET, NULL, 0, VERSION);
    found_call(ret, version);
    if (version >= 0)
        found_value(ret, "version %ld", version);
    else if (ret->errnum == EOPNOTSUPP)
        found_detail(ret, "built in, but not turned on");
}

static void run_seccomp_notify(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    enum { GET_NOTIF_SIZES = 3 };
    unsigned short sizes[3];

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_seccomp, GET_NOTIF_SIZES, 0, sizes));
    if (ret->errnum == EINVAL) /* this kernel does not know the operation */
        found(ret, RESULT_ABSENT);
}

static void run_vm_readv(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    char from[8] = "probe", to[8] = "";
    struct iovec local = {to, sizeof to}, remote = {from, sizeof from};

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_process_vm_readv, getpid(), &local, 1, &remote, 1, 0));
}

static void run_unknown(const struct probe_context *context, const char *subject,
                        struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(CALL_UNKNOWN, 0, 0, 0, 0, 0, 0));
    found_value(ret, "%s", ret->errnum == 0 ? "done" : strerrorname_np(ret->errnum));
}

#define ROW    .group = GROUP_KERNEL_SURFACE, .safety = SAFETY_READ
#define TABLES "gVisor pkg/sentry/syscalls/linux/linux64.go; containerd contrib/seccomp"
#define LISTED                                                                                     \
    "containerd's default profile allows it, so ENOSYS without a filter is the kernel's own. "

const struct probe probes_calls[] = {
    {.id = "unknown_call",
     ROW,
     .title = "a system call that no kernel has",
     .does = "system call 1023",
     .source = TABLES,
     .evidence =
         "The control of this group: what it answers is what a filter, or a kernel, says to "
         "anything it does not know. EPERM tells of a filter; but runc's filter says ENOSYS to "
         "numbers newer than its profile.",
     .run = run_unknown},
    {.id = "memfd_secret",
     ROW,
     .title = "memory hidden from the kernel",
     .does = "memfd_secret(0)",
     .source = TABLES,
     .evidence = LISTED "But Linux before 6.5 leaves it out unless asked at boot.",
     .run = run_memfd_secret},
    {.id = "vmsplice",
     ROW,
     .title = "pages given to a pipe",
     .does = "vmsplice(-1, NULL, 0, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has had it since 2.6.17.",
     .run = run_vmsplice},
    {.id = "cachestat",
     ROW,
     .title = "what is in the page cache",
     .does = "cachestat(-1, NULL, NULL, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 6.5 only.",
     .run = run_cachestat},
    {.id = "futex_waitv",
     ROW,
     .title = "waiting for several futexes",
     .does = "futex_waitv(NULL, 0, 0, NULL, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 5.16.",
     .run = run_futex_waitv},
    {.id = "pkey_alloc",
     ROW,
     .title = "memory protection keys",
     .does = "pkey_alloc(0, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 4.9.",
     .run = run_pkey_alloc},
    {.id = "setfsuid",
     ROW,
     .title = "the user id of file access",
     .does = "setfsuid(-1)",
     .source = TABLES,
     .evidence = LISTED "Linux has always had it.",
     .run = run_setfsuid},
    {.id = "remap_file_pages",
     ROW,
     .title = "non-linear mappings",
     .does = "remap_file_pages(NULL, 0, 0, 0, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux still emulates it.",
     .run = run_remap_file_pages},
    {.id = "io_pgetevents",
     ROW,
     .title = "events of asynchronous I/O",
     .does = "io_pgetevents(0, 0, 0, NULL, NULL, NULL)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 4.18, unless built without AIO.",
     .run = run_io_pgetevents},
    {.id = "mq_timedsend",
     ROW,
     .title = "POSIX message queues",
     .does = "mq_timedsend(-1, \"\", 0, 0, NULL)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 2.6.6, unless built without.",
     .run = run_mq_timedsend},
    {.id = "fchmodat2",
     ROW,
     .title = "chmod that does not follow links",
     .does = "fchmodat2(-1, \"x\", 0, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 6.6 only.",
     .run = run_fchmodat2},
    {.id = "rseq",
     ROW,
     .title = "restartable sequences",
     .does = "rseq(NULL, 0, 0, 0)",
     .source = TABLES,
     .evidence = LISTED "Linux has it since 4.18.",
     .run = run_rseq},
    {.id = "landlock",
     ROW,
     .title = "sandboxing by the process itself",
     .does = "landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)",
     .source = "man 7 landlock; " TABLES,
     .evidence = LISTED "Its absence is a loss: programs that would confine themselves cannot.",
     .run = run_landlock},
    {.id = "seccomp_notify",
     ROW,
     .title = "system calls answered by another process",
     .does = "seccomp(SECCOMP_GET_NOTIF_SIZES)",
     .source = "man 2 seccomp; " TABLES,
     .evidence = LISTED "Linux has it since 5.0.",
     .run = run_seccomp_notify},
    {.id = "process_vm_readv",
     ROW,
     .title = "reading another process's memory",
     .does = "process_vm_readv(2) of this process itself",
     .source = TABLES,
     .evidence = "Both have it: gVisor is no mere filter of calls.",
     .run = run_vm_readv},
    {.id = NULL},
};
