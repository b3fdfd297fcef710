/* What this process may use of the machine: CPUs, memory, and what it has used. */
#ifndef COMMON_MACHINE_H
#define COMMON_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

/* CPUs by affinity and the cgroup's quota (v2 and v1), rounded up, at least 1. */
unsigned machine_cpus(void);

/* The cgroup's memory limit in bytes (v2 and v1), or physical memory; 0 when unknown. */
uint64_t machine_memory(void);

struct usage {
    double user_seconds, system_seconds;
    bool peak_known;         /* gVisor has no VmHWM */
    uint64_t peak_rss_bytes; /* VmHWM: unlike ru_maxrss it does not survive exec */
};
void machine_usage(struct usage *ret);

/* The monotonic clock. */
double machine_seconds(void);
uint64_t machine_ms(void);

#endif
