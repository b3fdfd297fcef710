/* Markdown, for pull requests. Pure. */
#include <stdio.h>

#include "gvisor_probe/render/escape.h"
#include "gvisor_probe/render/render.h"

static bool add_row_name(struct buf *out, const char *name, struct err *err)
{
    return buf_add_text(out, "| ", err) && add_markdown(out, name, err);
}

static bool add_field(struct buf *out, const char *text, struct err *err)
{
    return buf_add_text(out, " | ", err) && add_markdown(out, text, err);
}

static bool add_header(const struct comparison *comparison, const char *last, struct buf *out,
                       struct err *err)
{
    if (!buf_add_text(out, "\n| ", err))
        return false;
    for (size_t i = 0; i < comparison->experiment.cell_count; i++)
        if (!buf_printf(out, err, " | %c ", cell_letter(i)) ||
            !add_markdown(out, comparison->experiment.cells[i].name, err))
            return false;
    if (!buf_printf(out, err, "%s%s |\n| ---", last[0] == '\0' ? "" : " | ", last))
        return false;
    for (size_t i = 0; i < comparison->experiment.cell_count + (last[0] != '\0'); i++)
        if (!buf_add_text(out, " | ---", err))
            return false;
    return buf_add_text(out, " |\n", err);
}

static bool add_verdicts(const struct comparison *comparison, struct buf *out, struct err *err)
{
    if (!add_header(comparison, "", out, err))
        return false;
    for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++) {
        if (!add_row_name(out, row->title, err))
            return false;
        for (size_t i = 0; i < comparison->experiment.cell_count; i++)
            if (!add_field(out, verdict_text(comparison, i, row->name), err))
                return false;
        if (!buf_add_text(out, " |\n", err))
            return false;
    }
    return true;
}

static bool add_finding(const struct comparison *comparison,
                        const struct comparison_finding *finding, struct buf *out, struct err *err)
{
    bool by_value = differs_by_value(finding, comparison);

    if (!add_row_name(out, finding->id, err))
        return false;
    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        bool about =
            i == 0 || (int)i == comparison->experiment.control || (finding->subjects >> i & 1) != 0;
        if (!add_field(out, about ? outcome_text(&finding->outcomes[i], by_value) : "", err))
            return false;
    }
    return add_field(out, finding->why, err) && buf_add_text(out, " |\n", err);
}

static bool add_list(const struct comparison *comparison, enum attribution attribution,
                     struct buf *out, struct err *err)
{
    size_t count = count_findings(comparison, attribution);

    if (count == 0)
        return true;
    if (!buf_printf(out, err, "\n### %s (%zu)\n", attribution_titles[attribution], count) ||
        !add_header(comparison, "because", out, err))
        return false;
    for (size_t i = 0; i < comparison->findings.count; i++)
        if (comparison->findings.items[i].attribution == attribution &&
            !add_finding(comparison, &comparison->findings.items[i], out, err))
            return false;
    return true;
}

static bool add_confounders(const struct comparison *comparison, struct buf *out, struct err *err)
{
    char line[RENDER_TEXT];

    for (size_t i = 0; i < comparison->confounders.count && i < CONFOUNDERS_MAX; i++)
        if (!buf_add_text(out, i == 0 ? "\n- " : "- ", err) ||
            !add_markdown(out, confounder_line(&comparison->confounders.items[i], line), err) ||
            !buf_add_text(out, "\n", err))
            return false;
    return true;
}

static bool add_costs(const struct comparison *comparison, struct buf *out, struct err *err)
{
    char a[RENDER_TEXT], b[RENDER_TEXT], work[RENDER_TEXT];

    if (comparison->overheads.count == 0)
        return true;
    if (!buf_add_text(
            out,
            "\n### What it costs\n\n| | cell | work | baseline | there | overhead | at most 20% "
            "slower | 20% with this much work between calls |\n"
            "| --- | --- | --- | --- | --- | --- | --- | --- |\n",
            err))
        return false;
    for (size_t i = 0; i < comparison->overheads.count; i++) {
        const struct overhead *overhead = &comparison->overheads.items[i];
        bool known = overhead->verdict == OVERHEAD_BEYOND;
        char percent[32] = "";
        if (known || overhead->verdict == OVERHEAD_WITHIN)
            (void)snprintf(percent, sizeof percent, "%+.0f%%", overhead->percent);
        if (!add_row_name(out, overhead->id, err) ||
            !add_field(out, comparison->experiment.cells[overhead->cell].name, err) ||
            !buf_printf(out, err, " | %s | %s | %s | %s | %s | %s |\n", work_name(overhead->work),
                        duration_text(overhead->baseline_ns, a),
                        duration_text(overhead->cell_ns, b), percent,
                        overhead_verdict_name(overhead->verdict),
                        known ? duration_text(overhead->break_even_ns, work) : ""))
            return false;
    }
    return true;
}

static bool add_expectations(const struct rendering *rendering, struct buf *out, struct err *err)
{
    if (rendering->expectation_count == 0)
        return true;
    if (!buf_add_text(out,
                      "\n### Expectations\n\n| | expected | found | |\n| --- | --- | --- | --- |\n",
                      err))
        return false;
    for (size_t i = 0; i < rendering->expectation_count; i++) {
        const struct expectation *expectation = &rendering->expectations[i];
        if (!add_row_name(out, expectation->id, err) ||
            !add_field(out, expectation->expected, err) ||
            !add_field(out, expectation->found == NULL ? "" : expectation->found, err) ||
            !buf_printf(out, err, " | %s |\n", expectation->met ? "met" : "**not met**"))
            return false;
    }
    return true;
}

bool render_markdown(const struct rendering *rendering, struct buf *out, struct err *err)
{
    const struct comparison *comparison = rendering->comparison;
    char line[RENDER_TEXT];

    if (!buf_add_text(out, "## ", err) || !add_markdown(out, verdict_line(comparison, line), err) ||
        !buf_add_text(out, "\n", err) || !add_confounders(comparison, out, err) ||
        !add_verdicts(comparison, out, err))
        return false;
    for (enum attribution list = 0; list < ATTRIBUTIONS; list++)
        if (!add_list(comparison, list, out, err))
            return false;
    return add_costs(comparison, out, err) && add_expectations(rendering, out, err);
}
