/*
 * The Workflows and pods of jobs as they were seen last: a table that lists and watches fill. Pure.
 */
#ifndef JOB_SERVICE_DISPATCH_SEEN_H
#define JOB_SERVICE_DISPATCH_SEEN_H

#include <stddef.h>

#include "job_service/dispatch/object.h"

enum { SEEN_MAX = 100000 }; /* Workflows, and pods */

struct seen {
    struct workflow *workflows;
    struct pod *pods;
    size_t workflow_count, workflow_room, pod_count, pod_room;
    bool sorted; /* by job */
};

void seen_release(struct seen *seen); /* leaves it empty and usable */

/* In the place of what has its name, or namespace and name; fresh: there is none. TRANSIENT. */
bool seen_put_workflow(struct seen *seen, const struct workflow *workflow, bool fresh,
                       struct err *err);
bool seen_put_pod(struct seen *seen, const struct pod *pod, bool fresh, struct err *err);

/* Goes, if it is there and has this uid still. */
void seen_drop_workflow(struct seen *seen, const struct workflow *workflow);
void seen_drop_pod(struct seen *seen, const struct pod *pod);

/* All Workflows, or all pods of a namespace, become those of `fresh`. TRANSIENT: nothing changed.
 */
bool seen_replace_workflows(struct seen *seen, const struct seen *fresh, struct err *err);
bool seen_replace_pods(struct seen *seen, const char *space, const struct seen *fresh,
                       struct err *err);

/* Those of one job, beside each other; valid until the next change. */
struct workflow *seen_workflows(struct seen *seen, const char *job, size_t *ret_count);
struct pod *seen_pods(struct seen *seen, const char *job, size_t *ret_count);

#endif
