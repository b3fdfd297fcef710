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

void print_csv_field(struct buf *out, const void *bytes, size_t len)
{
    const char *text = bytes, *end = text + len;
    bool quoted = false;

    for (const char *c = text; c < end; c++)
        quoted |= *c == '"' || *c == ',' || *c == '\n' || *c == '\r';
    if (!quoted) {
        buf_add(out, bytes, len);
        return;
    }
    buf_add(out, "\"", 1);
    for (const char *c = text; c < end; c++)
        buf_add(out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
    buf_add(out, "\"", 1);
}

size_t print_key_width(const struct total *total)
{
    char shown[KEY_SHOWN_MAX];
    return (size_t)table_width(err_quote(shown, sizeof shown, total->key, total->key_len));
}

static struct table table_of(const struct print_shape *shape)
{
    size_t numbers = shape->statistics ? NUMBERS : 1;
    struct table table = {.gap = 2, .count = 1 + numbers, .width[0] = (int)shape->key_width};

    table_fit(&table, 0, shape->key);
    if (table.width[0] > KEY_COLUMN_MAX)
        table.width[0] = KEY_COLUMN_MAX;
    for (size_t i = 1; i <= numbers; i++)
        table.width[i] = -NUMBER_WIDTH;
    return table;
}

static void table_header(struct buf *out, const struct print_shape *shape)
{
    const struct table table = table_of(shape);
    const char *names[] = {shape->key, shape->value, "count", "min", "max"};

    table_row(out, &table, names, NULL);
    table_rule(out, &table);
}

static void table_total(struct buf *out, const struct print_shape *shape, const struct total *total)
{
    const struct table table = table_of(shape);
    const int64_t numbers[NUMBERS] = {total->sum, total->count, total->min, total->max};
    char key[KEY_SHOWN_MAX], text[NUMBERS][24];
    const char *cells[1 + NUMBERS] = {err_quote(key, sizeof key, total->key, total->key_len)};

    for (size_t i = 0; i < NUMBERS; i++) {
        (void)snprintf(text[i], sizeof text[i], "%" PRId64, numbers[i]);
        cells[1 + i] = text[i];
    }
    table_row(out, &table, cells, NULL);
}

void print_header(struct buf *out, const struct print_shape *shape)
{
    if (shape->format == PRINT_TABLE)
        table_header(out, shape);
    if (shape->format != PRINT_CSV)
        return;
    print_csv_field(out, shape->key, strlen(shape->key));
    buf_add_text(out, ",");
    print_csv_field(out, shape->value, strlen(shape->value));
    for (size_t i = 0; i < (shape->statistics ? 3 : 0); i++)
        buf_printf(out, ",%s", statistics_names[i]);
    buf_add_text(out, "\n");
}

/* Writes a number that is not negative and returns its length; a row has no time for printf. */
static size_t put_number(char *to, int64_t value)
{
    char digits[NUMBER_WIDTH + 1];
    uint64_t left = (uint64_t)value;
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    memcpy(to, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

static void csv_row(struct buf *out, const struct print_shape *shape, const struct total *total)
{
    const int64_t numbers[NUMBERS] = {total->sum, total->count, total->min, total->max};
    const size_t count = shape->statistics ? NUMBERS : 1;

    print_csv_field(out, total->key, total->key_len);
    if (!buf_reserve(out, NUMBERS * (NUMBER_WIDTH + 2) + 1))
        return;
    char *first = out->data + out->len, *at = first;
    for (size_t i = 0; i < count; i++) {
        *at++ = ',';
        at += put_number(at, numbers[i]);
    }
    *at++ = '\n';
    buf_grown(out, (size_t)(at - first));
}

static void add_number(struct buf *out, int64_t value)
{
    if (buf_reserve(out, NUMBER_WIDTH + 1))
        buf_grown(out, put_number(out->data + out->len, value));
}

static void json_row(struct buf *out, const struct print_shape *shape, const struct total *total)
{
    const int64_t statistics[] = {total->count, total->min, total->max};

    buf_add(out, "{", 1);
    buf_add_json(out, shape->key, strlen(shape->key));
    buf_add(out, ":", 1);
    buf_add_json(out, total->key, total->key_len);
    buf_add(out, ",", 1);
    buf_add_json(out, shape->value, strlen(shape->value));
    buf_add(out, ":", 1);
    add_number(out, total->sum);
    for (size_t i = 0; i < (shape->statistics ? NUMBERS - 1 : 0); i++) {
        buf_add(out, ",\"", 2);
        buf_add_text(out, statistics_names[i]);
        buf_add(out, "\":", 2);
        add_number(out, statistics[i]);
    }
    buf_add(out, "}\n", 2);
}

void print_row(struct buf *out, const struct print_shape *shape, const struct total *total)
{
    if (shape->format == PRINT_TABLE)
        table_total(out, shape, total);
    else if (shape->format == PRINT_JSON)
        json_row(out, shape, total);
    else
        csv_row(out, shape, total);
}
