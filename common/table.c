#include "common/table.h"

#include <stdlib.h>
#include <string.h>

int table_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_fit(struct table *table, size_t column, const char *text)
{
    int width = table_width(text);
    if (width > table->width[column])
        table->width[column] = width;
}

static void fill(struct buf *out, char with, int count)
{
    if (!buf_reserve(out, (size_t)count))
        return;
    memset(out->data + out->len, with, (size_t)count);
    buf_grown(out, (size_t)count);
}

static void add_coloured(struct buf *out, const char *text, const char *colour)
{
    if (colour == NULL || colour[0] == '\0')
        buf_add_text(out, text);
    else
        buf_printf(out, "%s%s\033[0m", colour, text);
}

void table_row(struct buf *out, const struct table *table, const char *const *cells,
               const char *const *colours)
{
    int blanks = table->indent; /* before the next text */

    for (size_t i = 0; i < table->count; i++) {
        int width = abs(table->width[i]), shown = table_width(cells[i]);
        int padding = shown < width ? width - shown : 0;
        bool right = table->width[i] < 0;

        blanks += (i == 0 ? 0 : table->gap) + (right ? padding : 0);
        if (shown > 0) {
            fill(out, ' ', blanks);
            add_coloured(out, cells[i], colours == NULL ? NULL : colours[i]);
            blanks = 0;
        }
        blanks += right ? 0 : padding;
    }
    fill(out, ' ', table->trimmed ? 0 : blanks);
    buf_add_text(out, "\n");
}

void table_rule(struct buf *out, const struct table *table)
{
    fill(out, ' ', table->indent);
    for (size_t i = 0; i < table->count; i++) {
        fill(out, ' ', i == 0 ? 0 : table->gap);
        fill(out, '-', abs(table->width[i]));
    }
    buf_add_text(out, "\n");
}
