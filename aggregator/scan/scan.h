/*
 * One line of JSON Lines to one event, strictly but for what the rules accept. Pure.
 *
 * A valid line is one JSON object (RFC 8259, valid UTF-8, at most max_line bytes and JSON_DEPTH_MAX
 * levels) that holds the key field exactly once, as a non-empty string of Unicode scalar values
 * without U+0000 and of at most max_key bytes once unescaped, and the value field exactly once, as
 * an integer without fraction or exponent from 0 to 2^63-1 ("-0" is 0). Field names are compared
 * after unescaping; only the outer object's fields count. Everything else may be anything valid.
 *
 * A field that is named by a JSON Pointer (field.h) is looked for along its steps instead, each of
 * which must be there exactly once and hold an object; one that holds null counts as missing. Other
 * shapes of keys and values are taken where accept.h's bits say so.
 */
#ifndef AGGREGATOR_SCAN_SCAN_H
#define AGGREGATOR_SCAN_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/accept.h"
#include "aggregator/scan/field.h"

/* A row of a btree index cannot hold a longer key. */
enum { SCAN_KEY_LIMIT = 2600, SCAN_FIELD_NAME_LIMIT = FIELD_TEXT_MAX };

struct scan_rules {
    const char *key, *value; /* field names, terminated, at most SCAN_FIELD_NAME_LIMIT bytes */
    size_t key_len, value_len;
    size_t max_line;                             /* bytes without the line's end */
    size_t max_key;                              /* at most SCAN_KEY_LIMIT */
    const struct field *key_field, *value_field; /* where a pointer leads to the name; or NULL */
    unsigned accept;                             /* ACCEPT_ bits */
    bool skip_missing; /* an event without key or value is not a bad line */
};

/* The fields as the user named them. */
const char *scan_key_text(const struct scan_rules *rules);
const char *scan_value_text(const struct scan_rules *rules);

/* SCAN_SKIPPED: valid, but the key or the value is absent or null; only with skip_missing. */
enum scan_kind { SCAN_EVENT, SCAN_BLANK, SCAN_SKIPPED, SCAN_BAD };

struct scan_result {
    const unsigned char *key; /* in the line, or in `unescaped` below */
    size_t key_len;
    int64_t value;
    unsigned used;      /* ACCEPT_ bits without which the event would be bad */
    bool flat;          /* the strict rules take it too, and both fields are the outer object's */
    size_t column;      /* of what is wrong, 1-based bytes */
    const char *reason; /* a constant, as advice is */
    const char *advice; /* what to do about it; NULL: mend the line, or do without it */
    size_t zeros;       /* so many NUL bytes from that column on, which `reason` follows; or 0 */
    unsigned char unescaped[SCAN_KEY_LIMIT];
};

/* line has no '\n'; one '\r' at its end belongs to the line's end. Fills *ret as the kind needs. */
enum scan_kind scan_line(const struct scan_rules *rules, const unsigned char *line, size_t len,
                         struct scan_result *ret);

/* The line is bad for `reason` at `at`, which is in it or at its end. */
void scan_fault(const unsigned char *line, const unsigned char *end, const unsigned char *at,
                const char *reason, struct scan_result *ret);

/* How many bytes a byte order mark at `bytes` takes: 3, or 0 where there is none. */
size_t scan_byte_order_mark(const unsigned char *bytes, size_t len);

/* A file's first line: a byte order mark before it is skipped, but counts as its bytes. */
enum scan_kind scan_first_line(const struct scan_rules *rules, const unsigned char *line,
                               size_t len, struct scan_result *ret);

#endif
