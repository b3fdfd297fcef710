#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
    free(buf->data);
    buf_init(buf, buf->max);
}

bool buf_reserve(struct buf *buf, size_t more, struct err *err)
{
    if (more <= buf->cap - buf->len)
        return true;
    if (more > buf->max - buf->len)
        return err_set(err, STATUS_BUG, "a buffer would pass its limit of %zu bytes", buf->max);

    size_t first = buf->max < 256 ? buf->max : 256, want = buf->cap == 0 ? first : buf->cap;
    while (want - buf->len < more)
        want = want > buf->max / 2 ? buf->max : want * 2;
    char *grown = realloc(buf->data, want);
    if (grown == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory for %zu bytes", want);
    buf->data = grown;
    buf->cap = want;
    return true;
}

bool buf_add(struct buf *buf, const void *bytes, size_t len, struct err *err)
{
    if (!buf_reserve(buf, len, err))
        return false;
    if (len > 0)
        memcpy(buf->data + buf->len, bytes, len);
    buf->len += len;
    return true;
}

bool buf_add_text(struct buf *buf, const char *text, struct err *err)
{
    return buf_add(buf, text, strlen(text), err);
}

bool buf_printf(struct buf *buf, struct err *err, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    bool fits = len >= 0 ? buf_reserve(buf, (size_t)len + 1, err)
                         : err_set(err, STATUS_BUG, "a text cannot be formatted");
    if (fits) {
        (void)vsnprintf(buf->data + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return fits;
}

static size_t json_escape(char out[6], unsigned char byte)
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

bool buf_add_json(struct buf *buf, const void *bytes, size_t len, struct err *err)
{
    const unsigned char *in = bytes;
    if (len > (buf->max - 2) / 6)
        return err_set(err, STATUS_BUG, "a JSON string of %zu bytes is too long", len);
    if (!buf_reserve(buf, len * 6 + 2, err))
        return false;
    buf->data[buf->len++] = '"';
    for (size_t i = 0; i < len; i++)
        buf->len += json_escape(buf->data + buf->len, in[i]);
    buf->data[buf->len++] = '"';
    return true;
}
