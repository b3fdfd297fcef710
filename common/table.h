/*
 * Lines of aligned cells, for people. Widths are columns of a terminal, one a character. Pure.
 */
#ifndef COMMON_TABLE_H
#define COMMON_TABLE_H

#include "common/buf.h"

enum { TABLE_CELLS_MAX = 32 };

struct table {
    const char *gap; /* between two cells */
    size_t count;
    struct {
        size_t width; /* blanks fill a cell up to it; a longer one stays whole */
        bool right;   /* the text stands on the right */
    } column[TABLE_CELLS_MAX];
};

size_t table_width(const char *text);
void table_fit(struct table *table, size_t column, const char *text); /* widens it for the text */

void table_row(struct buf *out, const struct table *table, const char *const *cells);
void table_rule(struct buf *out, const struct table *table); /* dashes */

#endif
