/*
 * What of a program's output goes into its container's log, and what it will come to there. Pure.
 *
 * The runner's record must be the only one in the log, and a node keeps what it can read again: the
 * kubelet starts a new file at 10 MiB, and a reader that comes later finds a part only.
 */
#ifndef JOB_RUNNER_OUTPUT_H
#define JOB_RUNNER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    uint64_t max;   /* bytes that may pass */
    uint64_t bytes; /* that have passed */
    uint64_t
        lines; /* ends of lines among them, and of the parts that a node cuts long lines into */
    uint64_t in_line;
    char last; /* byte that has passed */
};

/*
 * Makes up to len bytes fit to be passed on, in place, and counts them. Returns how many may pass;
 * fewer than len: from there on nothing more may.
 */
size_t output_pass(struct output *output, char *bytes, size_t len);

/* Whether the record must be preceded by a line end, so that it begins a line. */
bool output_is_within_line(const struct output *output);

#endif
