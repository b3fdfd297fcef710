/*
 * JSON written as it is built, integers exact. Pure. Failures are the buffer's: whoever builds
 * writes one line per member and asks buf_ok() at the end, so that nothing can be missing silently.
 */
#ifndef COMMON_JSON_OUT_H
#define COMMON_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum json_layout {
    JSON_LINE,     /* no white space */
    JSON_SPACED,   /* a blank after each comma and colon: as PostgreSQL writes jsonb */
    JSON_INDENTED, /* a line for each element, two spaces a level */
    JSON_TABBED,   /* a line for each member of an object, a tab a level: as cJSON_Print() */
};

struct json_out {
    struct buf *buf;
    enum json_layout layout;
    unsigned depth;
    bool filled; /* the innermost object or array has an element */
};

/* name is NULL inside an array and for the outermost value. bracket is one of {}[]. */
void json_open(struct json_out *out, const char *name, char bracket);
void json_close(struct json_out *out, char bracket);

/* Valid UTF-8; NULL: null. */
void json_string(struct json_out *out, const char *name, const char *value);
void json_span(struct json_out *out, const char *name, const char *bytes, size_t len);
/* Any bytes, as err_quote() shows them, in at most 4095 bytes; NULL: null. */
void json_text(struct json_out *out, const char *name, const char *value);
void json_bytes(struct json_out *out, const char *name, const char *bytes, size_t len);

void json_u64(struct json_out *out, const char *name, uint64_t value);
void json_number(struct json_out *out, const char *name, double value); /* not finite: null */
void json_fixed(struct json_out *out, const char *name, int digits, double value); /* after the . */
void json_bool(struct json_out *out, const char *name, bool value);
void json_null(struct json_out *out, const char *name);
void json_raw(struct json_out *out, const char *name, const char *json); /* is JSON already */

/* Ends the text with a line end; buf_ok(). */
bool json_done(struct json_out *out, struct err *err);

#endif
