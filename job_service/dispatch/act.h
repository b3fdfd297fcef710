/* Carries out what was decided about a job: requests to the API, then one change of its row. */
#ifndef JOB_SERVICE_DISPATCH_ACT_H
#define JOB_SERVICE_DISPATCH_ACT_H

#include "job_service/dispatch/cluster.h"
#include "job_service/dispatch/decide.h"
#include "job_service/dispatch/rows.h"

struct work {
    struct pg *pg;
    struct cluster *cluster;
    const struct kinds *kinds;
    unsigned requeue_s; /* how long a job waits that a quota refused */
    bool quota_full;    /* told by act(): taking more now is useless */
    bool api_failed;    /* told by act() when it was false: not the database */
};

/*
 * False: database or API failed; all of it is decided anew later. What the row refuses, because it
 * says otherwise by now, is no failure.
 */
bool act(struct work *work, const struct view *view, const struct action *action, struct err *err);

/* Deletes what no row wants. */
bool act_on_stray_workflow(struct work *work, const struct workflow *workflow, struct err *err);
bool act_on_stray_pod(struct work *work, const struct pod *pod, struct err *err);
bool act_on_stray_inputs(struct work *work, const char *id, struct err *err);

#endif
