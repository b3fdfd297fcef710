/*
 * Workflows and pods as plain data, read from what the Kubernetes API says about them. Pure.
 *
 * A text that is longer than its member is cut; one that identifies something and does not fit
 * makes the object none of ours.
 */
#ifndef JOB_SERVICE_DISPATCH_OBJECT_H
#define JOB_SERVICE_DISPATCH_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "job_service/form/kinds.h"
#include "job_service/route/route.h"

#define LABEL_JOB         "argo-steps/job"
#define LABEL_ATTEMPT     "argo-steps/attempt"
#define LABEL_KIND        "argo-steps/kind"
#define LABEL_STEP        "argo-steps/step"
#define ANNOTATION_DIGEST "argo-steps/digest"
#define ANNOTATION_NUDGED "argo-steps/nudged" /* the one that may change; seconds since 1970 */
/* Argo's, on pods of its own. */
#define LABEL_WORKFLOW  "workflows.argoproj.io/workflow"
#define ANNOTATION_NODE "workflows.argoproj.io/node-name" /* "job-ID-N[0].generate(0)" */

enum {
    OBJECT_NAME = 128,
    OBJECT_UID = 64,
    OBJECT_TEXT = 256,
    OBJECT_NUMBER = 64, /* of an output parameter that is a number */
    WORKFLOW_NAME = 4 + JOB_ID_TEXT + 4 + 1,
    POD_CONTAINERS = 8, /* of which output is kept */
};

enum workflow_phase { WORKFLOW_NEW, WORKFLOW_RUNNING, WORKFLOW_SUCCEEDED, WORKFLOW_FAILED };

struct workflow {
    char job[JOB_ID_TEXT + 1], name[OBJECT_NAME], uid[OBJECT_UID], version[OBJECT_UID];
    unsigned attempt;
    char digest[80];         /* of the job, as it was when this was made; "" for none */
    int64_t created, nudged; /* seconds since 1970; nudged 0: never */
    int64_t started, ended;  /* 0: not yet */
    bool suspended, shut_down;
    enum workflow_phase phase;
    bool error;            /* Argo's Error: failed by itself, not by a step */
    unsigned nodes;        /* that it has begun */
    bool runs;             /* a step's pod was running, or has */
    char step[OBJECT_UID]; /* the last that is under way; "" for none */
    bool has_output;       /* the output parameter that the kind calls its result */
    char output[OBJECT_NUMBER];
    char message[OBJECT_TEXT];
};

enum pod_state { POD_PENDING, POD_RUNNING, POD_DONE, POD_BROKEN };

struct pod {
    char job[JOB_ID_TEXT + 1], name[OBJECT_NAME], space[OBJECT_UID], uid[OBJECT_UID];
    unsigned attempt;      /* 0: it does not say */
    char step[OBJECT_UID]; /* "build", "scan", "run", or of Argo's own pods the step they are for */
    bool of_argo;          /* made by Argo for the Workflow; else by a step, for people's code */
    enum pod_state state;
    bool leaving;           /* deleted, not gone */
    bool evicted, deadline; /* by the kubelet */
    int64_t started, ended; /* 0: not yet */
    char waits[OBJECT_UID]; /* the kubelet's reason why a container does not start, or "" */
    int64_t waits_since;    /* when the pod was made */
    /* Containers with output that is the job's: of Argo's own pods main only. */
    struct {
        char name[OBJECT_UID];
        bool started, init;
    } containers[POD_CONTAINERS];
    size_t container_count;
    /* Of the containers that ended other than well, the first. */
    bool oom, broke;
    int status;
    char container[OBJECT_UID], reason[OBJECT_UID];
    char message[OBJECT_TEXT];
};

/* A UUID in lower case: safe in a path, a name and an array of the database. */
bool object_is_id(const char *text);

/* "job-ID-N" into its parts; false for other names. */
bool object_name_read(const char *name, char job[JOB_ID_TEXT + 1], unsigned *ret_attempt);
/* Writes it. */
void object_name(char out[WORKFLOW_NAME], const char *job, unsigned attempt);

struct cJSON;

/* kinds tell which output parameter is the result. False when it is no Workflow of a job. */
bool workflow_read(const struct cJSON *object, const struct kinds *kinds, struct workflow *ret);

/* False when it is no pod of a job. */
bool pod_read(const struct cJSON *object, struct pod *ret);

#endif
