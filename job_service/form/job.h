/* A job as a request asks for it: its body read, and checked against the kind. Pure. */
#ifndef JOB_SERVICE_FORM_JOB_H
#define JOB_SERVICE_FORM_JOB_H

#include <stddef.h>

#include "common/buf.h"
#include "common/sha256.h"
#include "job_service/form/kinds.h"
#include "job_service/form/multipart.h"
#include "job_service/route/request.h"

enum { JOB_DEADLINE_MAX_S = 86400 };

struct cJSON;

struct job {
    const struct kind *kind;
    struct buf parameters;      /* a JSON object, complete */
    struct cJSON *request;      /* of a JSON body */
    struct multipart_file form; /* of a multipart body */
    const char *name, *file;    /* NULL where absent; of the request, the body or the tree */
    size_t file_len;
    unsigned deadline_s; /* 0: none was asked for */
    /*
     * Over what was asked for, not over how: an Idempotency-Key with another digest is another job.
     * Boundaries of multipart bodies differ each time, and so may the order of parameters.
     */
    char digest[SHA256_HEX + 1];
};

/*
 * PROBLEM_NONE, or what is wrong, with *err as its detail. *ret is for job_release() in any case,
 * and lives no longer than request and body.
 */
enum problem_kind job_read(const struct request *asked, const struct buf *body,
                           const struct kinds *kinds, struct job *ret, struct err *err);
void job_release(struct job *job);

#endif
