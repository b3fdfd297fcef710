/* Why a job failed, from what the kubelet and Argo say about its pods. Pure. */
#ifndef JOB_SERVICE_DISPATCH_CAUSE_H
#define JOB_SERVICE_DISPATCH_CAUSE_H

#include <stddef.h>

#include "common/run_record.h"
#include "job_service/dispatch/object.h"

/* In the order of the database's enum; docs/jobs.md says what each means. */
enum cause {
    CAUSE_BUILD,
    CAUSE_SCAN,
    CAUSE_REFUSED,
    CAUSE_IMAGE,
    CAUSE_OOM,
    CAUSE_DEADLINE,
    CAUSE_DISK,
    CAUSE_EVICTED,
    CAUSE_EXIT,
    CAUSE_NO_RESULT,
    CAUSE_BAD_RESULT,
    CAUSE_LOG_LIMIT,
    CAUSE_LOST,
    CAUSE_ENGINE,
    CAUSE_CONFLICT,
    CAUSES,
};

enum { REASON_TEXT = 640 };

const char *cause_name(enum cause cause);

/* What a run's own record says. */
enum cause cause_of_record(enum run_cause cause);

/* The pod's image cannot be had, or not be run, and it waits for that. */
bool cause_waits_for_image(const struct pod *pod);

/*
 * Of pods of one attempt the one that broke last, people's code before Argo's own pods; NULL when
 * none has. One that was evicted broke, whatever its phase.
 */
const struct pod *cause_find(const struct pod *pods, size_t count);

/* Why that one broke, or waits. */
enum cause cause_of_pod(const struct pod *pod, char reason[REASON_TEXT]);

/* Where no pod tells: from the Workflow's own words. */
enum cause cause_of_workflow(const struct workflow *workflow, char reason[REASON_TEXT]);

#endif
