/* Runs the benchmarks one after another, each in several batches. */
#ifndef GVISOR_PROBE_RUN_COSTS_H
#define GVISOR_PROBE_RUN_COSTS_H

#include "common/err.h"
#include "gvisor_probe/probes/bench.h"

enum { COSTS_RESULTS_MAX = 16, COSTS_LOAD_MAX = 64 };

struct costs_request {
    uint64_t warmup_ms; /* waited after the cold benchmarks */
    uint64_t batches;   /* for each benchmark; 1 to BENCH_BATCHES_MAX */
    uint64_t batch_ms;  /* how long a batch should take */
};

struct costs {
    const struct costs_request *request;
    struct bench_result results[COSTS_RESULTS_MAX];
    size_t count;
    bool steady; /* no result is noisy, except cold ones */
    /* Of /proc/loadavg; "": unknown. */
    char load_before[COSTS_LOAD_MAX], load_after[COSTS_LOAD_MAX];
};

/* Skips, with a warning, what cannot be measured here. Fails CANCELLED or TRANSIENT. */
bool costs_measure(const struct costs_request *request, struct costs *ret, struct err *err);

#endif
