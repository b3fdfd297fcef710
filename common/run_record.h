/*
 * The record that ends a run: what became of a program, as the last line of its container's stdout.
 * job_runner writes it, whoever follows the container's log reads it. Pure.
 *
 * A record is a JSON text sequence (RFC 7464) of one: the byte RUN_RECORD_MARK, a JSON object, a
 * line end. The runner passes no such byte of the program on, so no line of a program can be one;
 * and only the last line counts.
 *
 *     {"cause":"done","status":0,"bytes":7,"perf":0.99}
 *     {"cause":"exit","status":3,"bytes":7,"why":"it ended with status 3"}
 */
#ifndef COMMON_RUN_RECORD_H
#define COMMON_RUN_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum {
    RUN_RECORD_MARK = 0x1e, /* U+001E, record separator */
    RUN_RECORD_SHOWN = '?', /* what the runner writes where a program wrote the mark */
    RUN_RECORD_MAX = 2048,  /* bytes of a record with mark and line end */
    RUN_WHY_MAX = 200,      /* bytes of why */
};

enum run_cause {
    RUN_DONE,       /* ended with status 0 and left a number */
    RUN_EXIT,       /* ended with another status, or by a signal */
    RUN_DEADLINE,   /* was ended: its time was over */
    RUN_NO_RESULT,  /* ended with status 0, and its result is not there */
    RUN_BAD_RESULT, /* ended with status 0, and its result is not as it must be */
    RUN_LOG_LIMIT,  /* was ended: it wrote more than it may */
    RUN_IMAGE,      /* did not begin: its image has no such program */
    RUN_CAUSES,
};

struct run_record {
    enum run_cause cause;
    uint32_t status;           /* the program's own; 128 + N when signal N ended it */
    uint64_t bytes;            /* on the container's stdout before the record */
    double perf;               /* finite; only when done, else 0 */
    char why[RUN_WHY_MAX + 1]; /* printable UTF-8, for people; empty when done */
};

/* "done", "exit", "deadline", "no-result", "bad-result", "log-limit", "image". */
const char *run_cause_name(enum run_cause cause);

/* What the runner itself exits with, so that a pod's status says the same: 0, or 20 + cause. */
int run_cause_status(enum run_cause cause);

/* Sets cause and why, which is made printable and cut to fit. */
void run_record_fail(struct run_record *record, enum run_cause cause, const char *why);

/*
 * Appends the record, at most RUN_RECORD_MAX bytes; why as run_record_fail() has it. Whoever writes
 * it begins a line with it. buf_ok().
 */
bool run_record_write(const struct run_record *record, struct buf *out, struct err *err);

/*
 * Reads the record that ends a stdout, of which tail is the end: RUN_RECORD_MAX bytes suffice.
 * *ret_start is where in tail it begins. False: its end is no whole record, so the program's
 * output was cut off, or the runner was ended.
 */
bool run_record_read(const char *tail, size_t len, struct run_record *ret, size_t *ret_start);

#endif
