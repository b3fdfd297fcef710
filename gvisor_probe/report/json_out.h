/*
 * JSON written as it is built, indented, integers exact. Pure. The first failure is remembered and
 * given by json_done(), so that a caller writes one line per field.
 */
#ifndef GVISOR_PROBE_REPORT_JSON_OUT_H
#define GVISOR_PROBE_REPORT_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct json_out {
    struct buf *buf;
    struct err *err;
    unsigned depth;
    bool failed, filled; /* filled: the innermost object or array has an element */
};

/* name is NULL inside an array and for the outermost value. Texts may hold any bytes (err_quote).
 */
void json_open(struct json_out *out, const char *name, char bracket);
void json_close(struct json_out *out, char bracket);
void json_text(struct json_out *out, const char *name, const char *value); /* NULL: null */
void json_bytes(struct json_out *out, const char *name, const char *bytes, size_t len);
void json_u64(struct json_out *out, const char *name, uint64_t value);
void json_number(struct json_out *out, const char *name, double value); /* not finite: null */
void json_raw(struct json_out *out, const char *name, const char *json, size_t len);
void json_bool(struct json_out *out, const char *name, bool value);

/* Ends the text with a line end; false with *err filled if anything failed. */
bool json_done(struct json_out *out);

#endif
