/* A run of probes: what was asked, what this process is, what was found. */
#ifndef GVISOR_PROBE_RUN_RUN_H
#define GVISOR_PROBE_RUN_RUN_H

#include "common/err.h"
#include "gvisor_probe/observe/detect.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/run/declared.h"

enum { RUN_PROBES_MAX = 160, RUN_LABEL_MAX = 2 * NAME_MAX_LEN + 2, RUN_PATH_MAX = 4096 };

struct run_request {
    const char *path;                /* of the mount to try, or NULL */
    const char *only;                /* ids and groups with commas between, or NULL: all */
    bool keep;                       /* leave what probes made */
    bool privileged_too;             /* kernel calls even where this process may do harm */
    bool network;                    /* packets may be sent */
    const struct declared *declared; /* complete */
    uint64_t boottime_ns;            /* the kernel's age at main() */
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

/* Fails USAGE for an unknown name in `only`, REFUSED for a path, CANCELLED. *ret may be released.
 */
bool run_probes(const struct run_request *request, struct run *ret, struct err *err);
void run_release(struct run *run);

#endif
