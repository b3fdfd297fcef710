/* A program from its start to its record, within its limits. */
#ifndef JOB_RUNNER_RUN_H
#define JOB_RUNNER_RUN_H

#include <stdint.h>

#include "common/run_record.h"

struct run_limits {
    uint64_t deadline_ms;
    uint64_t output_max; /* bytes */
    const char *result;  /* the file that the program leaves */
};

/*
 * Runs command (at least one word) in a process group of its own, passes its stdout and stderr on
 * to stdout, and ends the group when the program has ended or a limit is reached. It signals
 * nothing else: what left the group ends with the container, whose process 1 this is. SIGTERM and
 * SIGINT, which must be blocked, end it too. Failures are CANCELLED, or what a system call ended
 * in; a program's own are the record's cause.
 */
bool run_program(char *const *command, const struct run_limits *limits, struct run_record *ret,
                 struct err *err);

#endif
