/* What a runtime costs beside the baseline, where noise lets one say so. Pure. */
#ifndef GVISOR_PROBE_COMPARE_OVERHEADS_H
#define GVISOR_PROBE_COMPARE_OVERHEADS_H

#include "gvisor_probe/compare/experiment.h"

enum {
    OVERHEADS_MAX = CELL_BENCHMARKS_MAX * CELLS_MAX,
    NOISE_LIMIT_PERCENT = 10,
    SLOWDOWN_LIMIT_PERCENT = 20,
    BREAK_EVEN_FACTOR = 5, /* work of 5 penalties makes one penalty 20% */
};

/* At most SLOWDOWN_LIMIT_PERCENT slower than the baseline? */
enum overhead_verdict {
    OVERHEAD_WITHIN,
    OVERHEAD_BEYOND,
    OVERHEAD_NOISY,
    OVERHEAD_UNKNOWN,
    OVERHEAD_VERDICTS
};
const char *overhead_verdict_name(enum overhead_verdict verdict);

/* What a program does most; one figure does not stand for all of them. */
enum work { WORK_CPU, WORK_MIXED, WORK_SYSCALL, WORK_OTHER, WORKS };
const char *work_name(enum work work);

/* (s-n)/n of one benchmark; n is the baseline's median. */
struct overhead {
    const char *id, *title;
    enum work work;
    size_t cell;
    double baseline_ns, cell_ns;
    double percent;       /* only where verdict is WITHIN or BEYOND */
    double break_even_ns; /* of a call: work between calls that makes its cost 20%; 0: no penalty */
    enum overhead_verdict verdict;
};

struct overheads {
    struct overhead items[OVERHEADS_MAX];
    size_t count;
};

/* *ret comes zeroed. */
void overheads_weigh(const struct experiment *experiment, struct overheads *ret);

/* The worst verdict of a cell on a kind of work; UNKNOWN where none was measured. */
enum overhead_verdict overheads_worst(const struct overheads *overheads, size_t cell,
                                      enum work work);

#endif
