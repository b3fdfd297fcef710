/* What can be wrong with a request, and how it is told: as RFC 9457 has it. Pure. */
#ifndef JOB_SERVICE_ROUTE_PROBLEM_H
#define JOB_SERVICE_ROUTE_PROBLEM_H

#include "common/buf.h"

enum problem_kind {
    PROBLEM_NONE,
    PROBLEM_BAD_REQUEST,
    PROBLEM_TOKEN_MISSING,
    PROBLEM_TOKEN_UNKNOWN,
    PROBLEM_TOKEN_SCOPE,
    PROBLEM_NOT_FOUND,
    PROBLEM_METHOD,
    PROBLEM_TOO_LARGE,
    PROBLEM_RANGE,
    PROBLEM_JOB,      /* what was asked for cannot be done: a Dockerfile's mistake, a parameter */
    PROBLEM_KEY_USED, /* Idempotency-Key with another job */
    PROBLEM_RATE,
    PROBLEM_QUOTA,
    PROBLEM_UNAVAILABLE,
    PROBLEM_BUG,
    PROBLEMS,
};

/* The HTTP status; 0 for PROBLEM_NONE. */
unsigned problem_status(enum problem_kind kind);

/* Appends application/problem+json; detail is one line of printable UTF-8. */
void problem_put(struct buf *out, enum problem_kind kind, const char *detail);

#endif
