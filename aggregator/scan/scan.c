#include "aggregator/scan/scan.h"

#include <stdbool.h>
#include <string.h>

#include "common/json_scan.h"
#include "common/utf8.h"

#define MISSING_ADVICE                                                                             \
    "name the field with --key or --value, mend the line, or tolerate some with --max-bad"

struct line {
    const struct scan_rules *rules;
    const unsigned char *start, *end;
    struct scan_result *ret;
    bool has_key, has_value;
};

/* At least two NUL bytes at p: what a block that was never written reads as. */
static size_t count_zeros(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *start = p;

    while (p < end && *p == '\0')
        p++;
    return p - start > 1 ? (size_t)(p - start) : 0;
}

/*
 * Returns NULL, which ends both the readers of a part (no next byte) and the tests (false). NUL
 * bytes are told as such, after what may be left of a character too.
 */
static const unsigned char *bad_as(const struct line *line, const unsigned char *at,
                                   const char *reason, const char *advice)
{
    const unsigned char *p = at;

    while (p < line->end && *p >= 0x80 && p - at < UTF8_MAX - 1)
        p++;
    line->ret->zeros = count_zeros(p, line->end);
    if (line->ret->zeros > 0) {
        at = p;
        reason = "NUL bytes, as of a block that was never written";
        advice = "cut them out with tr -d '\\000', and see what was lost before them";
    }
    line->ret->column = (size_t)(at - line->start) + 1;
    line->ret->reason = reason;
    line->ret->advice = advice;
    return NULL;
}

static const unsigned char *bad(const struct line *line, const unsigned char *at,
                                const char *reason)
{
    return bad_as(line, at, reason, NULL);
}

static bool name_is(const struct json_string *name, const char *wanted, size_t len)
{
    unsigned char decoded[SCAN_FIELD_NAME_LIMIT];
    size_t raw = (size_t)(name->end - name->start);

    if (!name->escaped)
        return raw == len && memcmp(name->start, wanted, len) == 0;
    return name->text && json_decode(name, decoded, sizeof decoded) == len &&
           memcmp(decoded, wanted, len) == 0;
}

static const unsigned char *take_key(struct line *line, const unsigned char *p)
{
    struct json_string string;
    struct json_fault fault;
    struct scan_result *ret = line->ret;
    const unsigned char *start = p;

    if (p == line->end || *p != '"') {
        bool lost = p < line->end && (*p == '-' || *p == '{' || (*p >= '0' && *p <= '9'));
        p = json_scan_value(p, line->end, JSON_DEPTH_MAX - 1, &fault);
        return p == NULL ? bad(line, fault.at, fault.reason)
                         : bad_as(line, start, "the key is not a string",
                                  lost ? "write it as a string" : NULL);
    }
    p = json_scan_string(p, line->end, &string, &fault);
    if (p == NULL)
        return bad(line, fault.at, fault.reason);
    if (line->has_key)
        return bad(line, start, "the key appears twice");
    line->has_key = true;
    ret->key = string.start;
    ret->key_len = (size_t)(string.end - string.start);
    if (!string.text)
        return bad(line, start, "the key holds U+0000 or a lone surrogate");
    if (string.escaped) {
        ret->key = ret->unescaped;
        ret->key_len = json_decode(&string, ret->unescaped, line->rules->max_key);
    }
    if (ret->key_len == 0)
        return bad(line, start, "the key is empty");
    if (ret->key_len > line->rules->max_key)
        return bad_as(line, start, "the key is longer than --max-key",
                      "raise --max-key, 2600 at most");
    return p;
}

/* Whether a number with a fraction or an exponent may still be a whole one. */
static bool may_be_whole(const unsigned char *p, const unsigned char *end)
{
    while (p < end && *p != '.' && *p != 'e' && *p != 'E')
        p++;
    for (p += p < end && *p == '.'; p < end && *p == '0'; p++)
        ;
    return p == end || *p == 'e' || *p == 'E';
}

static const unsigned char *take_value(struct line *line, const unsigned char *p)
{
    struct json_fault fault;
    const unsigned char *start = p, *after;
    bool integer = false;
    int64_t value = 0;

    bool number = p < line->end && (*p == '-' || (*p >= '0' && *p <= '9'));
    after = number ? json_scan_number(p, line->end, &integer, &fault)
                   : json_scan_value(p, line->end, JSON_DEPTH_MAX - 1, &fault);
    if (after == NULL)
        return bad(line, fault.at, fault.reason);
    if (line->has_value)
        return bad(line, start, "the value appears twice");
    line->has_value = true;
    if (!number)
        return bad_as(line, start, "the value is not a number",
                      *start == '"' || *start == '{' ? "write it as a number" : NULL);
    if (!integer)
        return bad_as(line, start, "the value is not a whole number",
                      may_be_whole(start, after) ? "write it without fraction and exponent" : NULL);
    for (p += *p == '-'; p < after; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return bad(line, start, "the value is not in 0..9223372036854775807");
    if (*start == '-' && value != 0)
        return bad(line, start, "the value is negative");
    line->ret->value = value;
    return after;
}

/* One "name": value; returns the byte after the value. */
static const unsigned char *take_member(struct line *line, const unsigned char *p)
{
    const struct scan_rules *rules = line->rules;
    struct json_string name;
    struct json_fault fault;

    if (p == line->end || *p != '"')
        return bad(line, p, "expected a field name");
    p = json_scan_string(p, line->end, &name, &fault);
    if (p == NULL)
        return bad(line, fault.at, fault.reason);
    p = json_skip_space(p, line->end);
    if (p == line->end || *p != ':')
        return bad(line, p, "expected ':'");
    p = json_skip_space(p + 1, line->end);

    if (name_is(&name, rules->key, rules->key_len))
        return take_key(line, p);
    if (name_is(&name, rules->value, rules->value_len))
        return take_value(line, p);
    p = json_scan_value(p, line->end, JSON_DEPTH_MAX - 1, &fault);
    return p != NULL ? p : bad(line, fault.at, fault.reason);
}

/* p is after the opening brace. */
static bool take_members(struct line *line, const unsigned char *p)
{
    p = json_skip_space(p, line->end);
    if (p == line->end || *p != '}') {
        for (;;) {
            p = take_member(line, p);
            if (p == NULL)
                return false;
            p = json_skip_space(p, line->end);
            if (p == line->end)
                return bad(line, p, "the object does not end");
            if (*p == '}')
                break;
            if (*p != ',')
                return bad(line, p, "expected ',' or '}'");
            p = json_skip_space(p + 1, line->end);
        }
    }
    const unsigned char *closed = p;
    p = json_skip_space(p + 1, line->end);
    if (p < line->end)
        return bad_as(line, p, "there is more after the object",
                      "put every object on a line of its own, with nothing after it");
    if (!line->has_key)
        return bad_as(line, closed, "the key is missing", MISSING_ADVICE);
    if (!line->has_value)
        return bad_as(line, closed, "the value is missing", MISSING_ADVICE);
    return true;
}

size_t scan_byte_order_mark(const unsigned char *bytes, size_t len)
{
    return len >= 3 && bytes[0] == 0xef && bytes[1] == 0xbb && bytes[2] == 0xbf ? 3 : 0;
}

static const unsigned char *bad_start(const struct line *line, const unsigned char *p)
{
    if (scan_byte_order_mark(p, (size_t)(line->end - p)) > 0)
        return bad_as(line, p, "a byte order mark is not JSON",
                      "cut it out: only the first in a file is skipped");
    return bad_as(line, p, "expected an object",
                  *p == '[' ? "put every object in it on a line of its own: jq -c '.[]'" : NULL);
}

/* The first `skipped` bytes count, but are not looked at. */
static enum scan_kind scan_after(const struct scan_rules *rules, const unsigned char *line,
                                 size_t skipped, size_t len, struct scan_result *ret)
{
    struct line at = {.rules = rules, .start = line, .end = line + len, .ret = ret};

    if (len > 0 && line[len - 1] == '\r')
        at.end--;
    if ((size_t)(at.end - line) > rules->max_line) {
        const unsigned char *zero = memmem(line, rules->max_line, "\0\0", 2);
        (void)bad_as(&at, zero != NULL ? zero : line + rules->max_line,
                     "the line is longer than --max-line", "raise --max-line");
        return SCAN_BAD;
    }
    const unsigned char *p = json_skip_space(line + skipped, at.end);
    if (p == at.end)
        return SCAN_BLANK;
    if (*p == '{')
        return take_members(&at, p + 1) ? SCAN_EVENT : SCAN_BAD;
    (void)bad_start(&at, p);
    return SCAN_BAD;
}

enum scan_kind scan_line(const struct scan_rules *rules, const unsigned char *line, size_t len,
                         struct scan_result *ret)
{
    return scan_after(rules, line, 0, len, ret);
}

enum scan_kind scan_first_line(const struct scan_rules *rules, const unsigned char *line,
                               size_t len, struct scan_result *ret)
{
    return scan_after(rules, line, scan_byte_order_mark(line, len), len, ret);
}
