/*
 * What dispatch asks of the Kubernetes API, one attempt each: what fails is decided anew a moment
 * later, from what is then there.
 */
#ifndef JOB_SERVICE_DISPATCH_CLUSTER_H
#define JOB_SERVICE_DISPATCH_CLUSTER_H

#include "common/buf.h"
#include "common/kube.h"
#include "job_service/dispatch/seen.h"

struct cluster {
    struct kube *kube; /* for requests; watches have another */
    const struct kinds *kinds;
    const char *space;         /* namespace of Workflows */
    const char *builds, *runs; /* of the pods of people's code; inputs are in builds */
    unsigned retry_after_s;    /* of the last answer, or 0 */
};

enum cluster_answer {
    CLUSTER_DONE,
    CLUSTER_GONE,     /* 404 */
    CLUSTER_CONFLICT, /* 409: it exists, or is not what was meant */
    CLUSTER_QUOTA,    /* a quota is used up */
    CLUSTER_REFUSED,  /* for good: 400, 413, 422, or denied by a policy; *err has the words */
    CLUSTER_LATER,    /* no answer, or none that says anything about the job; *err says which */
};

/* answer gets the object of CREATE and GET. */
enum cluster_answer cluster_create_workflow(struct cluster *cluster, const char *manifest,
                                            struct buf *answer, struct err *err);
enum cluster_answer cluster_get_workflow(struct cluster *cluster, const char *name,
                                         struct buf *answer, struct err *err);
enum cluster_answer cluster_patch_workflow(struct cluster *cluster, const char *name,
                                           const char *patch, struct err *err);
enum cluster_answer cluster_delete_workflow(struct cluster *cluster, const char *name,
                                            const char *options, struct err *err);
enum cluster_answer cluster_delete_pod(struct cluster *cluster, const struct pod *pod,
                                       struct err *err);
enum cluster_answer cluster_create_inputs(struct cluster *cluster, const char *manifest,
                                          struct err *err);
enum cluster_answer cluster_delete_inputs(struct cluster *cluster, const char *id, struct err *err);

/*
 * What a list is of: Workflows, Argo's pods for them, pods of builds, pods of runs. Writes the path
 * with its selector, to which "&..." can be added.
 */
enum cluster_source { SOURCE_WORKFLOWS, SOURCE_PODS, SOURCE_BUILDS, SOURCE_RUNS, SOURCES };
const char *cluster_source_space(const struct cluster *cluster, enum cluster_source source);
void cluster_source_path(const struct cluster *cluster, enum cluster_source source,
                         char out[KUBE_PATH_MAX]);

/* One object of a list or a watch into `seen`; others than of jobs are left out. */
bool cluster_put(const struct cluster *cluster, enum cluster_source source,
                 const struct cJSON *object, struct seen *seen, bool fresh, struct err *err);
void cluster_drop(const struct cluster *cluster, enum cluster_source source,
                  const struct cJSON *object, struct seen *seen);

/* The whole list as it is now, page by page, into the empty `fresh`; its version for a watch. */
bool cluster_list(struct cluster *cluster, enum cluster_source source, struct seen *fresh,
                  char version[OBJECT_UID], struct err *err);

/* Calls found() for each job that has inputs, with when they were made. */
bool cluster_list_inputs(struct cluster *cluster,
                         void (*found)(void *context, const char *id, int64_t created),
                         void *context, struct err *err);

#endif
