#include "gvisor_probe/compare/overheads.h"

#include <string.h>

static const char *const verdict_names[OVERHEAD_VERDICTS] = {[OVERHEAD_WITHIN] = "within",
                                                             [OVERHEAD_BEYOND] = "beyond",
                                                             [OVERHEAD_NOISY] = "noisy",
                                                             [OVERHEAD_UNKNOWN] = "unknown"};

const char *overhead_verdict_name(enum overhead_verdict verdict)
{
    return verdict_names[verdict];
}

static const char *const works[WORKS] = {
    [WORK_CPU] = "cpu", [WORK_MIXED] = "mixed", [WORK_SYSCALL] = "syscall", [WORK_OTHER] = "other"};

const char *work_name(enum work work)
{
    return works[work];
}

static enum work work_of(const char *id)
{
    static const struct {
        const char *id;
        enum work work;
    } known[] = {
        {"cpu_loop", WORK_CPU},       {"read_and_hash", WORK_MIXED}, {"getppid", WORK_SYSCALL},
        {"read_zero", WORK_SYSCALL},  {"pipe", WORK_SYSCALL},        {"stat", WORK_SYSCALL},
        {"open_close", WORK_SYSCALL}, {"fork_wait", WORK_SYSCALL},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].id, id) == 0)
            return known[i].work;
    return WORK_OTHER;
}

static bool too_noisy(const struct cell_benchmark *benchmark)
{
    return benchmark->noisy || benchmark->mad_percent > NOISE_LIMIT_PERCENT;
}

/* cpu_loop makes no system call: if even it is noisy, the machine is too busy to measure on. */
static bool busy_machine(const struct cell *cell)
{
    const struct cell_benchmark *gauge = cell_find_benchmark(cell, "cpu_loop");
    return gauge != NULL && too_noisy(gauge);
}

static struct overhead weigh(const struct cell_benchmark *baseline,
                             const struct cell_benchmark *subject, size_t cell, bool busy)
{
    struct overhead made = {.id = subject->id,
                            .title = subject->title,
                            .work = work_of(subject->id),
                            .cell = cell,
                            .baseline_ns = baseline->median_ns,
                            .cell_ns = subject->median_ns,
                            .verdict = OVERHEAD_UNKNOWN};

    if (!(baseline->median_ns > 0))
        return made;
    if (busy || too_noisy(baseline) || too_noisy(subject)) {
        made.verdict = OVERHEAD_NOISY;
        return made;
    }
    double penalty = subject->median_ns - baseline->median_ns;
    made.percent = 100 * penalty / baseline->median_ns;
    made.break_even_ns = penalty > 0 ? BREAK_EVEN_FACTOR * penalty : 0;
    made.verdict = made.percent <= SLOWDOWN_LIMIT_PERCENT ? OVERHEAD_WITHIN : OVERHEAD_BEYOND;
    return made;
}

void overheads_weigh(const struct experiment *experiment, struct overheads *ret)
{
    const struct cell *baseline = &experiment->cells[0];

    for (size_t b = 0; b < baseline->benchmark_count; b++)
        for (size_t i = 1; i < experiment->cell_count; i++) {
            const struct cell_benchmark *subject =
                cell_find_benchmark(&experiment->cells[i], baseline->benchmarks[b].id);
            if (subject != NULL)
                ret->items[ret->count++] =
                    weigh(&baseline->benchmarks[b], subject, i,
                          busy_machine(baseline) || busy_machine(&experiment->cells[i]));
        }
}

enum overhead_verdict overheads_worst(const struct overheads *overheads, size_t cell,
                                      enum work work)
{
    enum overhead_verdict worst = OVERHEAD_UNKNOWN;

    for (size_t i = 0; i < overheads->count; i++) {
        const struct overhead *overhead = &overheads->items[i];
        if (overhead->cell != cell || overhead->work != work)
            continue;
        if (overhead->verdict == OVERHEAD_BEYOND)
            return OVERHEAD_BEYOND;
        if (worst != OVERHEAD_NOISY)
            worst = overhead->verdict;
    }
    return worst;
}
