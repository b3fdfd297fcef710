/*
 * A comparison in each output format; each has a function and a file of its own. Pure.
 * Texts from reports are escaped for the format, including control characters of terminals.
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

typedef void render(const struct rendering *rendering, struct buf *out);

render render_table, render_json, render_markdown, render_junit;

/* The head of the table: verdict, cells, what became of their writes, and the words explained. */
render render_summary;

extern const char *const attribution_titles[ATTRIBUTIONS];

/* An outcome in one word, or its value: "landed", "ENOSYS", "allowed"... Borrowed. */
const char *outcome_text(const struct outcome *outcome, bool by_value);

/* Is it allowed in all cells, so that they differ by value only? */
bool differs_by_value(const struct comparison_finding *finding,
                      const struct comparison *comparison);

/* One line: "A landed, B landed, C contained", or why the experiment is invalid. */
const char *verdict_line(const struct comparison *comparison, char out[RENDER_TEXT]);

/* One line: "uid: 65534 (runc) and 0 (gvisor)". */
const char *confounder_line(const struct confounder *confounder, char out[RENDER_TEXT]);

/* The rows of the table of verdicts, ended by one with name NULL. */
struct verdict_row {
    const char *name; /* of the fact (expectation.h) */
    const char *title;
};
extern const struct verdict_row verdict_rows[];

/* The fact of a cell; "-" without one. */
const char *verdict_text(const struct comparison *comparison, size_t cell, const char *name);

/* A duration for people: "4.7 us", "119 ms". */
const char *duration_text(double ns, char out[RENDER_TEXT]);

bool expectations_met(const struct rendering *rendering);
size_t count_findings(const struct comparison *comparison, enum attribution attribution);

#endif
