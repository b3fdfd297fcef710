/*
 * The body of a submit, in any form: what is taken is a whole job, what is refused a printable
 * line. The first byte chooses the route and the Content-Type.
 */
#include <string.h>

#include "common/utf8.h"
#include "job_service/form/job.h"
#include "tests/fuzz/fuzz.h"

static void check_job(const struct job *job, const struct buf *body)
{
    struct err err = {0};

    HOLDS(kind_takes_file(job->kind) == (job->file != NULL));
    HOLDS(job->file_len <= body->len && job->deadline_s <= JOB_DEADLINE_MAX_S);
    HOLDS(job->name == NULL || utf8_is_text(job->name, strlen(job->name)));
    HOLDS(job->file == NULL ||
          dockerfile_check(job->file, job->file_len, kind_bases(job->kind), &err));
    HOLDS(strlen(job->digest) == SHA256_HEX && job->parameters.data[0] == '{');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = {NULL, "application/json", "text/plain",
                                        "multipart/form-data; boundary=x"};
    static const enum route routes[] = {ROUTE_JOBS, ROUTE_BUILD, ROUTE_SUBMIT};
    static struct kinds *kinds;
    struct err err = {0};
    struct job job;

    if (kinds == NULL)
        HOLDS(kinds_read(NULL, 0, &kinds, &err));
    if (size == 0)
        return 0;
    const struct request request = {.match.route = routes[data[0] / 4 % 3],
                                    .content_type = types[data[0] % 4]};
    OWNED_BUF(body, REQUEST_BODY_MAX);
    buf_add(&body, data + 1, size - 1);
    enum problem_kind problem = job_read(&request, &body, kinds, &job, &err);
    if (problem == PROBLEM_NONE)
        check_job(&job, &body);
    else
        HOLDS((problem == PROBLEM_JOB || problem == PROBLEM_BAD_REQUEST) && err.text[0] != '\0' &&
              utf8_is_text(err.text, strlen(err.text)));
    job_release(&job);
    return 0;
}
