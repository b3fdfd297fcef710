/*
 * Lines of aligned cells, for people. Widths are columns of a terminal, one a character. Pure.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/buf.h"

enum { TABLE_CELLS_MAX = 32 };

struct table {
    int indent, gap; /* blanks before a line, and between two cells */
    bool trimmed;    /* rows have no blanks at their ends */
    size_t count;
    /* What blanks fill a cell up to; a longer text stays whole. Negative: the text on the right. */
    int width[TABLE_CELLS_MAX];
};

int table_width(const char *text);
void table_fit(struct table *table, size_t column, const char *text); /* widens a left column */

/* colours: NULL, or a terminal's sequence for each cell's text; NULL and "" are none. */
void table_row(struct buf *out, const struct table *table, const char *const *cells,
               const char *const *colours);
void table_rule(struct buf *out, const struct table *table); /* dashes */

#endif
