/* For dashboards: OpenMetrics text 1.0. */
#include <string.h>

#include "gvisor_probe/escape.h"
#include "gvisor_probe/render.h"

#define PREFIX "gvisor_probe_"

static bool add_family(struct buf *out, const char *name, const char *help, struct err *err)
{
    return buf_printf(out, err, "# TYPE " PREFIX "%s gauge\n# HELP " PREFIX "%s %s\n", name, name,
                      help);
}

/* NAME{cell="CELL",LABEL="TEXT"} VALUE */
static bool add_sample(struct buf *out, const char *name, const char *cell, const char *label,
                       const char *text, double value, struct err *err)
{
    return buf_printf(out, err, PREFIX "%s{cell=\"", name) && add_label(out, cell, err) &&
           buf_printf(out, err, "\",%s=\"", label) && add_label(out, text, err) &&
           buf_printf(out, err, "\"} %.9g\n", value);
}

static bool add_verdicts(const struct comparison *comparison, struct buf *out, struct err *err)
{
    for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++) {
        if (!add_family(out, row->name, row->title, err))
            return false;
        for (size_t i = 0; i < comparison->cell_count; i++) {
            const char *fact = verdict_text(comparison, i, row->name);
            if (strcmp(fact, "-") != 0 &&
                !add_sample(out, row->name, comparison->cells[i].name, "is", fact, 1, err))
                return false;
        }
    }
    return true;
}

static bool add_counts(const struct comparison *comparison, struct buf *out, struct err *err)
{
    if (!add_family(out, "findings", "how many, by what explains them", err))
        return false;
    for (size_t i = 0; i < comparison->cell_count; i++) {
        if (comparison->verdicts[i].role != ROLE_SUBJECT)
            continue;
        for (enum attribution list = 0; list < ATTRIBUTIONS; list++) {
            size_t count = 0;
            for (size_t f = 0; f < comparison->finding_count; f++)
                count += comparison->findings[f].attribution == list &&
                         (comparison->findings[f].cells >> i & 1) != 0;
            if (!add_sample(out, "findings", comparison->cells[i].name, "attribution",
                            attribution_name(list), (double)count, err))
                return false;
        }
    }
    return true;
}

static bool add_costs(const struct comparison *comparison, struct buf *out, struct err *err)
{
    if (!add_family(out, "overhead_ratio", "(s-n)/n of the medians, where neither is noisy", err))
        return false;
    for (size_t i = 0; i < comparison->overhead_count; i++) {
        const struct overhead *overhead = &comparison->overheads[i];
        if ((overhead->within == ANSWER_YES || overhead->within == ANSWER_NO) &&
            !add_sample(out, "overhead_ratio", comparison->cells[overhead->cell].name, "benchmark",
                        overhead->id, overhead->percent / 100, err))
            return false;
    }
    return true;
}

bool render_openmetrics(const struct rendering *rendering, struct buf *out, struct err *err)
{
    const struct comparison *comparison = rendering->comparison;
    size_t unmet = 0;

    for (size_t i = 0; i < rendering->expectation_count; i++)
        unmet += rendering->expectations[i].met ? 0 : 1;
    return add_family(out, "experiment_valid", "1: nothing else differs between the cells", err) &&
           buf_printf(out, err, PREFIX "experiment_valid %d\n", comparison->valid ? 1 : 0) &&
           add_family(out, "expectations", "how many were given", err) &&
           buf_printf(out, err, PREFIX "expectations %zu\n", rendering->expectation_count) &&
           add_family(out, "expectations_unmet", "how many are not met", err) &&
           buf_printf(out, err, PREFIX "expectations_unmet %zu\n", unmet) &&
           add_verdicts(comparison, out, err) && add_counts(comparison, out, err) &&
           add_costs(comparison, out, err) && buf_add_text(out, "# EOF\n", err);
}
