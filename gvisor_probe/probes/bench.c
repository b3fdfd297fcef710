#include "gvisor_probe/probes/bench.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Sorts the values. */
static double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_judge(struct bench_result *result)
{
    double values[BENCH_BATCHES_MAX];

    memcpy(values, result->samples, result->count * sizeof *values);
    result->median = median_of(values, result->count);
    result->least = values[0];
    for (size_t i = 0; i < result->count; i++) {
        double away = result->samples[i] - result->median;
        values[i] = away < 0 ? -away : away;
    }
    result->mad = median_of(values, result->count);
    result->noisy = result->mad * 100 > result->median * BENCH_NOISY_PERCENT;
}
