#include <string.h>

#include "gvisor_probe/comparison.h"

static const char *const answers[ANSWERS] = {[ANSWER_YES] = "within",
                                             [ANSWER_NO] = "beyond",
                                             [ANSWER_NOISY] = "noisy",
                                             [ANSWER_UNKNOWN] = "unknown"};

const char *answer_name(enum answer answer)
{
    return answers[answer];
}

static bool too_noisy(const struct side_benchmark *benchmark)
{
    return benchmark->noisy || benchmark->mad_percent > NOISE_LIMIT_PERCENT;
}

static struct overhead weigh(const struct side_benchmark *baseline,
                             const struct side_benchmark *subject, size_t cell)
{
    struct overhead made = {.id = subject->id,
                            .title = subject->title,
                            .cell = cell,
                            .baseline_ns = baseline->median_ns,
                            .cell_ns = subject->median_ns,
                            .within = ANSWER_UNKNOWN};

    if (!(baseline->median_ns > 0))
        return made;
    double penalty = subject->median_ns - baseline->median_ns;
    made.percent = 100 * penalty / baseline->median_ns;
    if (too_noisy(baseline) || too_noisy(subject)) {
        made.within = ANSWER_NOISY;
        return made;
    }
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
                    weigh(&baseline->benchmarks[b], subject, i);
        }
}
