/* Benchmarks of system calls: a table, and the statistics of their batches. Pure. */
#ifndef GVISOR_PROBE_PROBES_BENCH_H
#define GVISOR_PROBE_PROBES_BENCH_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_BATCHES_MAX = 101, BENCH_NOISY_PERCENT = 10 };

/* What the benchmarks work on, opened once. */
struct bench_site {
    char path[PATH_MAX]; /* a file on the root file system: this program, or "/" */
    int zero, pipe[2];   /* -1: not available */
};

void bench_site_open(struct bench_site *ret);
void bench_site_close(struct bench_site *site);

struct benchmark {
    const char *id; /* NULL ends the table */
    const char *title;
    bool cold; /* measured before the warm-up, in short batches; may be noisy */
    /* Runs that many operations; false if that cannot be done here. */
    bool (*batch)(const struct bench_site *site, uint64_t operations);
};

extern const struct benchmark benchmarks[];

/* Nanoseconds per operation, over all batches. */
struct bench_result {
    const struct benchmark *benchmark;
    uint64_t operations; /* in a batch */
    double samples[BENCH_BATCHES_MAX];
    size_t count;
    double median, mad, least;
    bool noisy; /* the median absolute deviation is more than 10 % of the median */
};

/* Fills median, mad (median absolute deviation), least and noisy. count is at least 1. */
void bench_judge(struct bench_result *result);

#endif
