/* What a Pod object says about the output of one of its containers. Pure. */
#ifndef JOB_SERVICE_LOGS_POD_STATE_H
#define JOB_SERVICE_LOGS_POD_STATE_H

#include <stdbool.h>
#include <stddef.h>

enum container_state { CONTAINER_WAITS, CONTAINER_RUNS, CONTAINER_ENDED, CONTAINER_NEVER_RUNS };

struct pod_state {
    bool is_it; /* has the uid that was asked for */
    enum container_state container;
    /* Why what it printed need not be all of it: its pod was evicted or deleted; NULL: it ended by
     * itself, or has not ended. */
    const char *cut_off;
};

/* False when it is not a Pod, or has no such container. */
bool pod_state_read(const char *json, size_t len, const char *uid, const char *container,
                    struct pod_state *ret);

#endif
