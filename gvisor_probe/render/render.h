/*
 * A comparison as text: one function and one file for each format. Pure.
 * Whatever came from a report is escaped for the format, terminal control characters included.
 */
#ifndef GVISOR_PROBE_RENDER_RENDER_H
#define GVISOR_PROBE_RENDER_RENDER_H

#include <stdbool.h>

#include "common/buf.h"
#include "gvisor_probe/compare/comparison.h"
#include "gvisor_probe/compare/expectation.h"

enum { RENDER_MAX = 16 << 20, RENDER_TEXT = 512, TABLE_COLUMNS = 100 };

struct rendering {
    const struct comparison *comparison;
    const struct expectation *expectations;
    size_t expectation_count;
    bool colour; /* of the table */
};

typedef bool render(const struct rendering *rendering, struct buf *out, struct err *err);

render render_table, render_json, render_markdown, render_junit;

/* The head of the table: verdict, cells, what became of their writes, and what the words mean. */
render render_summary;

/* What the formats share. */

extern const char *const attribution_titles[ATTRIBUTIONS];

/* "landed", "ENOSYS", "allowed", or the value: what a cell made of it. Borrowed. */
const char *outcome_text(const struct outcome *outcome, bool by_value);

/* Do all sides answer, so that only their values tell them apart? */
bool differs_by_value(const struct comparison_finding *finding,
                      const struct comparison *comparison);

/* "A landed, B landed, C contained", or why the experiment is invalid; one line. */
const char *verdict_line(const struct comparison *comparison, char out[RENDER_TEXT]);

/* "uid: 65534 in runc, 0 in gvisor"; one line. */
const char *confounder_line(const struct confounder *confounder, char out[RENDER_TEXT]);

/* The rows of the table of verdicts; NULL in name ends them. */
struct verdict_row {
    const char *name; /* the fact's */
    const char *title;
};
extern const struct verdict_row verdict_rows[];

/* The fact of a cell in such a row, "-" when there is none. */
const char *verdict_text(const struct comparison *comparison, size_t cell, const char *name);

/* 4.7 us, 119 ms. */
const char *duration_text(double ns, char out[RENDER_TEXT]);

bool expectations_met(const struct rendering *rendering);
size_t count_findings(const struct comparison *comparison, enum attribution attribution);

#endif
