#include "gvisor_probe/render/costs_table.h"

bool costs_table(const struct costs *costs, struct buf *out, struct err *err)
{
    if (!buf_printf(out, err, "%-12s %12s %9s\n", "benchmark", "median ns", "MAD"))
        return false;
    for (size_t i = 0; i < costs->count; i++) {
        const struct bench_result *result = &costs->results[i];
        if (!buf_printf(out, err, "%-12s %12.1f %7.1f %%  %-6s%s\n", result->benchmark->id,
                        result->median, 100 * result->mad / result->median,
                        result->noisy ? "noisy" : "", result->benchmark->title))
            return false;
    }
    return costs->steady ||
           buf_add_text(out, "\nNoisy: conclude nothing from it; repeat on a quiet machine.\n",
                        err);
}
