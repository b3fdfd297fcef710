/*
 * How a field of an event is named: flat, or by a JSON Pointer (RFC 6901). Pure.
 *
 * A text that begins with '/' is a pointer: /session/duration is "duration" within the outer
 * object's "session"; ~1 stands for '/' and ~0 for '~'. Any other text is the name of one of the
 * outer object's own fields.
 */
#ifndef AGGREGATOR_SCAN_FIELD_H
#define AGGREGATOR_SCAN_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "common/json_scan.h"

enum { FIELD_TEXT_MAX = 1024, FIELD_STEPS_MAX = JSON_DEPTH_MAX };

struct field_step {
    const char *name; /* unescaped, terminated */
    size_t len;
};

struct field {
    const char *text; /* as it was given, borrowed */
    struct field_step
        step[FIELD_STEPS_MAX];      /* from the outer object down to the field's own name */
    size_t count;                   /* at least 1 */
    char names[FIELD_TEXT_MAX + 1]; /* what the steps borrow; *this must stay in place */
};

/* USAGE where it is too long, too deep, no pointer, or points into an array. */
bool field_parse(struct field *ret, const char *text, struct err *err);

/* The field's own name: what its column is called. */
const char *field_name(const struct field *field);

/* Whether they are one field, or one is within the other: no event can hold both. */
bool field_overlaps(const struct field *a, const struct field *b);

#endif
