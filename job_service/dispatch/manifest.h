/*
 * What is said to the Kubernetes API about a job. Pure.
 *
 * Ids, digests, names of our own templates and parameters that their patterns take: nothing else
 * enters a Workflow. A file travels as base64, in a ConfigMap.
 */
#ifndef JOB_SERVICE_DISPATCH_MANIFEST_H
#define JOB_SERVICE_DISPATCH_MANIFEST_H

#include <stdint.h>

#include "common/buf.h"
#include "job_service/form/kinds.h"

enum {
    MANIFEST_MAX = 2 << 20,
    MANIFEST_FILE_MAX = 900 << 10, /* bytes of a job's file */
};

struct manifest_job {
    const char *id, *digest; /* digest: hexadecimal */
    unsigned attempt;
    const struct kind *kind;
    const char *parameters; /* a JSON object of texts, as kind_parameters() writes it */
};

/* The Workflow, suspended. INPUT when the parameters are not such an object. buf_ok(). */
bool manifest_workflow(struct buf *out, const struct manifest_job *job, struct err *err);

/* The ConfigMap that holds its file, as base64 in one line. buf_ok(). */
bool manifest_inputs(struct buf *out, const char *id, const char *base64, struct err *err);

/* Merge patches, each only for the object of this uid. */
void manifest_resume(struct buf *out, const char *uid);
void manifest_shut_down(struct buf *out, const char *uid);
void manifest_nudge(struct buf *out, const char *uid, int64_t now);

/* DeleteOptions; version NULL: whatever became of it meanwhile. */
void manifest_delete(struct buf *out, const char *uid, const char *version);

#endif
