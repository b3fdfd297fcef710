/* What a runtime costs beside another, where noise lets one say so. Pure. */
#include <string.h>

#include "gvisor_probe/compare/comparison.h"

static const char *const answers[ANSWERS] = {[ANSWER_YES] = "within",
                                             [ANSWER_NO] = "beyond",
                                             [ANSWER_NOISY] = "noisy",
                                             [ANSWER_UNKNOWN] = "unknown"};

const char *answer_name(enum answer answer)
{
    return answers[answer];
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

static bool too_noisy(const struct side_benchmark *benchmark)
{
    return benchmark->noisy || benchmark->mad_percent > NOISE_LIMIT_PERCENT;
}

/* A loop that makes no call gauges the machine: where it is noisy, nothing beside it counts. */
static bool busy_machine(const struct side *cell)
{
    const struct side_benchmark *gauge = side_find_benchmark(cell, "cpu_loop");
    return gauge != NULL && too_noisy(gauge);
}

static struct overhead weigh(const struct side_benchmark *baseline,
                             const struct side_benchmark *subject, size_t cell, bool busy)
{
    struct overhead made = {.id = subject->id,
                            .title = subject->title,
                            .work = work_of(subject->id),
                            .cell = cell,
                            .baseline_ns = baseline->median_ns,
                            .cell_ns = subject->median_ns,
                            .within = ANSWER_UNKNOWN};

    if (!(baseline->median_ns > 0))
        return made;
    if (busy || too_noisy(baseline) || too_noisy(subject)) {
        made.within = ANSWER_NOISY;
        return made;
    }
    double penalty = subject->median_ns - baseline->median_ns;
    made.percent = 100 * penalty / baseline->median_ns;
    made.break_even_ns = penalty > 0 ? BREAK_EVEN_FACTOR * penalty : 0;
    made.within = made.percent <= SLOWDOWN_LIMIT_PERCENT ? ANSWER_YES : ANSWER_NO;
    return made;
}

void comparison_weigh_costs(struct comparison *comparison)
{
    const struct side *baseline = &comparison->cells[0];

    for (size_t b = 0; b < baseline->benchmark_count; b++)
        for (size_t i = 1; i < comparison->cell_count; i++) {
            const struct side_benchmark *subject =
                side_find_benchmark(&comparison->cells[i], baseline->benchmarks[b].id);
            if (subject != NULL)
                comparison->overheads[comparison->overhead_count++] =
                    weigh(&baseline->benchmarks[b], subject, i,
                          busy_machine(baseline) || busy_machine(&comparison->cells[i]));
        }
}

enum answer comparison_within(const struct comparison *comparison, size_t cell, enum work work)
{
    enum answer worst = ANSWER_UNKNOWN;

    for (size_t i = 0; i < comparison->overhead_count; i++) {
        const struct overhead *overhead = &comparison->overheads[i];
        if (overhead->cell != cell || overhead->work != work)
            continue;
        if (overhead->within == ANSWER_NO)
            return ANSWER_NO;
        if (worst != ANSWER_NOISY)
            worst = overhead->within;
    }
    return worst;
}
