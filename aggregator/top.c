#include "aggregator/top.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/scan/scan.h"

/* The largest totals so far, in descending order. rooms[i] holds the key of rows[i]. */
struct top {
    struct total rows[TOP_ROWS];
    unsigned char *rooms[TOP_ROWS];
    size_t count;
};

static void add(struct top *top, const struct total *total)
{
    size_t at = top->count;

    if (at == TOP_ROWS && total->sum <= top->rows[--at].sum)
        return;
    unsigned char *room = top->rooms[at];
    for (; at > 0 && top->rows[at - 1].sum < total->sum; at--) {
        top->rows[at] = top->rows[at - 1];
        top->rooms[at] = top->rooms[at - 1];
    }
    memcpy(room, total->key, total->key_len);
    top->rows[at] = *total;
    top->rows[at].key = room;
    top->rooms[at] = room;
    top->count += top->count < TOP_ROWS;
}

static bool collect(struct top *top, struct total_stream *totals, struct err *err)
{
    struct total total;
    int got;

    if (!totals->rewind(totals, err))
        return false;
    while ((got = totals->next(totals, &total, err)) == 1)
        add(top, &total);
    return got == 0;
}

static void print(struct buf *out, struct print_shape *shape, const struct top *top)
{
    for (size_t i = 0; i < top->count; i++) {
        size_t width = print_key_width(&top->rows[i]);
        shape->key_width = width > shape->key_width ? width : shape->key_width;
    }
    print_header(out, shape);
    for (size_t i = 0; i < top->count; i++)
        print_row(out, shape, &top->rows[i]);
}

bool top_print(struct buf *out, const char *key, const char *value, struct total_stream *totals,
               struct err *err)
{
    struct print_shape shape = {.format = PRINT_TABLE, .key = key, .value = value};
    struct top top = {.count = 0};
    unsigned char *rooms = malloc((size_t)TOP_ROWS * SCAN_KEY_LIMIT);

    if (rooms == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < TOP_ROWS; i++)
        top.rooms[i] = rooms + i * SCAN_KEY_LIMIT;
    bool done = collect(&top, totals, err);
    if (done)
        print(out, &shape, &top);
    free(rooms);
    return done && buf_ok(out, err);
}
