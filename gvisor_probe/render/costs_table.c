#include "gvisor_probe/render/costs_table.h"

void costs_table(const struct costs *costs, struct buf *out)
{
    buf_printf(out, "%-12s %12s %9s\n", "benchmark", "median ns", "MAD");
    for (size_t i = 0; i < costs->count; i++) {
        const struct bench_result *result = &costs->results[i];
        buf_printf(out, "%-12s %12.1f %7.1f %%  %-6s%s\n", result->benchmark->id, result->median,
                   100 * result->mad / result->median, result->noisy ? "noisy" : "",
                   result->benchmark->title);
    }
    if (!costs->steady)
        buf_add_text(out, "\nNoisy: conclude nothing from it; repeat on a quiet machine.\n");
}
