#include "common/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

static void begin_line(struct json_out *out)
{
    buf_add_text(out->buf, "\n");
    for (unsigned i = 0; i < out->depth; i++)
        buf_add_text(out->buf, out->layout == JSON_TABBED ? "\t" : "  ");
}

static void begin(struct json_out *out, const char *name)
{
    static const char *const after_name[] = {
        [JSON_LINE] = ":", [JSON_SPACED] = ": ", [JSON_INDENTED] = ": ", [JSON_TABBED] = ":\t"};
    const bool in_line = out->layout == JSON_SPACED ||
                         (out->layout == JSON_TABBED && name == NULL); /* an array's element */

    if (out->filled)
        buf_add_text(out->buf, in_line ? ", " : ",");
    out->filled = true;
    if (out->layout != JSON_LINE && !in_line && out->depth > 0)
        begin_line(out);
    if (name != NULL) {
        buf_add_json(out->buf, name, strlen(name));
        buf_add_text(out->buf, after_name[out->layout]);
    }
}

void json_open(struct json_out *out, const char *name, char bracket)
{
    begin(out, name);
    buf_add(out->buf, &bracket, 1);
    out->depth++;
    out->filled = false;
}

void json_close(struct json_out *out, char bracket)
{
    out->depth--;
    if (out->layout == JSON_INDENTED ? out->filled : out->layout == JSON_TABBED && bracket == '}')
        begin_line(out);
    buf_add(out->buf, &bracket, 1);
    out->filled = true;
}

void json_string(struct json_out *out, const char *name, const char *value)
{
    if (value == NULL)
        json_null(out, name);
    else
        json_span(out, name, value, strlen(value));
}

void json_span(struct json_out *out, const char *name, const char *bytes, size_t len)
{
    begin(out, name);
    buf_add_json(out->buf, bytes, len);
}

void json_bytes(struct json_out *out, const char *name, const char *bytes, size_t len)
{
    char shown[TEXT_MAX];
    json_string(out, name, err_quote(shown, sizeof shown, bytes, len));
}

void json_text(struct json_out *out, const char *name, const char *value)
{
    if (value == NULL)
        json_null(out, name);
    else
        json_bytes(out, name, value, strlen(value));
}

void json_u64(struct json_out *out, const char *name, uint64_t value)
{
    begin(out, name);
    buf_printf(out->buf, "%" PRIu64, value);
}

void json_number(struct json_out *out, const char *name, double value)
{
    begin(out, name);
    if (isfinite(value))
        buf_printf(out->buf, "%.9g", value);
    else
        buf_add_text(out->buf, "null");
}

void json_fixed(struct json_out *out, const char *name, int digits, double value)
{
    begin(out, name);
    buf_printf(out->buf, "%.*f", digits, value);
}

void json_bool(struct json_out *out, const char *name, bool value)
{
    json_raw(out, name, value ? "true" : "false");
}

void json_null(struct json_out *out, const char *name)
{
    json_raw(out, name, "null");
}

void json_raw(struct json_out *out, const char *name, const char *json)
{
    begin(out, name);
    buf_add_text(out->buf, json);
}

bool json_done(struct json_out *out, struct err *err)
{
    buf_add_text(out->buf, "\n");
    return buf_ok(out->buf, err);
}
