/* Markdown, for pull requests. Pure. */
#include <stdio.h>

#include "gvisor_probe/render/escape.h"
#include "gvisor_probe/render/render.h"

static void add_row_name(struct buf *out, const char *name)
{
    buf_add_text(out, "| ");
    add_markdown(out, name);
}

static void add_field(struct buf *out, const char *text)
{
    buf_add_text(out, " | ");
    add_markdown(out, text);
}

static void add_header(const struct comparison *comparison, const char *last, struct buf *out)
{
    buf_add_text(out, "\n| ");
    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        buf_printf(out, " | %c ", cell_letter(i));
        add_markdown(out, comparison->experiment.cells[i].name);
    }
    buf_printf(out, "%s%s |\n| ---", last[0] == '\0' ? "" : " | ", last);
    for (size_t i = 0; i < comparison->experiment.cell_count + (last[0] != '\0'); i++)
        buf_add_text(out, " | ---");
    buf_add_text(out, " |\n");
}

static void add_verdicts(const struct comparison *comparison, struct buf *out)
{
    add_header(comparison, "", out);
    for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++) {
        add_row_name(out, row->title);
        for (size_t i = 0; i < comparison->experiment.cell_count; i++)
            add_field(out, verdict_text(comparison, i, row->name));
        buf_add_text(out, " |\n");
    }
}

static void add_finding(const struct comparison *comparison,
                        const struct comparison_finding *finding, struct buf *out)
{
    bool by_value = differs_by_value(finding, comparison);

    add_row_name(out, finding->id);
    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        bool about =
            i == 0 || (int)i == comparison->experiment.control || (finding->subjects >> i & 1) != 0;
        add_field(out, about ? outcome_text(&finding->outcomes[i], by_value) : "");
    }
    add_field(out, finding->why);
    buf_add_text(out, " |\n");
}

static void add_list(const struct comparison *comparison, enum attribution attribution,
                     struct buf *out)
{
    size_t count = count_findings(comparison, attribution);

    if (count == 0)
        return;
    buf_printf(out, "\n### %s (%zu)\n", attribution_titles[attribution], count);
    add_header(comparison, "because", out);
    for (size_t i = 0; i < comparison->findings.count; i++)
        if (comparison->findings.items[i].attribution == attribution)
            add_finding(comparison, &comparison->findings.items[i], out);
}

static void add_confounders(const struct comparison *comparison, struct buf *out)
{
    char line[RENDER_TEXT];

    for (size_t i = 0; i < comparison->confounders.count && i < CONFOUNDERS_MAX; i++) {
        buf_add_text(out, i == 0 ? "\n- " : "- ");
        add_markdown(out, confounder_line(&comparison->confounders.items[i], line));
        buf_add_text(out, "\n");
    }
}

static void add_costs(const struct comparison *comparison, struct buf *out)
{
    char a[RENDER_TEXT], b[RENDER_TEXT], work[RENDER_TEXT];

    if (comparison->overheads.count == 0)
        return;
    buf_add_text(out,
                 "\n### What it costs\n\n| | cell | work | baseline | there | overhead | at most "
                 "20% slower | 20% with this much work between calls |\n"
                 "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < comparison->overheads.count; i++) {
        const struct overhead *overhead = &comparison->overheads.items[i];
        bool known = overhead->verdict == OVERHEAD_BEYOND;
        char percent[32] = "";
        if (known || overhead->verdict == OVERHEAD_WITHIN)
            (void)snprintf(percent, sizeof percent, "%+.0f%%", overhead->percent);
        add_row_name(out, overhead->id);
        add_field(out, comparison->experiment.cells[overhead->cell].name);
        buf_printf(out, " | %s | %s | %s | %s | %s | %s |\n", work_name(overhead->work),
                   duration_text(overhead->baseline_ns, a), duration_text(overhead->cell_ns, b),
                   percent, overhead_verdict_name(overhead->verdict),
                   known ? duration_text(overhead->break_even_ns, work) : "");
    }
}

static void add_expectations(const struct rendering *rendering, struct buf *out)
{
    if (rendering->expectation_count == 0)
        return;
    buf_add_text(out,
                 "\n### Expectations\n\n| | expected | found | |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < rendering->expectation_count; i++) {
        const struct expectation *expectation = &rendering->expectations[i];
        add_row_name(out, expectation->id);
        add_field(out, expectation->expected);
        add_field(out, expectation->found == NULL ? "" : expectation->found);
        buf_printf(out, " | %s |\n", expectation->met ? "met" : "**not met**");
    }
}

void render_markdown(const struct rendering *rendering, struct buf *out)
{
    const struct comparison *comparison = rendering->comparison;
    char line[RENDER_TEXT];

    buf_add_text(out, "## ");
    add_markdown(out, verdict_line(comparison, line));
    buf_add_text(out, "\n");
    add_confounders(comparison, out);
    add_verdicts(comparison, out);
    for (enum attribution list = 0; list < ATTRIBUTIONS; list++)
        add_list(comparison, list, out);
    add_costs(comparison, out);
    add_expectations(rendering, out);
}
