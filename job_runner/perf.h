/* What a program leaves as its result: {"perf": 0.99}. Pure. */
#ifndef JOB_RUNNER_PERF_H
#define JOB_RUNNER_PERF_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { PERF_FILE_MAX = 4096 };

/*
 * One JSON object, in it the member perf once, a finite number; other members are left alone. What
 * is wrong is INPUT, with the file's name, and line and column where the JSON is broken.
 */
bool perf_read(const char *name, const char *text, size_t len, double *ret, struct err *err);

#endif
