/* Strict UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). Pure. */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { UTF8_MAX = 4 };

/*
 * Bytes of the well-formed sequence of two or three bytes at p, with UTF8_MAX bytes to be read; 0:
 * there may be one of another length. One compare looks at what all lead bytes of that length and
 * what follows them have in common, one more at what rules out overlong forms and surrogates.
 */
static inline size_t utf8_short_length(const unsigned char *p)
{
    uint32_t word;

    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
    memcpy(&word, p, sizeof word);
    if ((word & 0xc0e0) == 0x80c0)
        return (word & 0x1e) != 0 ? 2 : 0;
    if ((word & 0xc0c0f0) != 0x8080e0)
        return 0;
    const uint32_t excluded = word & 0x200f;
    return excluded != 0 && excluded != 0x200d ? 3 : 0;
}

/* Bytes of the well-formed sequence at p, at most len of them; 0 if there is none. */
static inline size_t utf8_length(const unsigned char *p, size_t len)
{
    if (len == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;

    size_t width = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    if (len < width)
        return 0;
    /* The second byte carries what rules out overlong forms, surrogates and > U+10FFFF. */
    unsigned low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < width; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return width;
}

/* Whether all of it is well-formed, and none of it a control character (C0, DEL, C1). */
static inline bool utf8_is_text(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + len;

    while (p < end) {
        size_t width = utf8_length(p, (size_t)(end - p));
        if (width == 0 || p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
            return false;
        p += width;
    }
    return true;
}

/* Writes a Unicode scalar value, returns its bytes (1 to UTF8_MAX). */
static inline size_t utf8_put(unsigned char *out, uint32_t scalar)
{
    if (scalar < 0x80) {
        out[0] = (unsigned char)scalar;
        return 1;
    }
    size_t width = scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--) {
        out[i] = (unsigned char)(0x80 | (scalar & 0x3f));
        scalar >>= 6;
    }
    static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (unsigned char)(lead[width] | scalar);
    return width;
}

#endif
