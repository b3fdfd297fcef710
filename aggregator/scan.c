#include "aggregator/scan.h"

#include <stdbool.h>
#include <string.h>

#include "common/json_scan.h"

struct line {
    const struct scan_rules *rules;
    const unsigned char *start, *end;
    struct scan_result *ret;
    bool has_key, has_value;
};

/* Returns NULL, which ends both the readers of a part (no next byte) and the tests (false). */
static const unsigned char *bad(const struct line *line, const unsigned char *at,
                                const char *reason)
{
    line->ret->column = (size_t)(at - line->start) + 1;
    line->ret->reason = reason;
    return NULL;
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
        p = json_scan_value(p, line->end, JSON_DEPTH_MAX - 1, &fault);
        return p == NULL ? bad(line, fault.at, fault.reason)
                         : bad(line, start, "the key is not a string");
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
        return bad(line, start, "the key is longer than --max-key");
    return p;
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
        return bad(line, start, "the value is not a number");
    if (!integer)
        return bad(line, start, "the value is not a whole number");
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
        return bad(line, p, "there is more after the object");
    if (!line->has_key)
        return bad(line, closed, "the key is missing");
    if (!line->has_value)
        return bad(line, closed, "the value is missing");
    return true;
}

enum scan_kind scan_line(const struct scan_rules *rules, const unsigned char *line, size_t len,
                         struct scan_result *ret)
{
    static const unsigned char byte_order_mark[] = {0xef, 0xbb, 0xbf};
    struct line at = {.rules = rules, .start = line, .end = line + len, .ret = ret};

    if (len > 0 && line[len - 1] == '\r')
        at.end--;
    if ((size_t)(at.end - line) > rules->max_line) {
        ret->column = rules->max_line + 1;
        ret->reason = "the line is longer than --max-line";
        return SCAN_BAD;
    }
    const unsigned char *p = json_skip_space(line, at.end);
    if (p == at.end)
        return SCAN_BLANK;
    if (*p != '{') {
        bool marked = at.end - p >= 3 && memcmp(p, byte_order_mark, 3) == 0;
        (void)bad(&at, p, marked ? "a byte order mark is not JSON" : "expected an object");
        return SCAN_BAD;
    }
    return take_members(&at, p + 1) ? SCAN_EVENT : SCAN_BAD;
}
