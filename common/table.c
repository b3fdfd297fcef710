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

static bool fill(struct buf *out, char with, size_t count, struct err *err)
{
    if (!buf_reserve(out, count, err))
        return false;
    if (count > 0)
        memset(out->data + out->len, with, count);
    out->len += count;
    return true;
}

bool table_row(struct buf *out, const struct table *table, const char *const *cells,
               struct err *err)
{
    for (size_t i = 0; i < table->count; i++) {
        size_t width = table->column[i].width, shown = table_width(cells[i]);
        size_t blanks = shown < width ? width - shown : 0;
        bool right = table->column[i].right;

        if (!buf_add_text(out, i == 0 ? "" : table->gap, err) ||
            !fill(out, ' ', right ? blanks : 0, err) || !buf_add_text(out, cells[i], err) ||
            !fill(out, ' ', right ? 0 : blanks, err))
            return false;
    }
    return buf_add_text(out, "\n", err);
}

bool table_rule(struct buf *out, const struct table *table, struct err *err)
{
    for (size_t i = 0; i < table->count; i++)
        if (!buf_add_text(out, i == 0 ? "" : table->gap, err) ||
            !fill(out, '-', table->column[i].width, err))
            return false;
    return buf_add_text(out, "\n", err);
}
