#include "common/json_scan.h"

#include <string.h>

#include "common/json_escape.h"
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

#define HEX(value) (JSON_HEX_DIGIT + (value))
const unsigned char json_hex_digits[256] = {
    ['0'] = HEX(0),  ['1'] = HEX(1),  ['2'] = HEX(2),  ['3'] = HEX(3),  ['4'] = HEX(4),
    ['5'] = HEX(5),  ['6'] = HEX(6),  ['7'] = HEX(7),  ['8'] = HEX(8),  ['9'] = HEX(9),
    ['a'] = HEX(10), ['b'] = HEX(11), ['c'] = HEX(12), ['d'] = HEX(13), ['e'] = HEX(14),
    ['f'] = HEX(15), ['A'] = HEX(10), ['B'] = HEX(11), ['C'] = HEX(12), ['D'] = HEX(13),
    ['E'] = HEX(14), ['F'] = HEX(15),
};
#undef HEX

const unsigned char json_escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* Of what json_read_escape() refused: what is wrong, and where. */
static const unsigned char *fail_escape(struct json_fault *fault, const unsigned char *p,
                                        const unsigned char *end)
{
    if (p == end)
        return fail(fault, p, "the string does not end");
    if (*p != 'u')
        return fail(fault, p, "unknown escape in a string");
    do
        p++;
    while (p < end && json_hex_digits[*p] != 0);
    return fail(fault, p, "\\u needs four hex digits");
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
            const unsigned char *letter = p + 1;
            escaped = true;
            p = json_read_escape(letter, end, &code);
            if (p == NULL)
                return fail_escape(fault, letter, end);
            if (code == 0 || json_is_surrogate(code))
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
    size_t len = 0;

    while (p < string->end) {
        const unsigned char *from = p;
        size_t width;
        if (*p == '\\') {
            uint32_t code = 0;
            p = json_read_escape(p + 1, string->end, &code);
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
