/* What the api counts about itself, in Prometheus' text format. Threads may count at once. Pure. */
#ifndef JOB_SERVICE_API_METRICS_H
#define JOB_SERVICE_API_METRICS_H

#include <stddef.h>

#include "common/buf.h"
#include "job_service/route/route.h"

void metrics_request(enum route route, unsigned status, double seconds);
void metrics_refused(void); /* a connection whose deadline passed */

/* Of this moment, told by their owners. */
struct metrics_now {
    unsigned busy;          /* requests under way */
    size_t queued, waiting; /* for a worker; long polls */
    size_t connections;     /* open */
};

/* Appends all of it. */
void metrics_put(struct buf *out, const struct metrics_now *now);

#endif
