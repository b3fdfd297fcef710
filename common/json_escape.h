/* One escaped character of a JSON string. Pure. */
#ifndef COMMON_JSON_ESCAPE_H
#define COMMON_JSON_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a hex digit, and JSON_HEX_DIGIT beside it; 0 for other bytes. */
enum { JSON_HEX_DIGIT = 16 };
extern const unsigned char json_hex_digits[256];

/* What a letter after a backslash stands for; 0 where nothing. */
extern const unsigned char json_escapes[256];

static inline bool json_is_surrogate(uint32_t unit)
{
    return (unit & 0xfffff800u) == 0xd800;
}

/* Four hex digits at p, which may all be read, as a number; false: they are not. */
static inline bool json_read_hex4(const unsigned char *p, uint32_t *ret)
{
    const uint32_t a = json_hex_digits[p[0]], b = json_hex_digits[p[1]];
    const uint32_t c = json_hex_digits[p[2]], d = json_hex_digits[p[3]];

    *ret = (a << 12) + (b << 8) + (c << 4) + d - JSON_HEX_DIGIT * 0x1111u;
    return (a & b & c & d & JSON_HEX_DIGIT) != 0;
}

/*
 * An escape, p after its backslash. *ret is a code point, with a surrogate pair joined; a lone
 * surrogate comes out as itself. Returns the byte after it, or NULL where it is not well-formed or
 * does not end before `end`.
 */
static inline const unsigned char *json_read_escape(const unsigned char *p,
                                                    const unsigned char *end, uint32_t *ret)
{
    uint32_t low;

    if (p == end)
        return NULL;
    if (*p != 'u') {
        *ret = json_escapes[*p];
        return *ret == 0 ? NULL : p + 1;
    }
    if (end - ++p < 4 || !json_read_hex4(p, ret))
        return NULL;
    p += 4;
    if (__builtin_expect(!json_is_surrogate(*ret), true))
        return p;
    if (*ret < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        json_read_hex4(p + 2, &low) && json_is_surrogate(low) && low >= 0xdc00) {
        *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    return p;
}

#endif
