#include "aggregator/totals/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_scan.h"
#include "common/utf8.h"

enum { REASON_MAX = 192, MARK_LEN = 3, LOOKED_AT = 16 };

struct place {
    uint64_t line, column; /* from 1 */
};

struct objects {
    const struct scan_rules *rules;
    struct bad_lines *bad;
    struct tally *tally;

    const struct slice *slice;
    event_sink *sink;
    void *context;
    uint64_t offset; /* of the slice in its file */

    uint64_t line, line_start; /* its number, and the offset of its first byte */
    bool line_filled;          /* it holds an object, or a part of one */
    unsigned mark;             /* bytes of a byte order mark that were passed */
    struct place start;        /* of the object that is read */
    uint64_t last_line;        /* where the last object ended */
    bool last_uncounted;       /* it was an event, alone on its line so far */

    /* An object that does not end in the slice it began in. */
    bool inside, in_string, escaped, too_long;
    size_t depth;
    unsigned char *carry;
    size_t carry_cap, carry_len; /* all its bytes are counted, no more than cap are kept */
};

struct objects *objects_new(const struct scan_rules *rules, struct bad_lines *bad,
                            struct tally *tally)
{
    struct objects *objects = calloc(1, sizeof *objects);
    if (objects == NULL)
        return NULL;
    objects->rules = rules;
    objects->bad = bad;
    objects->tally = tally;
    objects->carry_cap = rules->max_line + BAD_LINE_END_MAX;
    objects->carry = malloc(objects->carry_cap);
    if (objects->carry == NULL) {
        objects_free(objects);
        return NULL;
    }
    return objects;
}

void objects_free(struct objects *objects)
{
    if (objects == NULL)
        return;
    free(objects->carry);
    free(objects);
}

/* Places in the input. */

static struct place place_of(const struct objects *o, const unsigned char *p)
{
    uint64_t offset = o->offset + (uint64_t)(p - o->slice->data);
    return (struct place){.line = o->line, .column = offset - o->line_start + 1};
}

/* Of the object's n-th byte. */
static struct place place_in(const struct objects *o, const unsigned char *text, size_t n)
{
    struct place place = {.line = o->start.line, .column = o->start.column + n};

    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n')
            place = (struct place){.line = place.line + 1, .column = n - i};
    return place;
}

static void begin_line(struct objects *o, const unsigned char *newline)
{
    o->line++;
    o->line_start = o->offset + (uint64_t)(newline + 1 - o->slice->data);
}

static void pass_lines(struct objects *o, const unsigned char *p, const unsigned char *end)
{
    while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL)
        begin_line(o, p++);
}

/* What was found. */

/* The object is bad at `at`; kept of its len bytes are at text. */
static bool add_bad(struct objects *o, struct scan_result *found, const struct place *at,
                    struct bad_line *line, struct err *err)
{
    char reason[REASON_MAX];

    o->tally->lines++;
    o->tally->bad++;
    if (at->line != o->start.line || at->column != o->start.column) {
        (void)snprintf(reason, sizeof reason, "%s, at line %llu, column %llu", found->reason,
                       (unsigned long long)at->line, (unsigned long long)at->column);
        found->reason = reason;
    }
    found->column = (size_t)o->start.column;
    found->zeros = 0;
    line->file = o->slice->name;
    line->number = o->start.line;
    line->found = found;
    return bad_lines_add(o->bad, line, err);
}

/* The JSON itself is broken at `at`, which is in the text or at its end. */
static bool broken(struct objects *o, const unsigned char *text, size_t len,
                   const unsigned char *at, const char *reason, struct err *err)
{
    struct scan_result found;

    scan_fault(text, text + len, at, reason, &found);
    size_t good = found.column - 1;
    struct place place = place_in(o, text, good);
    struct bad_line line = {.bytes = text, .kept = good, .len = good, .last = true};
    return add_bad(o, &found, &place, &line, err);
}

/* An object ends on the current line. Events that share theirs with another object are counted. */
static void end_object(struct objects *o, bool event)
{
    bool follows = o->start.line == o->last_line;
    bool alone = !follows && o->start.line == o->line;

    o->tally->concatenated += follows && o->last_uncounted;
    o->tally->concatenated += event && !alone;
    o->last_uncounted = event && alone;
    o->last_line = o->line;
}

/* A whole object, no longer than --max-line; o->line is where it ends. */
static bool take_object(struct objects *o, const unsigned char *text, size_t len, struct err *err)
{
    struct scan_result found;
    struct event event;

    enum scan_kind kind = scan_line(o->rules, text, len, &found);
    end_object(o, kind == SCAN_EVENT);
    if (kind == SCAN_BAD) {
        struct place place = place_in(o, text, found.column - 1);
        struct bad_line line = {.bytes = text, .kept = len, .len = len};
        return add_bad(o, &found, &place, &line, err);
    }
    o->tally->lines++;
    if (kind != SCAN_EVENT) {
        o->tally->skipped++;
        return true;
    }
    tally_used(o->tally, found.used);
    event_set(&event, found.key, found.key_len, found.value);
    return o->sink(o->context, &event, 1, err);
}

/* Objects that go on in the next slice. */

static size_t carry_kept(const struct objects *o)
{
    return o->carry_len < o->carry_cap ? o->carry_len : o->carry_cap;
}

static void carry_add(struct objects *o, const unsigned char *bytes, size_t len)
{
    const size_t kept = carry_kept(o), room = o->carry_cap - kept;

    memcpy(o->carry + kept, bytes, len < room ? len : room);
    o->carry_len += len;
}

/* A text that was cut may be whole but for its last character. */
static bool is_cut(const struct json_fault *fault, const unsigned char *limit)
{
    return limit - fault->at < UTF8_MAX;
}

/*
 * Whether the JSON in the carry is broken for sure. Levels that are too many and a length beyond
 * --max-line are not such a fault: then the object is only bad.
 */
static bool find_fault(const struct objects *o, struct json_fault *ret)
{
    const size_t len = o->carry_len, max = o->rules->max_line;
    const unsigned char *limit = o->carry + (len < max ? len : max);

    *ret = (struct json_fault){.at = limit};
    return json_scan_value(o->carry, limit, JSON_DEPTH_MAX, ret) == NULL && !ret->too_deep &&
           (len <= max || !is_cut(ret, limit));
}

static bool carry_broken(struct objects *o, const struct json_fault *fault, struct err *err)
{
    return broken(o, o->carry, carry_kept(o), fault->at, fault->reason, err);
}

/* The object in the carry is whole. */
static bool end_carry(struct objects *o, struct err *err)
{
    const size_t len = o->carry_len;
    struct json_fault fault;

    o->inside = false;
    if (find_fault(o, &fault))
        return carry_broken(o, &fault, err);
    if (!fault.too_deep && len <= o->rules->max_line)
        return take_object(o, o->carry, len, err);
    struct scan_result found = {.reason = fault.reason};
    struct place place = o->start;
    if (fault.too_deep) {
        place = place_in(o, o->carry, (size_t)(fault.at - o->carry));
    } else {
        found.reason = "the object is longer than --max-line";
        found.advice = "raise --max-line";
    }
    struct bad_line line = {.bytes = o->carry, .kept = carry_kept(o), .len = len};
    end_object(o, false);
    return add_bad(o, &found, &place, &line, err);
}

/* To the byte after the object's last brace, after what no object holds (*ret_stop), or to end. */
static const unsigned char *skim(struct objects *o, const unsigned char *p,
                                 const unsigned char *end, const unsigned char **ret_stop)
{
    static const char between[] = "\t\n\r +,-.0123456789:E[]aeflnrstu{}\"";

    for (; p < end; p++) {
        if (o->escaped) {
            o->escaped = false;
        } else if (o->in_string) {
            o->in_string = *p != '"';
            o->escaped = *p == '\\';
        } else if (memchr(between, *p, sizeof between - 1) != NULL) {
            o->in_string = *p == '"';
            o->depth += *p == '{' || *p == '[';
            o->depth -= *p == '}' || *p == ']';
            if (o->depth == 0)
                return p + 1;
            continue;
        } else {
            break;
        }
        if (*p < ' ')
            break;
    }
    if (p == end)
        return end;
    *ret_stop = p;
    return p + 1;
}

/* It cannot go on at `stop`: the scanner says why, unless that is beyond what is kept. */
static bool stop_at(struct objects *o, const unsigned char *stop, const char *reason,
                    struct err *err)
{
    struct json_fault fault;

    if (find_fault(o, &fault))
        return carry_broken(o, &fault, err);
    struct place place = place_of(o, stop);
    struct scan_result found = {.reason = reason};
    struct bad_line line = {
        .bytes = o->carry, .kept = carry_kept(o), .len = o->carry_len, .last = true};
    return add_bad(o, &found, &place, &line, err);
}

/* On in the object, which began in an earlier slice or does not end in this one. */
static bool go_on(struct objects *o, const unsigned char **at, const unsigned char *end,
                  struct err *err)
{
    const unsigned char *p = *at, *stop = NULL;
    struct json_fault fault;

    *at = skim(o, p, end, &stop);
    carry_add(o, p, (size_t)(*at - p));
    pass_lines(o, p, stop != NULL ? stop : *at);
    if (stop != NULL)
        return stop_at(o, stop, "the object is broken", err);
    if (o->depth == 0)
        return end_carry(o, err);
    if (o->too_long || o->carry_len <= o->rules->max_line)
        return true;
    o->too_long = true; /* it need not be read on if it is broken anyway */
    return !find_fault(o, &fault) || carry_broken(o, &fault, err);
}

/* From object to object. */

/* A file begins with a part of a byte order mark. */
static bool is_torn(const struct objects *o)
{
    return o->mark > 0 && o->mark < MARK_LEN;
}

static bool no_object(struct objects *o, const unsigned char *p, size_t len, struct err *err)
{
    struct scan_result found = {.reason = "expected an object"};
    struct bad_line line = {.bytes = p, .last = true};

    if (is_torn(o))
        o->start = (struct place){.line = 1, .column = 1};
    else
        (void)scan_line(o->rules, p, len < LOOKED_AT ? len : LOOKED_AT, &found);
    return add_bad(o, &found, &o->start, &line, err);
}

/* p is at the first byte that is not white space. */
static bool begin(struct objects *o, const unsigned char **at, const unsigned char *end,
                  struct err *err)
{
    const unsigned char *p = *at, *limit = end;
    struct json_fault fault;

    o->start = place_of(o, p);
    o->line_filled = true;
    if (*p != '{' || is_torn(o))
        return no_object(o, p, (size_t)(end - p), err);
    if ((size_t)(end - p) > o->rules->max_line)
        limit = p + o->rules->max_line;
    const unsigned char *after = json_scan_value(p, limit, JSON_DEPTH_MAX, &fault);
    if (after != NULL) {
        pass_lines(o, p, after);
        *at = after;
        return take_object(o, p, (size_t)(after - p), err);
    }
    if (!fault.too_deep && !is_cut(&fault, limit))
        return broken(o, p, (size_t)(limit - p), fault.at, fault.reason, err);
    o->inside = true;
    o->in_string = o->escaped = o->too_long = false;
    o->depth = o->carry_len = 0;
    return true;
}

/* White space, and the lines in it. */
static const unsigned char *pass_space(struct objects *o, const unsigned char *p,
                                       const unsigned char *end)
{
    static const unsigned char mark[MARK_LEN] = {0xef, 0xbb, 0xbf};

    while (p < end && o->mark < MARK_LEN && o->offset + (uint64_t)(p - o->slice->data) == o->mark &&
           *p == mark[o->mark]) {
        o->mark++;
        p++;
    }
    for (; p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'); p++) {
        if (*p != '\n')
            continue;
        o->tally->lines += !o->line_filled;
        o->tally->blank += !o->line_filled;
        o->line_filled = false;
        begin_line(o, p);
    }
    return p;
}

static bool end_file(struct objects *o, struct err *err)
{
    if (o->inside)
        return stop_at(o, o->slice->data + o->slice->len, "the object does not end", err);
    if (is_torn(o))
        return no_object(o, o->slice->data, 0, err);
    bool blank = !o->line_filled && o->offset + o->slice->len > o->line_start;
    o->tally->lines += blank;
    o->tally->blank += blank;
    return true;
}

bool objects_take(struct objects *o, const struct slice *slice, event_sink *sink, void *context,
                  struct err *err)
{
    const unsigned char *p = slice->data, *end = p + slice->len;

    o->slice = slice;
    o->sink = sink;
    o->context = context;
    if (slice->first) {
        o->offset = o->line_start = o->last_line = 0;
        o->line = 1;
        o->mark = 0;
        o->line_filled = o->inside = o->last_uncounted = false;
    }
    while (p < end) {
        if (!o->inside)
            p = pass_space(o, p, end);
        if (p < end && !(o->inside ? go_on : begin)(o, &p, end, err))
            return false;
    }
    bool done = !slice->last || end_file(o, err);
    o->offset += slice->len;
    return done;
}
