#include "aggregator/scan/scan.h"

#include <stdbool.h>
#include <string.h>

#include "common/json_scan.h"
#include "common/utf8.h"

#define SKIP_ADVICE    "--skip-missing passes over events without it, --max-bad tolerates some"
#define MISSING_ADVICE "name the field with --key or --value, /a/b for b within a; " SKIP_ADVICE

#define OUT_OF_RANGE "the value is not in 0..9223372036854775807"
#define LONG_KEY     "the key is longer than --max-key", "raise --max-key, 2600 at most"

struct line {
    const struct scan_rules *rules;
    const unsigned char *start, *end;
    struct scan_result *ret;
    bool has_key, has_value;
    bool skipped;                    /* one of them is null, and may be */
    uint64_t key_steps, value_steps; /* of the pointers: a bit each that was met */
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
 * Notes the fault. Returns NULL: "no next byte" for functions that read a part, false for those
 * that test one. NUL bytes get a reason of their own, also after an incomplete character.
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

/* Whether the value is null and --skip-missing allows that. */
static bool is_skipped(const struct line *line, const unsigned char *value)
{
    return *value == 'n' && line->rules->skip_missing;
}

/* A key that is not a string: p to after is a valid value. */
static const unsigned char *take_other_key(struct line *line, const unsigned char *p,
                                           const unsigned char *after)
{
    const struct scan_rules *rules = line->rules;
    struct scan_result *ret = line->ret;
    struct shape shape;
    bool whole = shape_read(p, after, &shape);
    unsigned needs = ACCEPT_NUMBER_KEYS | shape.needs;

    line->skipped = line->skipped || is_skipped(line, p);
    if (!is_skipped(line, p) && (!whole || (needs & ~rules->accept) != 0))
        return bad_as(line, p,
                      rules->accept & ACCEPT_NUMBER_KEYS
                          ? "the key is neither a string nor a whole number"
                          : "the key is not a string",
                      whole       ? accept_advice(needs)
                      : *p == 'n' ? SKIP_ADVICE
                                  : NULL);
    if (line->has_key)
        return bad(line, p, "the key appears twice");
    line->has_key = true;
    if (is_skipped(line, p))
        return after;
    ret->used |= needs;
    ret->key = ret->unescaped;
    ret->key_len = decimal_text(&shape.number, ret->unescaped, rules->max_key);
    if (ret->key_len > rules->max_key)
        return bad_as(line, p, LONG_KEY);
    if (shape.needs == 0 && ret->key_len == (size_t)(after - p))
        ret->key = p; /* which stays, where `unescaped` does not */
    return after;
}

static const unsigned char *take_key(struct line *line, const unsigned char *p, unsigned depth)
{
    struct json_string string;
    struct json_fault fault;
    struct scan_result *ret = line->ret;
    const unsigned char *start = p;

    if (p == line->end || *p != '"') {
        p = json_scan_value(p, line->end, depth, &fault);
        return p == NULL ? bad(line, fault.at, fault.reason) : take_other_key(line, start, p);
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
        return bad_as(line, start, LONG_KEY);
    return p;
}

/* A value that is not a plain integer: p to after is valid, a number with a fraction or an exponent
 * where `number` says so. */
static const unsigned char *take_other_value(struct line *line, const unsigned char *p,
                                             const unsigned char *after, bool number)
{
    struct shape shape;
    int64_t value = 0;

    if (is_skipped(line, p)) {
        line->skipped = true;
        return after;
    }
    bool whole = shape_read(p, after, &shape);
    bool fits = whole && decimal_value(&shape.number, &value);
    if (!whole || (shape.needs & ~line->rules->accept) != 0)
        return bad_as(line, p,
                      number ? "the value is not a whole number" : "the value is not a number",
                      fits                     ? accept_advice(shape.needs)
                      : *p == 'n'              ? SKIP_ADVICE
                      : *p == '"' || *p == '{' ? "write it as a number"
                                               : NULL);
    if (!fits)
        return bad(line, p, shape.number.negative ? "the value is negative" : OUT_OF_RANGE);
    line->ret->used |= shape.needs;
    line->ret->value = value;
    return after;
}

static const unsigned char *take_value(struct line *line, const unsigned char *p, unsigned depth)
{
    struct json_fault fault;
    const unsigned char *start = p, *after;
    bool integer = false;
    int64_t value = 0;

    bool number = p < line->end && (*p == '-' || (*p >= '0' && *p <= '9'));
    after = number ? json_scan_number(p, line->end, &integer, &fault)
                   : json_scan_value(p, line->end, depth, &fault);
    if (after == NULL)
        return bad(line, fault.at, fault.reason);
    if (line->has_value)
        return bad(line, start, "the value appears twice");
    line->has_value = true;
    if (!integer)
        return take_other_value(line, start, after, number);
    for (p += *p == '-'; p < after; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *p - '0', &value))
            return bad(line, start, OUT_OF_RANGE);
    if (*start == '-' && value != 0)
        return bad(line, start, "the value is negative");
    line->ret->value = value;
    return after;
}

/* Which fields an object may hold, and how many steps of their pointers lead to it. */
struct within {
    bool key, value;
    size_t level;
};

static bool is_own(const struct field *field)
{
    return field == NULL || field->count == 1;
}

/* Whether the name is the next step to a field; *ret_last: to its own name. */
static bool is_step(const struct json_string *name, const struct within *at,
                    const struct field *field, const char *own, size_t own_len, bool *ret_last)
{
    *ret_last = field == NULL || at->level + 1 == field->count;
    return *ret_last ? name_is(name, own, own_len)
                     : name_is(name, field->step[at->level].name, field->step[at->level].len);
}

static const unsigned char *take_object(struct line *line, const unsigned char *p,
                                        const struct within *at);

/* What a step of a pointer holds: an object to go on in, or null. */
static const unsigned char *take_step(struct line *line, const unsigned char *p,
                                      const struct within *into, unsigned depth)
{
    const uint64_t bit = UINT64_C(1) << (into->level - 1);
    const uint64_t key = into->key ? bit : 0, value = into->value ? bit : 0;
    const unsigned char *start = p;
    struct json_fault fault;

    if (p < line->end && *p == '{') {
        if (((line->key_steps & key) | (line->value_steps & value)) == 0) {
            line->key_steps |= key;
            line->value_steps |= value;
            return take_object(line, p + 1, into);
        }
    }
    p = json_scan_value(p, line->end, depth, &fault);
    if (p == NULL)
        return bad(line, fault.at, fault.reason);
    if ((line->key_steps & key) != 0)
        return bad(line, start, "a step to the key appears twice");
    if ((line->value_steps & value) != 0)
        return bad(line, start, "a step to the value appears twice");
    line->key_steps |= key;
    line->value_steps |= value;
    if (*start == 'n')
        return p;
    return bad_as(line, start,
                  into->key ? "a step to the key is not an object"
                            : "a step to the value is not an object",
                  *start == '[' ? "no pointer leads into an array: make a line of each element "
                                  "first, with jq"
                                : NULL);
}

/* One "name": value; returns the byte after the value. */
static const unsigned char *take_member(struct line *line, const unsigned char *p,
                                        const struct within *at)
{
    const struct scan_rules *rules = line->rules;
    const unsigned depth = JSON_DEPTH_MAX - 1 - (unsigned)at->level;
    struct json_string name;
    struct json_fault fault;
    bool last;

    if (p == line->end || *p != '"')
        return bad(line, p, "expected a field name");
    p = json_scan_string(p, line->end, &name, &fault);
    if (p == NULL)
        return bad(line, fault.at, fault.reason);
    p = json_skip_space(p, line->end);
    if (p == line->end || *p != ':')
        return bad(line, p, "expected ':'");
    p = json_skip_space(p + 1, line->end);

    struct within into = {.level = at->level + 1};
    if (at->key && is_step(&name, at, rules->key_field, rules->key, rules->key_len, &last)) {
        if (last)
            return take_key(line, p, depth);
        into.key = true;
    }
    if (at->value &&
        is_step(&name, at, rules->value_field, rules->value, rules->value_len, &last)) {
        if (last)
            return take_value(line, p, depth);
        into.value = true;
    }
    if (into.key || into.value)
        return take_step(line, p, &into, depth);
    p = json_scan_value(p, line->end, depth, &fault);
    return p != NULL ? p : bad(line, fault.at, fault.reason);
}

/* p is after the opening brace; returns the byte after the closing one. */
static const unsigned char *take_object(struct line *line, const unsigned char *p,
                                        const struct within *at)
{
    p = json_skip_space(p, line->end);
    if (p < line->end && *p == '}')
        return p + 1;
    for (;;) {
        p = take_member(line, p, at);
        if (p == NULL)
            return NULL;
        p = json_skip_space(p, line->end);
        if (p == line->end)
            return bad(line, p, "the object does not end");
        if (*p == '}')
            return p + 1;
        if (*p != ',')
            return bad(line, p, "expected ',' or '}'");
        p = json_skip_space(p + 1, line->end);
    }
}

/* p is after the opening brace of the line's object. */
static enum scan_kind take_event(struct line *line, const unsigned char *p)
{
    static const struct within outer = {.key = true, .value = true};
    const struct scan_rules *rules = line->rules;

    const unsigned char *closed = take_object(line, p, &outer);
    if (closed == NULL)
        return SCAN_BAD;
    p = json_skip_space(closed, line->end);
    if (p < line->end) {
        (void)bad_as(line, p, "there is more after the object",
                     *p == '{' ? "put every object on a line of its own, with nothing after it, or "
                                 "--accept concatenated takes them"
                               : "put every object on a line of its own, with nothing after it");
        return SCAN_BAD;
    }
    if (line->has_key && line->has_value && !line->skipped) {
        line->ret->flat =
            line->ret->used == 0 && is_own(rules->key_field) && is_own(rules->value_field);
        return SCAN_EVENT;
    }
    if (rules->skip_missing)
        return SCAN_SKIPPED;
    (void)bad_as(line, closed - 1, line->has_key ? "the value is missing" : "the key is missing",
                 MISSING_ADVICE);
    return SCAN_BAD;
}

const char *scan_key_text(const struct scan_rules *rules)
{
    return rules->key_field != NULL ? rules->key_field->text : rules->key;
}

const char *scan_value_text(const struct scan_rules *rules)
{
    return rules->value_field != NULL ? rules->value_field->text : rules->value;
}

void scan_fault(const unsigned char *line, const unsigned char *end, const unsigned char *at,
                const char *reason, struct scan_result *ret)
{
    const struct line broken = {.start = line, .end = end, .ret = ret};
    (void)bad(&broken, at, reason);
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
    ret->used = 0;
    if (*p == '{')
        return take_event(&at, p + 1);
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
