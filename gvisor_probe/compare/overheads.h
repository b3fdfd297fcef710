/* How much slower a cell is than the baseline, unless the measurements are too noisy. Pure. */
#ifndef GVISOR_PROBE_COMPARE_OVERHEADS_H
#define GVISOR_PROBE_COMPARE_OVERHEADS_H

#include "gvisor_probe/compare/experiment.h"

enum {
    OVERHEADS_MAX = CELL_BENCHMARKS_MAX * CELLS_MAX,
    NOISE_LIMIT_PERCENT = 10,
    SLOWDOWN_LIMIT_PERCENT = 20,
    BREAK_EVEN_FACTOR = 5, /* a penalty is 20% of five times its length */
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

/* What kind of work a program mostly does: each kind slows down differently. */
enum work { WORK_CPU, WORK_MIXED, WORK_SYSCALL, WORK_OTHER, WORKS };
const char *work_name(enum work work);

/* Overhead of one benchmark: (s - n) / n, with medians s of the cell and n of the baseline. */
struct overhead {
    const char *id, *title;
    enum work work;
    size_t cell;
    double baseline_ns, cell_ns;
    double percent;       /* only where verdict is WITHIN or BEYOND */
    double break_even_ns; /* work between calls that limits the slowdown to 20%; 0: not slower */
    enum overhead_verdict verdict;
};

struct overheads {
    struct overhead items[OVERHEADS_MAX];
    size_t count;
};

/* *ret must be zeroed. */
void overheads_weigh(const struct experiment *experiment, struct overheads *ret);

/* The worst verdict of a cell on a kind of work; UNKNOWN where none was measured. */
enum overhead_verdict overheads_worst(const struct overheads *overheads, size_t cell,
                                      enum work work);

#endif
