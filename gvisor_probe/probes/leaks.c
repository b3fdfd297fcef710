/* Which files of /proc and /sys show data of the node. Their contents are not reported. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/probe.h"

/* Opens and reads, because some files can be opened but not read. Empty ones leak nothing. */
static void run_file(const struct probe_context *context, const char *subject, struct finding *ret)
{
    char text[256];

    (void)context;
    long got = read_small(subject, text, sizeof text);
    found_call(ret, got);
    if (got < 0)
        return;
    found_value(ret, got == 0 ? "empty" : "data");
}

static void run_dir(const struct probe_context *context, const char *subject, struct finding *ret)
{
    long count = 0;
    DIR *dir = opendir(subject);

    (void)context;
    found_call(ret, dir == NULL ? -1 : 0);
    if (dir == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    (void)closedir(dir);
    if (count == 0)
        found(ret, RESULT_ABSENT);
    found_value(ret, "%ld", count);
    found_detail(ret, "entries");
}

/* Asks with access(2) and never opens the file: a write to it can restart the node. */
static void run_sysrq(const struct probe_context *context, const char *subject, struct finding *ret)
{
    struct stat st;

    (void)context;
    if (stat(subject, &st) != 0) {
        found_call(ret, -1);
        return;
    }
    found_call(ret, access(subject, W_OK));
    found_detail(ret, "asked with access(2), not opened");
}

#define ROW        .group = GROUP_HOST_DATA, .safety = SAFETY_READ
#define PROC_FILES "man 5 proc; gVisor pkg/sentry/fsimpl/proc/tasks.go lists the files it has"
#define SYS_FILES  "man 5 sysfs; gVisor pkg/sentry/fsimpl/sys/sys.go lists what it has"
#define ANY_POD                                                                                    \
    "Any pod reads it on Linux unless the path is masked: no permission stands in the way. "
#define READS(path)                                                                                \
    .does = "opens and reads up to 255 bytes of " path, .subject = path, .run = run_file
#define LISTS(path) .does = "counts the entries of " path, .subject = path, .run = run_dir

const struct probe probes_leaks[] = {
    {.id = "leak_kallsyms",
     ROW,
     READS("/proc/kallsyms"),
     .title = "the kernel's symbols",
     .evidence = ANY_POD "Addresses are zeroed for most, names and modules are not.",
     .source = PROC_FILES},
    {.id = "leak_interrupts",
     ROW,
     READS("/proc/interrupts"),
     .title = "interrupts by device",
     .evidence = ANY_POD "It names devices, and its counts have carried side channels.",
     .source = PROC_FILES},
    {.id = "leak_softirqs",
     ROW,
     READS("/proc/softirqs"),
     .title = "deferred interrupts by kind",
     .evidence = ANY_POD "Counts of the whole node's activity.",
     .source = PROC_FILES},
    {.id = "leak_vmstat",
     ROW,
     READS("/proc/vmstat"),
     .title = "the node's memory counters",
     .evidence = ANY_POD "Counts of the whole node's activity.",
     .source = PROC_FILES},
    {.id = "leak_zoneinfo",
     ROW,
     READS("/proc/zoneinfo"),
     .title = "the node's memory zones",
     .evidence = ANY_POD "Layout and use of the node's memory.",
     .source = PROC_FILES},
    {.id = "leak_buddyinfo",
     ROW,
     READS("/proc/buddyinfo"),
     .title = "the node's free memory blocks",
     .evidence = ANY_POD "Fragmentation helps to place memory next to a victim's.",
     .source = PROC_FILES},
    {.id = "leak_diskstats",
     ROW,
     READS("/proc/diskstats"),
     .title = "the node's disk activity",
     .evidence = ANY_POD "It names the disks and counts what all pods do.",
     .source = PROC_FILES},
    {.id = "leak_partitions",
     ROW,
     READS("/proc/partitions"),
     .title = "the node's partitions",
     .evidence = ANY_POD "It names disks and sizes.",
     .source = PROC_FILES},
    {.id = "leak_crypto",
     ROW,
     READS("/proc/crypto"),
     .title = "the kernel's ciphers",
     .evidence = ANY_POD "It tells versions and modules.",
     .source = PROC_FILES},
    {.id = "leak_iomem",
     ROW,
     READS("/proc/iomem"),
     .title = "the physical memory map",
     .evidence = ANY_POD "Addresses are zeroed for most, the layout is not.",
     .source = PROC_FILES},
    {.id = "leak_ioports",
     ROW,
     READS("/proc/ioports"),
     .title = "the I/O ports",
     .evidence = ANY_POD "It names devices.",
     .source = PROC_FILES},
    {.id = "leak_key_users",
     ROW,
     READS("/proc/key-users"),
     .title = "who holds kernel keys",
     .evidence = ANY_POD "Key rings are not namespaced: user ids of the whole node.",
     .source = "man 5 proc_key-users"},
    {.id = "leak_pressure",
     ROW,
     READS("/proc/pressure/memory"),
     .title = "the node's pressure",
     .evidence = ANY_POD "Stalls of the whole node. Absent where the kernel has no PSI.",
     .source = "Linux Documentation/accounting/psi.rst"},
    {.id = "leak_config",
     ROW,
     READS("/proc/config.gz"),
     .title = "the kernel's configuration",
     .evidence = ANY_POD "Absent where the kernel is built without IKCONFIG_PROC, so absence is no "
                         "evidence of gVisor.",
     .source = PROC_FILES},
    {.id = "sysctl_core_pattern",
     ROW,
     READS("/proc/sys/kernel/core_pattern"),
     .title = "what runs on the node when a process dumps core",
     .evidence =
         "On Linux it is the node's, readable by all; writable it would run a program on the "
         "node. gVisor has no such file.",
     .source = "man 5 core"},
    {.id = "sysctl_kptr_restrict",
     ROW,
     READS("/proc/sys/kernel/kptr_restrict"),
     .title = "are kernel addresses hidden",
     .evidence = "The node's setting; gVisor has none.",
     .source = "man 5 proc_sys_kernel"},
    {.id = "sysctl_perf_paranoid",
     ROW,
     READS("/proc/sys/kernel/perf_event_paranoid"),
     .title = "who may profile the kernel",
     .evidence = "The node's setting; gVisor has none.",
     .source = "man 2 perf_event_open"},
    {.id = "sys_module",
     ROW,
     LISTS("/sys/module"),
     .title = "the kernel's modules",
     .evidence = ANY_POD "Versions of drivers, for whoever looks for a hole.",
     .source = SYS_FILES},
    {.id = "sys_block",
     ROW,
     LISTS("/sys/block"),
     .title = "the node's disks",
     .evidence = ANY_POD,
     .source = SYS_FILES},
    {.id = "sys_class",
     ROW,
     LISTS("/sys/class"),
     .title = "the node's device classes",
     .evidence = ANY_POD,
     .source = SYS_FILES},
    {.id = "sys_kernel",
     ROW,
     LISTS("/sys/kernel"),
     .title = "the kernel's own settings",
     .evidence = ANY_POD,
     .source = SYS_FILES},
    {.id = "sysrq_trigger",
     ROW,
     .title = "could this process restart the machine",
     .does = "stat(2) and access(2) of /proc/sysrq-trigger; it is never opened",
     .evidence = "None of gVisor's merit: runc masks it, and in gVisor it exists without effect. "
                 "That a file exists is not that it works.",
     .source =
         "Linux Documentation/admin-guide/sysrq.rst; gVisor pkg/sentry/fsimpl/proc/tasks_files.go",
     .subject = "/proc/sysrq-trigger",
     .run = run_sysrq},
    {.id = NULL},
};
