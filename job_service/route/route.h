/* Which answer a method and a path ask for. Pure. */
#ifndef JOB_SERVICE_ROUTE_ROUTE_H
#define JOB_SERVICE_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum route {
    ROUTE_HELLO,
    ROUTE_JOBS,        /* POST /jobs: the pipeline with its defaults */
    ROUTE_BUILD,       /* POST, PUT /job/build: a Dockerfile */
    ROUTE_PERFORMANCE, /* GET /job/performance/NUMBER */
    ROUTE_SUBMIT,
    ROUTE_LIST,
    ROUTE_LOOK,
    ROUTE_CANCEL,
    ROUTE_CANCEL_QUEUED, /* DELETE /v1/jobs?state=queued */
    ROUTE_LOGS,
    ROUTE_WHOAMI,
    ROUTE_HEALTHZ,
    ROUTE_READYZ,
    ROUTE_OPENAPI,
    ROUTE_NONE,    /* no such path */
    ROUTE_METRICS, /* on a port of its own, never found by route_find() */
    ROUTES,
};

enum { JOB_ID_TEXT = 36 }; /* a UUID in lower case */

struct route_match {
    enum route route;
    char id[JOB_ID_TEXT + 1]; /* of routes with an id, else "" */
    uint64_t number;          /* of PERFORMANCE */
    const char *allow;        /* methods of the path, where the method is not among them */
};

enum route_outcome { ROUTE_FOUND, ROUTE_UNKNOWN, ROUTE_OTHER_METHOD };

/* HEAD is GET. Ids that cannot be one are UNKNOWN. */
enum route_outcome route_find(const char *method, const char *path, struct route_match *ret);

/* Whether it takes a job, and so a body. */
bool route_submits(enum route route);

/* "/v1/jobs/{id}": what metrics call it. */
const char *route_pattern(enum route route);

#endif
