/* The structure of /proc and the mounts, which differs between kernels. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/probe.h"

/* Linux numbers namespaces from the top of procfs's range of dynamic inodes. */
static const unsigned long long linux_first_inode = 0xeffffff0u;
enum { SENTRY_INODES_BELOW = 4096 };

static void run_ns_inodes(const struct probe_context *context, const char *subject,
                          struct finding *ret)
{
    static const char *const kinds[] = {"pid", "net", "mnt", "user", "uts", "ipc"};
    unsigned long long least = 0;
    char name[64], link[64];

    (void)context;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        (void)snprintf(name, sizeof name, "%s/%s", subject, kinds[i]);
        ssize_t len = readlink(name, link, sizeof link - 1);
        if (len < 0) {
            found_call(ret, -1);
            continue;
        }
        link[len] = '\0';
        const char *number = strchr(link, '[');
        unsigned long long inode = number == NULL ? 0 : strtoull(number + 1, NULL, 10);
        if (inode != 0 && (least == 0 || inode < least))
            least = inode;
    }
    if (least == 0)
        return;
    ret->errnum = 0;
    found(ret, least < SENTRY_INODES_BELOW  ? RESULT_EMULATED
               : least >= linux_first_inode ? RESULT_ALLOWED
                                            : RESULT_UNCLEAR);
    found_value(ret, "%llu", least);
}

/* Counts the entries of a directory, except numbers (processes). -1 and errno on failure. */
static long count_names(const char *path)
{
    long count = 0;
    DIR *dir = opendir(path);

    if (dir == NULL)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.' && (entry->d_name[0] < '0' || entry->d_name[0] > '9');
    (void)closedir(dir);
    return count;
}

static void run_ns_kinds(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    static const char *const kinds[] = {"cgroup", "ipc",  "mnt",  "net",
                                        "pid",    "time", "user", "uts"};
    char list[64] = "", name[64];
    struct stat st;

    (void)context;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t len = strlen(list);
        (void)snprintf(name, sizeof name, "%s/%s", subject, kinds[i]);
        if (lstat(name, &st) == 0)
            (void)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? " " : "", kinds[i]);
    }
    found(ret, list[0] == '\0' ? RESULT_ABSENT : RESULT_ALLOWED);
    found_value(ret, "%s", list);
}

static void run_census(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    (void)context, (void)subject;
    long proc = count_names("/proc"), kernel = count_names("/proc/sys/kernel"),
         self = count_names("/proc/self");
    found_call(ret, proc);
    if (ret->result != RESULT_ALLOWED)
        return;
    found_value(ret, "%ld/%ld/%ld", proc, kernel, self);
    found_detail(ret, "names in /proc, /proc/sys/kernel and /proc/self");
}

static void run_gvisor_files(const struct probe_context *context, const char *subject,
                             struct finding *ret)
{
    static const char *const files[] = {"/proc/sentry-meminfo", "/proc/gvisor",
                                        "/proc/gvisor/kernel_is_gvisor"};
    char list[128] = "";

    (void)context, (void)subject;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct stat st;
        size_t len = strlen(list);
        if (stat(files[i], &st) == 0)
            (void)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? " " : "", files[i]);
    }
    found(ret, list[0] == '\0' ? RESULT_ABSENT : RESULT_EMULATED);
    found_value(ret, "%s", list);
}

static void describe(char out[128], const struct mount *mount)
{
    const char *transport = "";
    size_t len = 0;

    if (mount == NULL)
        (void)snprintf(out, 128, "untold");
    else if (mount_option(mount->super_options, "trans", &transport, &len))
        (void)snprintf(out, 128, "%.32s trans=%.*s", mount->fstype, (int)(len > 32 ? 32 : len),
                       transport);
    else
        (void)snprintf(out, 128, "%.32s of %.64s", mount->fstype, mount->source);
}

static void run_mounts(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    const struct observed *self = context->self;
    char root[128], path[128];
    bool gvisor = false;

    (void)subject;
    if (self->mount_count == 0) {
        found(ret, RESULT_ABSENT);
        return;
    }
    for (size_t i = 0; i < self->mount_count; i++) {
        enum file_server server = file_policy_of(&self->mounts[i], NULL).server;
        gvisor = gvisor || server == SERVER_GOFER || server == SERVER_OVERLAY;
    }
    if (gvisor)
        found(ret, RESULT_EMULATED);
    describe(root, self->root_mount);
    describe(path, self->path_mount);
    found_value(ret, "/ %s%s%s", root, self->path == NULL ? "" : ", path ",
                self->path == NULL ? "" : path);
}

static void run_cgroup(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    char text[2048];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    size_t lines = 0;
    bool names = false;
    for (const char *at = text; *at != '\0'; at++) {
        lines += *at == '\n';
        names = names || (at[0] == ':' && at[1] == '/' && at[2] != '\n' && at[2] != '\0');
    }
    if (lines == 0) {
        found(ret, RESULT_ABSENT);
        found_value(ret, "empty");
        return;
    }
    text[strcspn(text, "\n")] = '\0';
    found_value(ret, names ? "names a hierarchy" : "only /");
    found_detail(ret, "%zu lines, the first: %.200s", lines, text);
}

static void run_load(const struct probe_context *context, const char *subject, struct finding *ret)
{
    struct sysinfo info = {0};
    char text[128];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result != RESULT_ALLOWED)
        return;
    (void)sysinfo(&info);
    /* gVisor does not even count this process. */
    bool zero = strncmp(text, "0.00 0.00 0.00 0/0 ", 19) == 0;
    if (zero)
        found(ret, RESULT_EMULATED);
    found_value(ret, zero ? "zeros" : "a load");
    found_detail(ret, "%.*s; %u processes", (int)strcspn(text, "\n"), text, info.procs);
}

static void run_memory(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    char text[4096];

    (void)context;
    found_call(ret, read_small(subject, text, sizeof text));
    const char *total = ret->result == RESULT_ALLOWED ? strstr(text, "MemTotal:") : NULL;
    if (total != NULL)
        found_value(ret, "%llu kB", strtoull(total + 9, NULL, 10));
}

#define IDENTITY .group = GROUP_IDENTITY, .safety = SAFETY_READ
#define DATA     .group = GROUP_HOST_DATA, .safety = SAFETY_READ
#define PROCFS   "gVisor pkg/sentry/fsimpl/proc; man 5 proc"

const struct probe probes_proc[] = {
    {.id = "ns_inodes",
     IDENTITY,
     .title = "how namespaces are numbered",
     .does = "readlink(2) of /proc/self/ns/*, the least inode",
     .evidence = "Linux numbers namespaces above 4026531000, gVisor from 1. It is structure, not a "
                 "text; but other emulated kernels use small numbers too.",
     .source = "Linux include/linux/proc_ns.h; gVisor pkg/sentry/fsimpl/nsfs",
     .subject = "/proc/self/ns",
     .run = run_ns_inodes},
    {.id = "ns_kinds",
     IDENTITY,
     .title = "which kinds of namespaces there are",
     .does = "lstat(2) of the names in /proc/self/ns",
     .evidence = "Linux since 5.6 has eight kinds; gVisor lacks some (cgroup and time).",
     .source = "man 7 namespaces; gVisor pkg/sentry/fsimpl/proc/task.go",
     .subject = "/proc/self/ns",
     .run = run_ns_kinds},
    {.id = "proc_census",
     IDENTITY,
     .title = "how much there is in /proc",
     .does = "counts names in /proc, /proc/sys/kernel and /proc/self",
     .evidence =
         "Fewer files are less kernel code and less host data to reach. Masked paths of the "
         "pod lower the count on Linux as well.",
     .source = PROCFS,
     .run = run_census},
    {.id = "gvisor_files",
     IDENTITY,
     .title = "files that only gVisor has",
     .does = "stat(2) of /proc/sentry-meminfo, /proc/gvisor and its marker file",
     .evidence = "A self-report of the file system. The marker is off by default, so its absence "
                 "proves nothing.",
     .source = "gVisor pkg/sentry/fsimpl/proc/tasks.go; runsc --gvisor-marker-file",
     .run = run_gvisor_files},
    {.id = "mounts",
     IDENTITY,
     .title = "what serves the file systems",
     .does = "reads /proc/self/mountinfo",
     .evidence =
         "9p with trans=fd and rfdno or dcache, or an overlay without a lower directory, is "
         "gVisor's gofer. A root on virtiofs, or 9p with trans=virtio, is Kata's; a hostPath may "
         "be the node's own share.",
     .source = "gVisor pkg/sentry/fsimpl/gofer; man 5 proc_pid_mountinfo",
     .run = run_mounts},
    {.id = "load_average",
     DATA,
     .title = "the node's load",
     .does = "reads /proc/loadavg, and the count of processes of sysinfo(2)",
     .evidence = "Linux shows every pod the load of the whole node; gVisor shows zeros.",
     .source = PROCFS,
     .subject = "/proc/loadavg",
     .run = run_load},
    {.id = "memory_total",
     DATA,
     .title = "the node's memory",
     .does = "reads MemTotal of /proc/meminfo",
     .evidence = "Both kernels may show the node's size: gVisor shows the pod's limit where one is "
                 "set, and otherwise the node's. Not evidence by itself.",
     .source = PROCFS,
     .subject = "/proc/meminfo",
     .run = run_memory},
    {.id = "cgroup_names",
     DATA,
     .title = "names of the node's control groups",
     .does = "reads /proc/self/cgroup",
     .evidence = "Without a cgroup namespace Linux shows the node's hierarchy, pod and container "
                 "identifiers included. With one it shows / as gVisor may do.",
     .source = "man 7 cgroup_namespaces",
     .subject = "/proc/self/cgroup",
     .run = run_cgroup},
    {.id = NULL},
};
