#include "common/json_scan.h"

#include <string.h>

#include "common/utf8.h"

static const unsigned char *fail(struct json_fault *fault, const unsigned char *at,
                                 const char *reason)
{
    *fault = (struct json_fault){.at = at, .reason = reason};
    return NULL;
}

/*
 * How many of eight bytes come before the first quote, backslash, control character or non-ASCII
 * byte. With all high bits clear, subtracting a bound sets the high bit of the first byte below it;
 * a borrow can only raise false alarms above that byte.
 */
static unsigned count_plain(const unsigned char *p)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t word;

    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first byte is the lowest");
    memcpy(&word, p, sizeof word);
    uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
    uint64_t marked =
        ((word - ones * 0x20) | (quote - ones) | (backslash - ones) | word) & (ones * 0x80);
    return marked == 0 ? sizeof word : (unsigned)__builtin_ctzll(marked) / 8;
}

/* The value of a hex digit and one more; 0 for other bytes. */
static const unsigned char hex_digits[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
    ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
    ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

/* Four hex digits at p; the count of good ones is left in *ret_good. */
static inline uint32_t read_hex4(const unsigned char *p, const unsigned char *end, size_t *ret_good)
{
    uint32_t unit = 0;
    size_t good = 0;

    if (end - p >= 4) {
        const uint32_t a = hex_digits[p[0]], b = hex_digits[p[1]];
        const uint32_t c = hex_digits[p[2]], d = hex_digits[p[3]];
        if (a != 0 && b != 0 && c != 0 && d != 0) {
            *ret_good = 4;
            return ((a - 1) << 12) + ((b - 1) << 8) + ((c - 1) << 4) + (d - 1);
        }
    }
    while (good < 4 && p + good < end && hex_digits[p[good]] != 0)
        unit = unit << 4 | (uint32_t)(hex_digits[p[good++]] - 1);
    *ret_good = good;
    return unit;
}

static bool is_high_surrogate(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

/*
 * One escaped character; p is after the backslash. *ret is a code point, with a surrogate pair
 * joined; a lone surrogate comes out as itself.
 */
static const unsigned char *scan_escape(const unsigned char *p, const unsigned char *end,
                                        uint32_t *ret, struct json_fault *fault)
{
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    size_t good;

    if (p == end)
        return fail(fault, p, "the string does not end");
    if (*p != 'u') {
        const char *name = *p == '\0' ? NULL : strchr(names, *p);
        if (name == NULL)
            return fail(fault, p, "unknown escape in a string");
        *ret = (unsigned char)values[name - names];
        return p + 1;
    }
    uint32_t unit = read_hex4(++p, end, &good);
    p += good;
    if (good < 4)
        return fail(fault, p, "\\u needs four hex digits");
    *ret = unit;
    if (is_high_surrogate(unit) && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        uint32_t low = read_hex4(p + 2, end, &good);
        if (good == 4 && is_low_surrogate(low)) {
            *ret = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }
    return p;
}

const unsigned char *json_scan_string(const unsigned char *p, const unsigned char *end,
                                      struct json_string *ret, struct json_fault *fault)
{
    bool escaped = false, text = true;
    const unsigned char *start = ++p;

    for (;;) {
        for (unsigned plain = 8; plain == 8 && end - p >= 8; p += plain)
            plain = count_plain(p);
        if (p == end)
            return fail(fault, p, "the string does not end");
        if (*p == '"')
            break;
        if (*p == '\\') {
            uint32_t code;
            escaped = true;
            p = scan_escape(p + 1, end, &code, fault);
            if (p == NULL)
                return NULL;
            if (code == 0 || is_high_surrogate(code) || is_low_surrogate(code))
                text = false;
        } else if (*p < 0x20) {
            return fail(fault, p, "raw control character in a string");
        } else {
            do {
                size_t width = utf8_length(p, (size_t)(end - p));
                if (width == 0)
                    return fail(fault, p, "invalid UTF-8 in a string");
                p += width;
            } while (p < end && *p >= 0x80);
        }
    }
    *ret = (struct json_string){.start = start, .end = p, .escaped = escaped, .text = text};
    return p + 1;
}

static const unsigned char *skip_digits(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

const unsigned char *json_scan_number(const unsigned char *p, const unsigned char *end,
                                      bool *ret_integer, struct json_fault *fault)
{
    bool integer = true;
    const unsigned char *digits;

    if (*p == '-')
        p++;
    digits = p;
    p = skip_digits(p, end);
    if (p == digits)
        return fail(fault, p, "a number needs a digit");
    if (*digits == '0' && p - digits > 1)
        return fail(fault, digits, "a number has a leading zero");
    if (p < end && *p == '.') {
        integer = false;
        digits = ++p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(fault, p, "a fraction needs a digit");
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        digits = p;
        p = skip_digits(p, end);
        if (p == digits)
            return fail(fault, p, "an exponent needs a digit");
    }
    *ret_integer = integer;
    return p;
}

static const unsigned char *scan_word(const unsigned char *p, const unsigned char *end,
                                      const char *word, struct json_fault *fault)
{
    for (; *word != '\0'; word++, p++)
        if (p == end || *p != (unsigned char)*word)
            return fail(fault, p, "expected a value");
    return p;
}

static const unsigned char *scan_scalar(const unsigned char *p, const unsigned char *end,
                                        struct json_fault *fault)
{
    struct json_string string;
    bool integer;

    switch (*p) {
    case '"':
        return json_scan_string(p, end, &string, fault);
    case 't':
        return scan_word(p, end, "true", fault);
    case 'f':
        return scan_word(p, end, "false", fault);
    case 'n':
        return scan_word(p, end, "null", fault);
    default:
        if (*p == '-' || (*p >= '0' && *p <= '9'))
            return json_scan_number(p, end, &integer, fault);
        return fail(fault, p, "expected a value");
    }
}

/* A member's name and colon, up to the first byte of its value. */
static const unsigned char *scan_name(const unsigned char *p, const unsigned char *end,
                                      struct json_fault *fault)
{
    struct json_string name;

    if (p == end || *p != '"')
        return fail(fault, p, "expected a field name");
    p = json_scan_string(p, end, &name, fault);
    if (p == NULL)
        return NULL;
    p = json_skip_space(p, end);
    if (p == end || *p != ':')
        return fail(fault, p, "expected ':'");
    return json_skip_space(p + 1, end);
}

const unsigned char *json_scan_value(const unsigned char *p, const unsigned char *end,
                                     unsigned depth, struct json_fault *fault)
{
    uint64_t objects = 0; /* one bit a level, the innermost lowest: 1 object, 0 array */
    unsigned level = 0;

    for (;;) {
        if (p == end)
            return fail(fault, p, "expected a value");
        if (*p == '{' || *p == '[') {
            bool object = *p == '{';
            if (level == depth) {
                *fault =
                    (struct json_fault){.at = p, .reason = "nested too deeply", .too_deep = true};
                return NULL;
            }
            level++;
            objects = objects << 1 | object;
            p = json_skip_space(p + 1, end);
            if (p < end && *p == (object ? '}' : ']'))
                goto close;
            if (object && (p = scan_name(p, end, fault)) == NULL)
                return NULL;
            continue;
        }
        p = scan_scalar(p, end, fault);
        if (p == NULL || level == 0)
            return p;
        for (;;) {
            p = json_skip_space(p, end);
            if (p == end)
                return fail(fault, p,
                            objects & 1 ? "the object does not end" : "the array does not end");
            if (*p == ',')
                break;
            if (*p != ((objects & 1) != 0 ? '}' : ']'))
                return fail(fault, p, objects & 1 ? "expected ',' or '}'" : "expected ',' or ']'");
        close:
            p++;
            objects >>= 1;
            if (--level == 0)
                return p;
        }
        p = json_skip_space(p + 1, end);
        if ((objects & 1) != 0 && (p = scan_name(p, end, fault)) == NULL)
            return NULL;
    }
}

size_t json_decode(const struct json_string *string, unsigned char *out, size_t size)
{
    const unsigned char *p = string->start;
    unsigned char bytes[UTF8_MAX];
    struct json_fault fault;
    size_t len = 0;

    while (p < string->end) {
        const unsigned char *from = p;
        size_t width;
        if (*p == '\\') {
            uint32_t code = 0;
            p = scan_escape(p + 1, string->end, &code, &fault);
            if (p == NULL)
                return SIZE_MAX;
            width = utf8_put(bytes, code);
            from = bytes;
        } else {
            p = memchr(p, '\\', (size_t)(string->end - p));
            p = p != NULL ? p : string->end;
            width = (size_t)(p - from);
        }
        if (width > size - len)
            return SIZE_MAX;
        memcpy(out + len, from, width);
        len += width;
    }
    return len;
}
