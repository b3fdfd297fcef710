#include "common/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/num.h"

/* First line of a small file, without its end; false if there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool got = fgets(line, (int)size, file) != NULL;
    (void)fclose(file);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* cgroup v2 says "QUOTA PERIOD" or "max PERIOD"; v1 has a file for each, -1 for none. */
static bool cgroup_cpus(double *ret)
{
    char line[64], period_line[64];
    uint64_t quota, period;

    if (read_line("/sys/fs/cgroup/cpu.max", line, sizeof line)) {
        char *space = strchr(line, ' ');
        if (space == NULL)
            return false;
        *space = '\0';
        (void)snprintf(period_line, sizeof period_line, "%s", space + 1);
    } else if (!read_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", line, sizeof line) ||
               !read_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period_line,
                          sizeof period_line)) {
        return false;
    }
    if (!num_u64(line, &quota) || !num_u64(period_line, &period) || period == 0)
        return false;
    *ret = (double)quota / (double)period;
    return true;
}

unsigned machine_cpus(void)
{
    cpu_set_t set;
    unsigned cpus = 1;
    double quota;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cpus = (unsigned)CPU_COUNT(&set);
    else if (sysconf(_SC_NPROCESSORS_ONLN) > 0)
        cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (cgroup_cpus(&quota) && quota < (double)cpus)
        cpus = (unsigned)quota + (quota > (double)(unsigned)quota);
    return cpus > 0 ? cpus : 1;
}

uint64_t machine_memory(void)
{
    static const char *const limits[] = {"/sys/fs/cgroup/memory.max",
                                         "/sys/fs/cgroup/memory/memory.limit_in_bytes"};
    char line[64];
    uint64_t memory = 0, limit;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    if (pages > 0 && page > 0)
        memory = (uint64_t)pages * (uint64_t)page;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        if (read_line(limits[i], line, sizeof line) && num_u64(line, &limit) &&
            (memory == 0 || limit < memory))
            memory = limit;
    return memory;
}

void machine_usage(struct usage *ret)
{
    struct rusage used = {0};
    char line[256];
    unsigned long long kib;

    *ret = (struct usage){0};
    (void)getrusage(RUSAGE_SELF, &used);
    ret->user_seconds = (double)used.ru_utime.tv_sec + (double)used.ru_utime.tv_usec / 1e6;
    ret->system_seconds = (double)used.ru_stime.tv_sec + (double)used.ru_stime.tv_usec / 1e6;

    FILE *status = fopen("/proc/self/status", "re");
    if (status == NULL)
        return;
    while (!ret->peak_known && fgets(line, sizeof line, status) != NULL) {
        if (sscanf(line, "VmHWM: %llu kB", &kib) == 1) {
            ret->peak_known = true;
            ret->peak_rss_bytes = kib * 1024;
        }
    }
    (void)fclose(status);
}

double machine_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t machine_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
