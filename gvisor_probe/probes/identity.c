/* What the kernel says of itself and of its clocks. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/probe.h"

/* The build date of the Linux that gVisor claims to be; it has not changed with the release. */
static const char sentry_build[] = "Sun Jan 10 15:06:54 PST 2016";

static void run_uname(const struct probe_context *context, const char *subject, struct finding *ret)
{
    struct utsname name = {0};

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_uname, &name));
    if (ret->result != RESULT_ALLOWED)
        return;
    if (strstr(name.release, "gvisor") != NULL || strstr(name.version, sentry_build) != NULL)
        found(ret, RESULT_EMULATED);
    found_value(ret, "%s", name.release);
    found_detail(ret, "%s", name.version);
}

static void run_proc_version(const struct probe_context *context, const char *subject,
                             struct finding *ret)
{
    char text[512];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    if (strstr(text, sentry_build) != NULL)
        found(ret, RESULT_EMULATED);
    found_value(ret, "%s", text);
}

static void run_release_agrees(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    struct utsname name = {0};
    char release[128], version[512];

    (void)context, (void)subject;
    (void)syscall(SYS_uname, &name);
    if (read_small("/proc/sys/kernel/osrelease", release, sizeof release) < 0 ||
        read_small("/proc/version", version, sizeof version) < 0) {
        found_call(ret, -1);
        return;
    }
    release[strcspn(release, "\n")] = '\0';
    bool agrees = strcmp(release, name.release) == 0 && strstr(version, name.release) != NULL;
    found(ret, agrees ? RESULT_ALLOWED : RESULT_EMULATED);
    found_value(ret, agrees ? "agree" : "differ");
    found_detail(ret, "uname %s, osrelease %s", name.release, release);
}

static void run_cmdline(const struct probe_context *context, const char *subject,
                        struct finding *ret)
{
    char text[4096];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    /* The text itself is not reported: it can hold secrets of the node. */
    bool gvisor = strstr(text, "gvisor") != NULL;
    bool kata = strstr(text, "kata") != NULL || strstr(text, "agent.log") != NULL;
    if (gvisor)
        found(ret, RESULT_EMULATED);
    found_value(ret, gvisor ? "names gVisor" : kata ? "names Kata" : "names no sandbox");
}

enum { SYSLOG_READ_ALL = 3, SYSLOG_SIZE = 10, SYSLOG_MAX = 64 * 1024 };

static void run_kernel_log(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    static char text[SYSLOG_MAX];

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_syslog, SYSLOG_SIZE, NULL, 0));
    long got = syscall(SYS_syslog, SYSLOG_READ_ALL, text, sizeof text - 1);
    found_call(ret, got);
    if (got < 0)
        return;
    if (strstr(text, "Starting gVisor") != NULL) {
        found(ret, RESULT_EMULATED);
        found_value(ret, "Starting gVisor");
    } else {
        found_value(ret, "readable");
    }
    found_detail(ret, "%ld bytes", got);
}

static void run_boot_id(const struct probe_context *context, const char *subject,
                        struct finding *ret)
{
    char text[64];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result == RESULT_ALLOWED)
        found_value(ret, "%s", text);
}

/* btime of /proc/stat; -1 if it is missing. */
static long long boot_time(void)
{
    static char text[64 * 1024];
    const char *line;

    if (read_small("/proc/stat", text, sizeof text) < 0)
        return -1;
    line = strstr(text, "\nbtime ");
    return line == NULL ? -1 : strtoll(line + 7, NULL, 10);
}

static void run_boot_clock(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    struct timespec age, now;
    char uptime[64] = "";

    (void)context, (void)subject;
    found_call(ret, syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &age));
    if (ret->result != RESULT_ALLOWED)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)read_small("/proc/uptime", uptime, sizeof uptime);
    double boot = (double)age.tv_sec + (double)age.tv_nsec / 1e9, said = strtod(uptime, NULL);
    double since = (double)(now.tv_sec - boot_time());
    bool agree = said - boot < 2 && boot - said < 2 && since - boot < 3 && boot - since < 3;
    found_value(ret, agree ? "agree" : "differ");
    found_detail(ret, "CLOCK_BOOTTIME %.2f s, /proc/uptime %.2f s, since btime %.0f s", boot, said,
                 since);
}

#define ROW      .group = GROUP_IDENTITY, .safety = SAFETY_READ
#define VERSIONS "man 2 uname; gVisor pkg/sentry/kernel/version/version.go"

const struct probe probes_identity[] = {
    {.id = "uname",
     ROW,
     .title = "the kernel's release and build",
     .does = "uname(2) as a raw system call",
     .evidence =
         "A name only: 4.4.0 in older gVisor, 4.19.0-gvisor since April 2026, the build date "
         "of 2016 in both. A patched kernel, a UTS trick or a seccomp supervisor can say "
         "the same.",
     .source = VERSIONS,
     .run = run_uname},
    {.id = "proc_version",
     ROW,
     .title = "the kernel's banner",
     .does = "reads /proc/version",
     .evidence = "Linux names its builder and compiler; gVisor does not, and dates itself 2016. A "
                 "file mounted over it fools this.",
     .source = VERSIONS,
     .subject = "/proc/version",
     .run = run_proc_version},
    {.id = "release_agrees",
     ROW,
     .title = "do all places tell the same release",
     .does = "compares uname(2), /proc/sys/kernel/osrelease and /proc/version",
     .evidence =
         "Both kernels agree with themselves. A difference means that something fakes files "
         "or calls, and no self-report here is worth much.",
     .source = "man 5 proc",
     .run = run_release_agrees},
    {.id = "kernel_cmdline",
     ROW,
     .title = "does the boot command line name a sandbox",
     .does = "reads /proc/cmdline, and reports which of a few words are in it, not the line",
     .evidence = "gVisor makes up a line with its name in it; Kata's guests name their agent. A "
                 "self-report.",
     .source = "gVisor pkg/sentry/fsimpl/proc/tasks.go; Kata Containers' guest kernel parameters",
     .subject = "/proc/cmdline",
     .run = run_cmdline},
    {.id = "kernel_log",
     ROW,
     .title = "the kernel's log",
     .does = "syslog(2): size, then read; only whether gVisor's first line is in it is reported",
     .evidence = "gVisor writes its own log of jokes for each sandbox, readable by all. On Linux "
                 "EPERM comes from dmesg_restrict or seccomp, and says nothing of isolation.",
     .source = "gVisor pkg/sentry/kernel/syslog.go; man 2 syslog",
     .run = run_kernel_log},
    {.id = "boot_id",
     ROW,
     .title = "the identity of this boot",
     .does = "reads /proc/sys/kernel/random/boot_id",
     .evidence = "Equal to the node's: the node's kernel answers. Different: another kernel does, "
                 "gVisor's or a virtual machine's. Only the comparison with a witness tells.",
     .source = "man 5 proc_sys_kernel",
     .subject = "/proc/sys/kernel/random/boot_id",
     .run = run_boot_id},
    {.id = "boot_clock",
     ROW,
     .title = "do the clocks agree on when this kernel started",
     .does = "compares CLOCK_BOOTTIME, /proc/uptime and btime of /proc/stat",
     .evidence =
         "A kernel as young as the container is its own, gVisor's or a virtual machine's; a "
         "time namespace shifts some of these clocks, but not btime.",
     .source = "man 2 clock_gettime; man 7 time_namespaces",
     .run = run_boot_clock},
    {.id = NULL},
};
