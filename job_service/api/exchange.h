/*
 * A request and its answer as plain data, between the server, which speaks HTTP, and the workers,
 * which ask the database. It belongs to whoever it was handed to last. Pure.
 */
#ifndef JOB_SERVICE_API_EXCHANGE_H
#define JOB_SERVICE_API_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "job_service/route/problem.h"
#include "job_service/route/request.h"

enum { EXCHANGE_ANSWER_MAX = 1 << 20 };

struct exchange {
    struct exchange *next;     /* in whatever queue it is */
    double began;              /* machine_seconds() */
    void *server, *connection; /* of server.c; of an idle exchange the way to wake it */
    bool judging; /* its body is not read yet: may it submit? Only an answer that says no is one */

    struct request asked; /* its texts are the connection's and stay as long as the exchange */

    /* Of a long poll, and of an event stream that waits. */
    uint64_t seen;     /* the job's version, or the log's bytes, at the last look */
    uint64_t until_ms; /* on the monotonic clock; 0: it has not begun to wait */
    bool changed, over;
    bool draining; /* the service ends */

    struct buf body;
    size_t discarded;               /* bytes of a body that nobody wants */
    enum problem_kind body_problem; /* why it is not wanted, or PROBLEM_NONE */

    bool busy; /* a submit whose owner was locked: to be tried again */

    /* Answered. */
    bool answered;
    unsigned status;
    const char *type; /* Content-Type */
    struct buf answer;
    char location[64], etag[32], content_range[80];
    const char *allow;
    bool close; /* the connection, after the answer */
    unsigned retry_after_s;
    bool wait_applied, log_complete_known, log_complete;
    uint64_t log_stored;

    /* Of an event stream: its answer goes on, piece by piece, until it is over. */
    bool stream, stream_over;
    uint64_t position; /* in the log, of the next event */
    size_t sent;       /* bytes of this piece */
};

/*
 * fmt is one line that says what is wrong and what to do. A stream that has begun just ends: its
 * client comes again, and is told then.
 */
void exchange_problem(struct exchange *exchange, enum problem_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

void exchange_free(struct exchange *exchange);

#endif
