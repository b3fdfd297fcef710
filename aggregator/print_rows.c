#include "aggregator/print_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/scan/scan.h"

enum {
    NUMBER_WIDTH = 19,
    COLUMN_GAP = 2,
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

/* Terminal columns, one a character. */
static size_t shown_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool add_padding(struct buf *out, char fill, size_t count, struct err *err)
{
    while (count-- > 0)
        if (!buf_add(out, &fill, 1, err))
            return false;
    return true;
}

size_t print_key_width(const struct total *total)
{
    char shown[KEY_SHOWN_MAX];
    return shown_width(err_quote(shown, sizeof shown, total->key, total->key_len));
}

static size_t key_column(const struct print_shape *shape)
{
    size_t name = strlen(shape->key);
    size_t width = shape->key_width > name ? shape->key_width : name;
    return width < KEY_COLUMN_MAX ? width : KEY_COLUMN_MAX;
}

static bool add_cell(struct buf *out, const char *text, size_t width, bool right, struct err *err)
{
    size_t shown = shown_width(text), padding = shown < width ? width - shown : 0;

    return add_padding(out, ' ', right ? padding : 0, err) && buf_add_text(out, text, err) &&
           add_padding(out, ' ', right ? 0 : padding, err);
}

static bool table_header(struct buf *out, const struct print_shape *shape, struct err *err)
{
    size_t columns = shape->statistics ? 4 : 1;
    const char *names[] = {shape->value, "count", "min", "max"};

    if (!add_cell(out, shape->key, key_column(shape), false, err))
        return false;
    for (size_t i = 0; i < columns; i++)
        if (!add_padding(out, ' ', COLUMN_GAP, err) ||
            !add_cell(out, names[i], NUMBER_WIDTH, true, err))
            return false;
    if (!buf_add_text(out, "\n", err) || !add_padding(out, '-', key_column(shape), err))
        return false;
    for (size_t i = 0; i < columns; i++)
        if (!add_padding(out, ' ', COLUMN_GAP, err) || !add_padding(out, '-', NUMBER_WIDTH, err))
            return false;
    return buf_add_text(out, "\n", err);
}

static bool table_row(struct buf *out, const struct print_shape *shape, const struct total *total,
                      struct err *err)
{
    char key[KEY_SHOWN_MAX], number[24];
    const int64_t numbers[] = {total->sum, total->count, total->min, total->max};

    (void)err_quote(key, sizeof key, total->key, total->key_len);
    if (!add_cell(out, key, key_column(shape), false, err))
        return false;
    for (size_t i = 0; i < (shape->statistics ? 4 : 1); i++) {
        (void)snprintf(number, sizeof number, "%" PRId64, numbers[i]);
        if (!add_padding(out, ' ', COLUMN_GAP, err) ||
            !add_cell(out, number, NUMBER_WIDTH, true, err))
            return false;
    }
    return buf_add_text(out, "\n", err);
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
        return table_row(out, shape, total, err);
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
