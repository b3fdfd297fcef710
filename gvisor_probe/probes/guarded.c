/*
 * System calls that default seccomp profiles, capabilities or sysctls refuse. A refusal comes from
 * the pod's settings; only an unconfined pod shows whether the kernel has the call. Where success
 * could change anything, the arguments make the call fail after the permission check. A privileged
 * process skips these probes, although they are harmless there too.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gvisor_probe/probes/probe.h"

static void run_io_uring(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    unsigned char params[120] = {0};

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_io_uring_setup, 1, params));
}

PROBE_CALL(userfaultfd, syscall(SYS_userfaultfd, 0))

static void run_perf(const struct probe_context *context, const char *subject, struct finding *ret)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_SW_CPU_CLOCK,
                                   .disabled = 1,
                                   .exclude_kernel = 1};

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static void run_bpf(const struct probe_context *context, const char *subject, struct finding *ret)
{
    union bpf_attr attr;

    (void)context, (void)subject;
    memset(&attr, 0, sizeof attr); /* map type 0 is invalid */
    found_call(ret, syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr));
}

enum { PROCESS_KEYRING = -2, SESSION_KEYRING = -3, GET_KEYRING_ID = 0 };

static void run_keyctl(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(SYS_keyctl, GET_KEYRING_ID, SESSION_KEYRING, 0));
    if (ret->errnum == ENOKEY)
        found(ret, RESULT_ALLOWED);
}

PROBE_CALL(add_key, syscall(SYS_add_key, "user", "gvisor_probe", "x", 1, PROCESS_KEYRING))

static void run_fanotify(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    enum { REPORT_FID = 0x200 };

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_fanotify_init, REPORT_FID, O_RDONLY));
}

/* struct file_handle of name_to_handle_at(2), with room for a handle. */
struct handle {
    unsigned bytes;
    int type;
    unsigned char data[128];
};

static void run_name_to_handle(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    struct handle handle = {.bytes = sizeof handle.data};
    const char *path = context->path != NULL ? context->path : "/";
    int mount;

    (void)subject;
    found_call(ret, syscall(SYS_name_to_handle_at, AT_FDCWD, path, &handle, &mount, 0));
}

static void run_open_by_handle(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    struct handle handle = {.bytes = 8, .type = 0x7fff}; /* a type that no file system uses */
    int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_open_by_handle_at, root, &handle, O_RDONLY));
    if (ret->errnum == ESTALE)
        found(ret, RESULT_ALLOWED);
}

static void run_user_namespace(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(SYS_unshare, CLONE_NEWUSER));
    if (ret->errnum == ENOSPC || ret->errnum == EUSERS) { /* max_user_namespaces */
        found(ret, RESULT_DENIED);
        found_detail(ret, "user.max_user_namespaces allows no more");
    }
}

PROBE_CALL(clone3, syscall(SYS_clone3, NULL, 0))
PROBE_CALL(fsopen, syscall(SYS_fsopen, "tmpfs", 0))
PROBE_CALL(open_tree, syscall(SYS_open_tree, AT_FDCWD, "/", 0))

/* A path that cannot exist, so that nothing happens even where the call is permitted. */
static const char nowhere[] = "/proc/self/gvisor_probe-nowhere";

static void reached_by_enoent(struct finding *ret)
{
    if (ret->errnum == ENOENT)
        found(ret, RESULT_ALLOWED);
}

static void run_pivot_root(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(SYS_pivot_root, nowhere, nowhere));
    reached_by_enoent(ret);
}

static void run_swapon(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    (void)context, (void)subject;
    found_call(ret, syscall(SYS_swapon, nowhere, 0));
    reached_by_enoent(ret);
}

static void run_setns(const struct probe_context *context, const char *subject, struct finding *ret)
{
    (void)context;
    int own = open(subject, O_RDONLY | O_CLOEXEC);

    if (own < 0)
        found_call(ret, -1);
    else
        found_call(ret, syscall(SYS_setns, own, CLONE_NEWNS));
}

/* In a child, because a traced process stops at each signal. */
static void run_ptrace(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    int status = 0;

    (void)context, (void)subject;
    pid_t child = fork();
    if (child == 0)
        _exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 0 : errno & 0x7f);
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        found(ret, RESULT_UNCLEAR);
    else
        found_errno(ret, WEXITSTATUS(status));
}

PROBE_CALL(init_module, syscall(SYS_init_module, NULL, 0, ""))
PROBE_CALL(finit_module, syscall(SYS_finit_module, -1, "", 0))

/* Invalid flags, because flags 0 without segments would unload a loaded image. */
PROBE_CALL(kexec, syscall(SYS_kexec_load, 0, 0, NULL, ~0ul))

#define READ   .group = GROUP_KERNEL_SURFACE, .safety = SAFETY_READ
#define CHILD  .group = GROUP_KERNEL_SURFACE, .safety = SAFETY_CHILD
#define TABLES "containerd contrib/seccomp/seccomp_default.go; gVisor pkg/sentry/syscalls/linux"
#define FILTERED                                                                                   \
    "containerd's default profile refuses it; unconfined, Linux has it and gVisor has not. "
#define CAPABLE "Needs a capability under both: the pod's merit, no information about the runtime. "

const struct probe probes_guarded[] = {
    {.id = "io_uring",
     READ,
     .title = "asynchronous I/O rings",
     .does = "io_uring_setup(1, ...)",
     .evidence = FILTERED "Much exploited on Linux.",
     .source = TABLES,
     .run = run_io_uring},
    {.id = "userfaultfd",
     READ,
     .title = "page faults handled by the process",
     .does = "userfaultfd(0)",
     .evidence = FILTERED "Linux also asks vm.unprivileged_userfaultfd. A tool of exploits.",
     .source = "man 2 userfaultfd; " TABLES,
     .run = run_userfaultfd},
    {.id = "perf_event_open",
     READ,
     .title = "performance counters",
     .does = "perf_event_open(2) of this process's CPU clock, user mode only",
     .evidence = FILTERED "Linux also asks kernel.perf_event_paranoid.",
     .source = "man 2 perf_event_open; " TABLES,
     .run = run_perf},
    {.id = "bpf",
     READ,
     .title = "programs in the kernel",
     .does = "bpf(BPF_MAP_CREATE) of a map of type 0",
     .evidence = "Linux asks a capability, or kernel.unprivileged_bpf_disabled; gVisor says EPERM "
                 "always. The same answer for different reasons.",
     .source = "man 2 bpf; " TABLES,
     .run = run_bpf},
    {.id = "keyctl",
     READ,
     .title = "the kernel's key rings",
     .does = "keyctl(KEYCTL_GET_KEYRING_ID) of the session, making none",
     .evidence = "On Linux key rings are not namespaced by container, hence the default filter. "
                 "gVisor has a small one of its own.",
     .source = "man 7 keyrings; " TABLES,
     .run = run_keyctl},
    {.id = "add_key",
     CHILD,
     .title = "a key in the kernel",
     .does = "add_key(2) to the process's own ring, gone with the process",
     .evidence = FILTERED "On Linux the key lies in one table with the node's.",
     .source = "man 2 add_key; " TABLES,
     .run = run_add_key},
    {.id = "fanotify",
     READ,
     .title = "watching file systems",
     .does = "fanotify_init(FAN_REPORT_FID, O_RDONLY)",
     .evidence = FILTERED,
     .source = TABLES,
     .run = run_fanotify},
    {.id = "name_to_handle_at",
     READ,
     .title = "a file's handle",
     .does = "name_to_handle_at(2) of the path, or of /",
     .evidence = "Half of the oldest way out of a container. Recent default profiles allow it; "
                 "gVisor's host files have no handles.",
     .source = "man 2 open_by_handle_at; gVisor pkg/sentry/fsimpl/gofer",
     .run = run_name_to_handle},
    {.id = "open_by_handle_at",
     READ,
     .title = "a file by its handle",
     .does = "open_by_handle_at(2) of a handle that no file has",
     .evidence = "The other half. Linux asks CAP_DAC_READ_SEARCH, gVisor has no such code.",
     .source = "man 2 open_by_handle_at; " TABLES,
     .run = run_open_by_handle},
    {.id = "user_namespace",
     CHILD,
     .title = "a user namespace of one's own",
     .does = "unshare(CLONE_NEWUSER)",
     .evidence =
         "On Linux it opens much more of the kernel, hence the default filter. gVisor allows "
         "it: an object of its own, and the host sees none. Allowed here is not weaker.",
     .source = "man 7 user_namespaces; gVisor pkg/sentry/kernel/auth",
     .run = run_user_namespace},
    {.id = "clone3",
     READ,
     .title = "the newer clone",
     .does = "clone3(NULL, 0)",
     .evidence = "Default profiles answer ENOSYS, because they cannot look into its arguments: the "
                 "one call where ENOSYS is the filter's word.",
     .source = TABLES,
     .run = run_clone3},
    {.id = "fsopen",
     READ,
     .title = "preparing a mount",
     .does = "fsopen(\"tmpfs\", 0)",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_fsopen},
    {.id = "open_tree",
     READ,
     .title = "a mount by descriptor",
     .does = "open_tree(AT_FDCWD, \"/\", 0)",
     .evidence = "Without cloning it is a mere open and needs no right; default filters refuse it "
                 "all the same.",
     .source = TABLES,
     .run = run_open_tree},
    {.id = "pivot_root",
     READ,
     .title = "another root",
     .does = "pivot_root(2) of no path",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_pivot_root},
    {.id = "setns",
     CHILD,
     .title = "entering a namespace",
     .does = "setns(2) into the mount namespace it is in",
     .subject = "/proc/self/ns/mnt",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_setns},
    {.id = "ptrace",
     CHILD,
     .title = "tracing a process",
     .does = "ptrace(PTRACE_TRACEME) in a child",
     .evidence = "Both have it: gVisor is no mere filter of calls.",
     .source = TABLES,
     .run = run_ptrace},
    {.id = "init_module",
     READ,
     .title = "loading a kernel module",
     .does = "init_module(NULL, 0, \"\")",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_init_module},
    {.id = "finit_module",
     READ,
     .title = "loading a kernel module from a file",
     .does = "finit_module(-1, \"\", 0)",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_finit_module},
    {.id = "kexec_load",
     READ,
     .title = "another kernel",
     .does = "kexec_load(2) with flags that no kernel knows",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_kexec},
    {.id = "swapon",
     READ,
     .title = "swap space",
     .does = "swapon(2) of no path",
     .evidence = CAPABLE,
     .source = TABLES,
     .run = run_swapon},
    {.id = NULL},
};
