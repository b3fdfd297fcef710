#include "aggregator/print_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/scan/scan.h"
#include "common/table.h"

enum {
    NUMBERS = 4, /* of a row with statistics */
    NUMBER_WIDTH = 19,
    KEY_COLUMN_MAX = 60,
    KEY_SHOWN_MAX = SCAN_KEY_LIMIT * 4 + 16, /* every byte as \xNN */
};

static const char *const statistics_names[] = {"count", "min", "max"};

bool print_csv_field(struct buf *out, const void *bytes, size_t len, struct err *err)
{
    const char *text = bytes, *end = text + len;
    bool quoted = false;

    for (const char *c = text; c < end && !quoted; c++)
        quoted = *c == '"' || *c == ',' || *c == '\n' || *c == '\r';
    if (!quoted)
        return buf_add(out, bytes, len, err);
    if (!buf_add(out, "\"", 1, err))
        return false;
    for (const char *c = text; c < end; c++)
        if (!buf_add(out, "\"\"", *c == '"' ? 2 : 0, err) ||
            !buf_add(out, c, *c == '"' ? 0 : 1, err))
            return false;
    return buf_add(out, "\"", 1, err);
}

size_t print_key_width(const struct total *total)
{
    char shown[KEY_SHOWN_MAX];
    return table_width(err_quote(shown, sizeof shown, total->key, total->key_len));
}

static struct table table_of(const struct print_shape *shape)
{
    size_t numbers = shape->statistics ? NUMBERS : 1;
    struct table table = {.gap = "  ", .count = 1 + numbers, .column[0].width = shape->key_width};

    table_fit(&table, 0, shape->key);
    if (table.column[0].width > KEY_COLUMN_MAX)
        table.column[0].width = KEY_COLUMN_MAX;
    for (size_t i = 1; i <= numbers; i++) {
        table.column[i].width = NUMBER_WIDTH;
        table.column[i].right = true;
    }
    return table;
}

static bool table_header(struct buf *out, const struct print_shape *shape, struct err *err)
{
    const struct table table = table_of(shape);
    const char *names[] = {shape->key, shape->value, "count", "min", "max"};

    return table_row(out, &table, names, err) && table_rule(out, &table, err);
}

static bool table_total(struct buf *out, const struct print_shape *shape, const struct total *total,
                        struct err *err)
{
    const struct table table = table_of(shape);
    const int64_t numbers[NUMBERS] = {total->sum, total->count, total->min, total->max};
    char key[KEY_SHOWN_MAX], text[NUMBERS][24];
    const char *cells[1 + NUMBERS] = {err_quote(key, sizeof key, total->key, total->key_len)};

    for (size_t i = 0; i < NUMBERS; i++) {
        (void)snprintf(text[i], sizeof text[i], "%" PRId64, numbers[i]);
        cells[1 + i] = text[i];
    }
    return table_row(out, &table, cells, err);
}

bool print_header(struct buf *out, const struct print_shape *shape, struct err *err)
{
    if (shape->format == PRINT_TABLE)
        return table_header(out, shape, err);
    if (shape->format != PRINT_CSV)
        return true;
    if (!print_csv_field(out, shape->key, strlen(shape->key), err) ||
        !buf_add_text(out, ",", err) ||
        !print_csv_field(out, shape->value, strlen(shape->value), err))
        return false;
    for (size_t i = 0; i < (shape->statistics ? 3 : 0); i++)
        if (!buf_printf(out, err, ",%s", statistics_names[i]))
            return false;
    return buf_add_text(out, "\n", err);
}

/* Text, which may be empty, and a number that is not negative; a row has no time for printf. */
static bool add_number(struct buf *out, const char *before, int64_t value, struct err *err)
{
    char digits[24];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return buf_add_text(out, before, err) && buf_add(out, digits + at, sizeof digits - at, err);
}

bool print_row(struct buf *out, const struct print_shape *shape, const struct total *total,
               struct err *err)
{
    const int64_t statistics[] = {total->count, total->min, total->max};
    bool json = shape->format == PRINT_JSON;

    if (shape->format == PRINT_TABLE)
        return table_total(out, shape, total, err);
    if (json) {
        if (!buf_add_text(out, "{", err) ||
            !buf_add_json(out, shape->key, strlen(shape->key), err) ||
            !buf_add_text(out, ":", err) || !buf_add_json(out, total->key, total->key_len, err) ||
            !buf_add_text(out, ",", err) ||
            !buf_add_json(out, shape->value, strlen(shape->value), err) ||
            !add_number(out, ":", total->sum, err))
            return false;
    } else if (!print_csv_field(out, total->key, total->key_len, err) ||
               !add_number(out, ",", total->sum, err)) {
        return false;
    }
    for (size_t i = 0; i < (shape->statistics ? 3 : 0); i++)
        if (!(json ? buf_printf(out, err, ",\"%s\":%" PRId64, statistics_names[i], statistics[i])
                   : add_number(out, ",", statistics[i], err)))
            return false;
    return buf_add_text(out, json ? "}\n" : "\n", err);
}
