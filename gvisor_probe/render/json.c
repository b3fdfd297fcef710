/* JSON, as in comparison.schema.json. Pure. */
#include <math.h>

#include "common/json_out.h"
#include "gvisor_probe/render/render.h"

enum { SCHEMA_VERSION = 1 };

static const char *text_or_null(const char *text)
{
    return text != NULL && text[0] == '-' && text[1] == '\0' ? NULL : text;
}

static void put_cells(struct json_out *out, const struct comparison *comparison)
{
    json_open(out, "cells", '[');
    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        const struct cell *cell = &comparison->experiment.cells[i];
        const char letter[] = {cell_letter(i), '\0'};
        json_open(out, NULL, '{');
        json_text(out, "letter", letter);
        json_text(out, "name", cell->name);
        json_text(out, "runtime", cell->runtime);
        json_text(out, "seccomp", cell->seccomp_declared);
        json_text(out, "role", role_name(comparison->verdicts[i].role));
        for (const struct verdict_row *row = verdict_rows; row->name != NULL; row++)
            json_text(out, row->name, text_or_null(verdict_text(comparison, i, row->name)));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_confounders(struct json_out *out, const struct comparison *comparison)
{
    json_open(out, "confounders", '[');
    for (size_t i = 0; i < comparison->confounders.count && i < CONFOUNDERS_MAX; i++) {
        const struct confounder *confounder = &comparison->confounders.items[i];
        json_open(out, NULL, '{');
        json_text(out, "what", confounder->what);
        json_open(out, "values", '[');
        for (int b = 0; b < 2; b++) {
            json_open(out, NULL, '{');
            json_text(out, "of", b ? confounder->where_b : confounder->where_a);
            json_text(out, "value", b ? confounder->b : confounder->a);
            json_close(out, '}');
        }
        json_close(out, ']');
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_outcomes(struct json_out *out, const struct comparison *comparison,
                         const struct comparison_finding *finding)
{
    json_open(out, "outcomes", '[');
    for (size_t i = 0; i < comparison->experiment.cell_count; i++) {
        const struct outcome *outcome = &finding->outcomes[i];
        json_open(out, NULL, '{');
        json_text(out, "cell", comparison->experiment.cells[i].name);
        json_text(out, "result", result_name(outcome->result));
        json_text(out, "errno", outcome->errnum);
        json_text(out, "value", outcome->value);
        json_text(out, "fate", outcome->is_write ? fate_name(outcome->fate) : NULL);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_findings(struct json_out *out, const struct comparison *comparison)
{
    json_open(out, "findings", '[');
    for (size_t i = 0; i < comparison->findings.count; i++) {
        const struct comparison_finding *finding = &comparison->findings.items[i];
        json_open(out, NULL, '{');
        json_text(out, "id", finding->id);
        json_text(out, "group", group_name(finding->group));
        json_text(out, "made", finding->kind);
        json_text(out, "attribution", attribution_name(finding->attribution));
        json_text(out, "why", finding->why);
        json_open(out, "cells", '[');
        for (size_t c = 0; c < comparison->experiment.cell_count; c++)
            if ((finding->subjects >> c & 1) != 0)
                json_text(out, NULL, comparison->experiment.cells[c].name);
        json_close(out, ']');
        put_outcomes(out, comparison, finding);
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_costs(struct json_out *out, const struct comparison *comparison)
{
    json_open(out, "costs", '[');
    for (size_t i = 0; i < comparison->overheads.count; i++) {
        const struct overhead *overhead = &comparison->overheads.items[i];
        json_open(out, NULL, '{');
        json_text(out, "id", overhead->id);
        json_text(out, "cell", comparison->experiment.cells[overhead->cell].name);
        json_text(out, "work", work_name(overhead->work));
        json_number(out, "baseline_ns", overhead->baseline_ns);
        json_number(out, "cell_ns", overhead->cell_ns);
        bool told = overhead->verdict == OVERHEAD_WITHIN || overhead->verdict == OVERHEAD_BEYOND;
        json_number(out, "overhead_percent", told ? overhead->percent : NAN);
        json_number(out, "break_even_ns", told ? overhead->break_even_ns : NAN);
        json_text(out, "at_most_20_percent_slower", overhead_verdict_name(overhead->verdict));
        json_close(out, '}');
    }
    json_close(out, ']');
}

static void put_expectations(struct json_out *out, const struct rendering *rendering)
{
    json_open(out, "expectations", '[');
    for (size_t i = 0; i < rendering->expectation_count; i++) {
        const struct expectation *expectation = &rendering->expectations[i];
        json_open(out, NULL, '{');
        json_text(out, "id", expectation->id);
        json_text(out, "expected", expectation->expected);
        json_text(out, "found", expectation->found);
        json_bool(out, "met", expectation->met);
        json_close(out, '}');
    }
    json_close(out, ']');
}

void render_json(const struct rendering *rendering, struct buf *out)
{
    const struct comparison *comparison = rendering->comparison;
    struct json_out json = {.buf = out, .layout = JSON_INDENTED};
    char line[RENDER_TEXT];

    json_open(&json, NULL, '{');
    json_u64(&json, "schema_version", SCHEMA_VERSION);
    json_text(&json, "kind", "comparison");
    json_text(&json, "run_id", comparison->experiment.cells[0].run_id);
    json_bool(&json, "valid", comparison->valid);
    json_text(&json, "verdict", verdict_line(comparison, line));
    json_text(&json, "witness",
              comparison->experiment.witness->json == NULL    ? "none"
              : comparison->experiment.witness->fault != NULL ? "invalid"
                                                              : "valid");
    json_open(&json, "undeclared", '[');
    for (size_t i = 0; i < comparison->confounders.undeclared_count; i++)
        json_text(&json, NULL, comparison->confounders.undeclared[i]);
    json_close(&json, ']');
    put_confounders(&json, comparison);
    put_cells(&json, comparison);
    put_findings(&json, comparison);
    put_costs(&json, comparison);
    put_expectations(&json, rendering);
    json_close(&json, '}');
    buf_add_text(out, "\n");
}
