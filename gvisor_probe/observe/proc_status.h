/* Parses capabilities and seccomp from /proc/self/status (proc_pid_status(5)). Pure. */
#ifndef GVISOR_PROBE_OBSERVE_PROC_STATUS_H
#define GVISOR_PROBE_OBSERVE_PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>

enum capability_set {
    SET_INHERITABLE,
    SET_PERMITTED,
    SET_EFFECTIVE,
    SET_BOUNDING,
    SET_AMBIENT,
    CAPABILITY_SETS,
};

struct proc_status {
    bool known[CAPABILITY_SETS];
    uint64_t sets[CAPABILITY_SETS];             /* bit masks; 0 if unknown */
    int seccomp, seccomp_filters, no_new_privs; /* -1: unknown */
};

/* A missing or malformed line leaves its member unknown. */
struct proc_status proc_status_parse(const char *text);

#endif
