/* Runs the probes. */
#ifndef GVISOR_PROBE_RUN_RUN_H
#define GVISOR_PROBE_RUN_RUN_H

#include "common/err.h"
#include "gvisor_probe/observe/detect.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/run/declared.h"

enum { RUN_PROBES_MAX = 160, RUN_LABEL_MAX = 2 * NAME_MAX_LEN + 2, RUN_PATH_MAX = 4096 };

struct run_request {
    const char *path;                /* the mount to try, or NULL */
    const char *only;                /* ids and groups, separated by commas; NULL: all */
    bool keep;                       /* do not remove what probes made */
    bool privileged_too;             /* call the kernel even if this process is privileged */
    bool network;                    /* packets may be sent */
    const struct declared *declared; /* after declared_complete() */
    uint64_t boottime_ns;            /* the kernel's age when main() began */
};

struct answered {
    const struct probe *probe;
    struct finding finding;
};

struct run {
    const struct run_request *request;
    char label[RUN_LABEL_MAX]; /* RUN-CELL */
    char dir[RUN_PATH_MAX];    /* PATH/open/RUN-CELL; "": not made */
    struct observed observed;
    struct answered *answers; /* in the table's order */
    size_t count;
    struct detection detection;
};

/*
 * Fails USAGE for an unknown name in `only`, REFUSED if the path cannot be used, CANCELLED,
 * TRANSIENT. *ret must be released, also on failure.
 */
bool run_probes(const struct run_request *request, struct run *ret, struct err *err);
void run_release(struct run *run);

#endif
