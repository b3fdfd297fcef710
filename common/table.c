#include "common/table.h"

#include <string.h>

size_t table_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

void table_fit(struct table *table, size_t column, const char *text)
{
    size_t width = table_width(text);
    if (width > table->column[column].width)
        table->column[column].width = width;
}

static void fill(struct buf *out, char with, size_t count)
{
    if (!buf_reserve(out, count))
        return;
    memset(out->data + out->len, with, count);
    buf_grown(out, count);
}

void table_row(struct buf *out, const struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t width = table->column[i].width, shown = table_width(cells[i]);
        size_t blanks = shown < width ? width - shown : 0;
        bool right = table->column[i].right;

        buf_add_text(out, i == 0 ? "" : table->gap);
        fill(out, ' ', right ? blanks : 0);
        buf_add_text(out, cells[i]);
        fill(out, ' ', right ? 0 : blanks);
    }
    buf_add_text(out, "\n");
}

void table_rule(struct buf *out, const struct table *table)
{
    for (size_t i = 0; i < table->count; i++) {
        buf_add_text(out, i == 0 ? "" : table->gap);
        fill(out, '-', table->column[i].width);
    }
    buf_add_text(out, "\n");
}
