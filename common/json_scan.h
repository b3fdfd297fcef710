/*
 * Strict JSON (RFC 8259) over bytes in memory, without building anything. Pure.
 *
 * Every function reads from p, stays below end, and returns the first byte after what it read, or
 * NULL with *fault set to the first byte that breaks the rules (end where bytes are missing).
 * Strings must be valid UTF-8; escapes of lone surrogates and U+0000 are well-formed and reported.
 */
#ifndef COMMON_JSON_SCAN_H
#define COMMON_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nested containers are told apart by the bits of one word. */
enum { JSON_DEPTH_MAX = 64 };

struct json_fault {
    const unsigned char *at;
    const char *reason; /* a constant: no ownership */
    bool too_deep;      /* the syntax is fine, but deeper than `depth` */
};

struct json_string {
    const unsigned char *start, *end; /* between the quotes, still escaped */
    bool escaped;                     /* holds a backslash: use json_decode() to read it */
    bool text;                        /* only Unicode scalar values, none of them U+0000 */
};

static inline const unsigned char *json_skip_space(const unsigned char *p, const unsigned char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

/* p is at the opening quote. */
const unsigned char *json_scan_string(const unsigned char *p, const unsigned char *end,
                                      struct json_string *ret, struct json_fault *fault);

/* p is at '-' or a digit. *ret_integer tells that there is neither fraction nor exponent. */
const unsigned char *json_scan_number(const unsigned char *p, const unsigned char *end,
                                      bool *ret_integer, struct json_fault *fault);

/* Any value, at most `depth` (up to JSON_DEPTH_MAX) containers deep; p is at its first byte. */
const unsigned char *json_scan_value(const unsigned char *p, const unsigned char *end,
                                     unsigned depth, struct json_fault *fault);

/*
 * Writes the string's meaning into out and returns its length; stops with SIZE_MAX when it would
 * pass size. Only for strings that were scanned; a lone surrogate becomes three bytes (WTF-8).
 */
size_t json_decode(const struct json_string *string, unsigned char *out, size_t size);

#endif
