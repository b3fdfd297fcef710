#include "gvisor_probe/report/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { TEXT_MAX = 4096 };

static void keep(struct json_out *out, bool ok)
{
    if (!ok)
        out->failed = true;
}

static void begin_line(struct json_out *out)
{
    keep(out, buf_printf(out->buf, out->err, "\n%*s", (int)(2 * out->depth), ""));
}

static bool begin(struct json_out *out, const char *name)
{
    if (out->failed)
        return false;
    if (out->filled)
        keep(out, buf_add_text(out->buf, ",", out->err));
    out->filled = true;
    if (out->depth > 0)
        begin_line(out);
    if (name != NULL)
        keep(out, buf_printf(out->buf, out->err, "\"%s\": ", name));
    return !out->failed;
}

void json_open(struct json_out *out, const char *name, char bracket)
{
    if (!begin(out, name))
        return;
    keep(out, buf_add(out->buf, &bracket, 1, out->err));
    out->depth++;
    out->filled = false;
}

void json_close(struct json_out *out, char bracket)
{
    if (out->failed)
        return;
    out->depth--;
    if (out->filled)
        begin_line(out);
    keep(out, buf_add(out->buf, &bracket, 1, out->err));
    out->filled = true;
}

void json_bytes(struct json_out *out, const char *name, const char *bytes, size_t len)
{
    char shown[TEXT_MAX];

    if (!begin(out, name))
        return;
    err_quote(shown, sizeof shown, bytes, len);
    keep(out, buf_add_json(out->buf, shown, strlen(shown), out->err));
}

void json_text(struct json_out *out, const char *name, const char *value)
{
    if (value != NULL)
        json_bytes(out, name, value, strlen(value));
    else if (begin(out, name))
        keep(out, buf_add_text(out->buf, "null", out->err));
}

void json_u64(struct json_out *out, const char *name, uint64_t value)
{
    if (begin(out, name))
        keep(out, buf_printf(out->buf, out->err, "%" PRIu64, value));
}

void json_number(struct json_out *out, const char *name, double value)
{
    if (begin(out, name))
        keep(out, isfinite(value) ? buf_printf(out->buf, out->err, "%.9g", value)
                                  : buf_add_text(out->buf, "null", out->err));
}

void json_bool(struct json_out *out, const char *name, bool value)
{
    if (begin(out, name))
        keep(out, buf_add_text(out->buf, value ? "true" : "false", out->err));
}

void json_raw(struct json_out *out, const char *name, const char *json, size_t len)
{
    if (begin(out, name))
        keep(out, buf_add(out->buf, json, len, out->err));
}

bool json_done(struct json_out *out)
{
    if (!out->failed)
        keep(out, buf_add_text(out->buf, "\n", out->err));
    return !out->failed;
}
