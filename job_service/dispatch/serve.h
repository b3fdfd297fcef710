/* The port that tells how dispatch is: GET /metrics, /healthz, /readyz. */
#ifndef JOB_SERVICE_DISPATCH_SERVE_H
#define JOB_SERVICE_DISPATCH_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "job_service/logs/logs.h"

struct serve;

/* listen: "ADDRESS:PORT", borrowed, as the logs are, whose counts are told too. */
bool serve_start(const char *listen, struct logs *logs, struct serve **ret, struct err *err);
uint16_t serve_port(const struct serve *serve);
void serve_stop(struct serve *serve); /* accepts NULL */

#endif
