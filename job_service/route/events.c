#include "job_service/route/events.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/json_out.h"
#include "common/utf8.h"

bool events_are_accepted(const char *accept)
{
    static const char type[] = "text/event-stream";
    const size_t len = sizeof type - 1;

    for (const char *p = accept; p != NULL && *p != '\0'; p += *p == ',') {
        p += strspn(p, " \t");
        if (strncasecmp(p, type, len) == 0 && strchr(" \t,;", p[len]) != NULL)
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

/* Of what is not a character: the bytes that begin one, at least one byte. *ret_open: they are the
 * last, and others could make it whole. */
static size_t bad_length(const unsigned char *p, size_t len, bool *ret_open)
{
    size_t width = p[0] < 0xc2 || p[0] > 0xf4 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    size_t n = 1;

    if (n < width && n < len && p[1] >= low && p[1] <= high)
        for (n = 2; n < width && n < len && (p[n] & 0xc0) == 0x80; n++)
            ;
    *ret_open = n < width && n == len;
    return n;
}

static void add_event(struct buf *out, uint64_t offset, uint64_t next, const struct buf *text)
{
    struct json_out json = {.buf = out};

    buf_printf(out, "id: %" PRIu64 "\ndata: ", next);
    json_open(&json, NULL, '{');
    json_u64(&json, "offset", offset);
    json_span(&json, "text", text->data, text->len);
    json_close(&json, '}');
    buf_add_text(out, "\n\n");
}

size_t events_add(struct buf *out, uint64_t offset, const char *bytes, size_t len, bool last)
{
    const unsigned char *p = (const unsigned char *)bytes;
    OWNED_BUF(text, 3 * EVENTS_BYTES + UTF8_MAX);
    size_t done = 0;
    bool open = false;

    while (done < len && !open) {
        size_t begin = done;
        buf_clear(&text);
        while (done < len && done - begin < EVENTS_BYTES) {
            size_t width = utf8_length(p + done, len - done);
            if (width > 0) {
                buf_add(&text, p + done, width);
            } else {
                width = bad_length(p + done, len - done, &open);
                open = open && !last;
                if (open)
                    break;
                buf_add_text(&text, "\xef\xbf\xbd");
            }
            done += width;
        }
        if (done > begin)
            add_event(out, offset + begin, offset + done, &text);
    }
    return done;
}

void events_add_end(struct buf *out, uint64_t bytes, bool complete)
{
    struct json_out json = {.buf = out};

    buf_add_text(out, "event: end\nid: end\ndata: ");
    json_open(&json, NULL, '{');
    json_u64(&json, "bytes", bytes);
    json_bool(&json, "complete", complete);
    json_close(&json, '}');
    buf_add_text(out, "\n\n");
}
