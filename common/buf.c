#include "common/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

char buf_nothing[1];

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.data = buf_nothing, .max = max};
}

void buf_release(struct buf *buf)
{
    if (buf->data != buf_nothing)
        free(buf->data);
    buf_init(buf, buf->max);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->refused = 0;
    if (buf->cap > 0)
        buf->data[0] = '\0';
}

/* Without room left the next append comes here too. */
static bool refuse(struct buf *buf, size_t size)
{
    buf->refused = size;
    buf->cap = buf->len;
    return false;
}

static bool grow(struct buf *buf, size_t more)
{
    if (buf->refused != 0)
        return false;
    if (more > buf->max - buf->len)
        return refuse(buf, SIZE_MAX);

    const size_t needed = buf->len + more + 1, most = buf->max + 1;
    size_t want = buf->cap == 0 ? FIRST_SIZE : buf->cap;
    while (want < needed)
        want = want > most / 2 ? most : want * 2;
    if (want > most)
        want = most;
    char *grown = realloc(buf->data == buf_nothing ? NULL : buf->data, want);
    if (grown == NULL)
        return refuse(buf, want);
    buf->data = grown;
    buf->data[buf->len] = '\0';
    buf->cap = want;
    return true;
}

bool buf_reserve(struct buf *buf, size_t more)
{
    return more < buf->cap - buf->len || grow(buf, more);
}

void buf_grown(struct buf *buf, size_t more)
{
    buf->len += more;
    buf->data[buf->len] = '\0';
}

void buf_add(struct buf *buf, const void *bytes, size_t len)
{
    if (!buf_reserve(buf, len))
        return;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf_grown(buf, len);
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        (void)refuse(buf, SIZE_MAX); /* longer than int */
    else if (buf_reserve(buf, (size_t)len)) {
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
}

static size_t json_escape(char *out, unsigned char byte)
{
    static const char short_forms[] = "\bb\tt\nn\ff\rr\"\"\\\\";
    static const char hex[] = "0123456789abcdef";

    for (const char *form = short_forms; *form != '\0'; form += 2) {
        if ((unsigned char)form[0] == byte) {
            out[0] = '\\';
            out[1] = form[1];
            return 2;
        }
    }
    if (byte >= 0x20 && byte != 0x7f) {
        out[0] = (char)byte;
        return 1;
    }
    memcpy(out, "\\u00", 4);
    out[4] = hex[byte >> 4];
    out[5] = hex[byte & 15];
    return 6;
}

void buf_add_json(struct buf *buf, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    if (!buf_reserve(buf, len <= buf->max / 6 ? len * 6 + 2 : SIZE_MAX))
        return;
    buf->data[buf->len++] = '"';
    for (size_t i = 0; i < len; i++)
        buf->len += json_escape(buf->data + buf->len, in[i]);
    buf->data[buf->len] = '"';
    buf_grown(buf, 1);
}

bool buf_ok(const struct buf *buf, struct err *err)
{
    if (buf->refused == 0)
        return true;
    if (buf->refused == SIZE_MAX)
        return err_set(err, STATUS_BUG, "a buffer would pass its limit of %zu bytes", buf->max);
    return err_set(err, STATUS_TRANSIENT, "out of memory for %zu bytes", buf->refused);
}

char *buf_take(struct buf *buf, struct err *err)
{
    char *text = buf_reserve(buf, 0) ? buf->data : NULL;

    if (!buf_ok(buf, err))
        return NULL;
    buf_init(buf, buf->max);
    return text;
}
