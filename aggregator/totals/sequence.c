#include "aggregator/totals/sequence.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/read/format.h"
#include "aggregator/totals/objects.h"

enum { NAME_SHOWN = 512, BATCH_EVENTS = 256 };

struct sequence {
    const struct scan_rules *rules;
    struct bad_lines bad;
    struct objects *objects; /* in place of lines, where they are accepted; or NULL */

    struct tally tally;
    uint64_t bytes, line_number; /* line_number: lines of this file so far */

    /* The straddling line: its first bytes and its length so far. */
    unsigned char *carry;
    size_t carry_cap, carry_len;
    size_t zeros_beyond; /* NUL bytes that came right after those first bytes */

    struct input_digest *input_digest;
    char digest[DIGEST_TEXT], digest_in_order[DIGEST_TEXT];
};

/* Scanning slices. */

void slice_cut(struct slice *slice)
{
    const unsigned char *end = NULL;

    slice->line_ends = false;
    slice->head_len = 0;
    if (!slice->first) {
        end = memchr(slice->data, '\n', slice->len);
        slice->line_ends = end != NULL;
        slice->head_len = end != NULL ? (size_t)(end - slice->data) + 1 : slice->len;
    }
    end = memrchr(slice->data + slice->head_len, '\n', slice->len - slice->head_len);
    slice->tail_at = end != NULL ? (size_t)(end - slice->data) + 1 : slice->head_len;
    block_digest(slice->data, slice->len, slice->digest);
}

bool slice_check_format(const struct slice *slice, const struct scan_rules *rules, struct err *err)
{
    const struct format *format = slice->first ? format_of(slice->data, slice->len) : NULL;
    char shown[NAME_SHOWN];

    return format == NULL ||
           ((rules->accept & ACCEPT_CONCATENATED) != 0 && format_is_concatenated(format)) ||
           err_set(err, STATUS_INPUT, "%s:1:1: this is %s, not JSON Lines; %s; nothing was loaded",
                   err_quote(shown, sizeof shown, slice->name, strlen(slice->name)), format->name,
                   format->remedy);
}

struct batch {
    event_sink *sink;
    void *context;
    struct err *err;
    size_t count;
    struct event events[BATCH_EVENTS];
};

static bool batch_flush(struct batch *batch)
{
    size_t count = batch->count;
    batch->count = 0;
    return count == 0 || batch->sink(batch->context, batch->events, count, batch->err);
}

/* A key that is not in the slice itself does not stay. */
static bool batch_add(struct batch *batch, const struct scan_result *found)
{
    event_set(&batch->events[batch->count++], found->key, found->key_len, found->value);
    return (batch->count < BATCH_EVENTS && found->key != found->unescaped) || batch_flush(batch);
}

static enum scan_kind scan_one(const struct scan_rules *rules, bool opens,
                               const unsigned char *line, size_t len, struct scan_result *ret)
{
    return (opens ? scan_first_line : scan_line)(rules, line, len, ret);
}

static void count(struct tally *tally, enum scan_kind kind, const struct scan_result *found)
{
    tally->lines++;
    tally->blank += kind == SCAN_BLANK;
    tally->skipped += kind == SCAN_SKIPPED;
    tally->bad += kind == SCAN_BAD;
    if (kind == SCAN_EVENT)
        tally_used(tally, found->used);
}

void tally_add(struct tally *tally, const struct tally *more)
{
    tally->lines += more->lines;
    tally->blank += more->blank;
    tally->skipped += more->skipped;
    tally->bad += more->bad;
    tally->number_keys += more->number_keys;
    tally->text_numbers += more->text_numbers;
    tally->whole_floats += more->whole_floats;
    tally->extended_json += more->extended_json;
    tally->concatenated += more->concatenated;
}

/* The line at *at, by the scanner; *at is then the one after it. */
static bool scan_next(struct slice *slice, const struct scan_rules *rules, struct layout *layout,
                      struct batch *batch, const unsigned char **at)
{
    const unsigned char *line = *at, *text_end = slice->data + slice->tail_at;
    const unsigned char *line_end = memchr(line, '\n', (size_t)(text_end - line));
    size_t len = (size_t)(line_end - line);
    bool opens = slice->first && line == slice->data;
    struct scan_result found;

    *at = line_end + 1;
    enum scan_kind kind = scan_one(rules, opens, line, len, &found);
    count(&slice->inner, kind, &found);
    if (kind != SCAN_EVENT)
        return true;
    if (found.flat && !opens) /* it may hold a byte order mark */
        layout_learn(layout, rules, line, len);
    return batch_add(batch, &found);
}

bool slice_scan(struct slice *slice, const struct scan_rules *rules, struct layout *layout,
                event_sink *sink, void *context, struct err *err)
{
    layout_matcher *match = layout_variant(0);
    struct batch batch = {.sink = sink, .context = context, .err = err};
    struct layout_ranges ranges;
    unsigned missed;

    slice->inner = (struct tally){0};
    if ((rules->accept & ACCEPT_CONCATENATED) != 0)
        return true;
    layout_ranges_init(&ranges, slice->data + slice->head_len, slice->data + slice->tail_at);
    do {
        size_t matched = match(layout, rules, &ranges, slice->data + slice->len,
                               batch.events + batch.count, BATCH_EVENTS - batch.count, &missed);
        layout->hits += (uint32_t)matched;
        slice->inner.lines += matched;
        batch.count += matched;
        for (size_t i = 0; i < LAYOUT_RANGES; i++)
            if ((missed >> i & 1) != 0 && !scan_next(slice, rules, layout, &batch, &ranges.at[i]))
                return false;
        if (batch.count > BATCH_EVENTS - LAYOUT_RANGES && !batch_flush(&batch))
            return false;
    } while (layout_ranges_share(&ranges));
    return batch_flush(&batch);
}

/* Creation and release. */

struct sequence *sequence_new(const struct scan_rules *rules, const struct bad_line_policy *policy,
                              reject_sink *reject, void *reject_context)
{
    struct sequence *sequence = calloc(1, sizeof *sequence);
    if (sequence == NULL)
        return NULL;
    const bool concatenated = (rules->accept & ACCEPT_CONCATENATED) != 0;
    sequence->rules = rules;
    sequence->bad = (struct bad_lines){
        .rules = rules, .policy = *policy, .reject = reject, .reject_context = reject_context};
    sequence->carry_cap = rules->max_line + BAD_LINE_END_MAX;
    if (concatenated)
        sequence->objects = objects_new(rules, &sequence->bad, &sequence->tally);
    else
        sequence->carry = malloc(sequence->carry_cap);
    sequence->input_digest = input_digest_new();
    if ((concatenated ? sequence->objects == NULL : sequence->carry == NULL) ||
        sequence->input_digest == NULL) {
        sequence_free(sequence);
        return NULL;
    }
    return sequence;
}

void sequence_free(struct sequence *sequence)
{
    if (sequence == NULL)
        return;
    objects_free(sequence->objects);
    free(sequence->carry);
    input_digest_free(sequence->input_digest);
    free(sequence);
}

/* Bad lines. */

/* Finds the bad lines of a slice again, now that their numbers are known. */
static bool replay_bad_lines(struct sequence *sequence, const struct slice *slice, struct err *err)
{
    const unsigned char *at = slice->data + slice->head_len;
    const unsigned char *end = slice->data + slice->tail_at;
    uint64_t number = sequence->line_number;
    struct scan_result found;
    struct tally passed = {0};

    for (uint64_t left = slice->inner.bad; left > 0 && at < end;) {
        const unsigned char *line_end = memchr(at, '\n', (size_t)(end - at));
        size_t len = (size_t)(line_end - at);
        number++;
        enum scan_kind kind = scan_one(sequence->rules, number == 1, at, len, &found);
        count(&passed, kind, &found);
        if (kind == SCAN_BAD) {
            const struct bad_line line = {.file = slice->name,
                                          .number = number,
                                          .found = &found,
                                          .bytes = at,
                                          .kept = len,
                                          .len = len};
            left--;
            if (!bad_lines_add(&sequence->bad, &line, err)) {
                tally_add(&sequence->tally, &passed);
                return false;
            }
        }
        at = line_end + 1;
    }
    return true;
}

static bool take_inner(struct sequence *sequence, const struct slice *slice, struct err *err)
{
    const struct tally *inner = &slice->inner;
    struct bad_lines *bad = &sequence->bad;
    bool decisive = !bad->policy.is_percent && inner->bad + bad->count > bad->policy.lines;

    if (inner->bad > 0 && (decisive || bad->reject != NULL || bad->count == 0)) {
        if (!replay_bad_lines(sequence, slice, err))
            return false;
    } else {
        bad->count += inner->bad;
    }
    sequence->line_number += inner->lines;
    tally_add(&sequence->tally, inner);
    return true;
}

/* Straddling lines. */

static size_t carry_kept(const struct sequence *sequence)
{
    return sequence->carry_len < sequence->carry_cap ? sequence->carry_len : sequence->carry_cap;
}

/* Keeps only what a line that is too long needs to be seen as such, or as NUL bytes. */
static void carry_add(struct sequence *sequence, const unsigned char *bytes, size_t len)
{
    const size_t kept = carry_kept(sequence), room = sequence->carry_cap - kept;
    size_t taken = len < room ? len : room;

    memcpy(sequence->carry + kept, bytes, taken);
    bool zeros_go_on = sequence->carry_len + taken == sequence->carry_cap + sequence->zeros_beyond;
    for (; zeros_go_on && taken < len && bytes[taken] == '\0'; taken++)
        sequence->zeros_beyond++;
    sequence->carry_len += len;
}

static bool end_carry(struct sequence *sequence, const struct slice *slice, event_sink *sink,
                      void *context, struct err *err)
{
    struct scan_result found;
    struct event event;
    const size_t len = sequence->carry_len, kept = carry_kept(sequence);
    const size_t zeros_beyond = sequence->zeros_beyond;

    sequence->carry_len = sequence->zeros_beyond = 0;
    sequence->line_number++;
    /* A cut line may end in '\r' by chance, but it is then still longer than allowed. */
    enum scan_kind kind =
        scan_one(sequence->rules, sequence->line_number == 1, sequence->carry, kept, &found);
    count(&sequence->tally, kind, &found);
    if (kind == SCAN_EVENT) {
        event_set(&event, found.key, found.key_len, found.value);
        return sink(context, &event, 1, err);
    }
    if (kind != SCAN_BAD)
        return true;
    if (found.zeros > 0 && found.column - 1 + found.zeros == kept)
        found.zeros += zeros_beyond;
    const struct bad_line line = {.file = slice->name,
                                  .number = sequence->line_number,
                                  .found = &found,
                                  .bytes = sequence->carry,
                                  .kept = kept,
                                  .len = len};
    return bad_lines_add(&sequence->bad, &line, err);
}

static bool take_digest(struct sequence *sequence, const struct slice *slice)
{
    if (slice->len > 0) /* a stream may end in an empty block where a plain file does not */
        input_digest_add(sequence->input_digest, slice->digest);
    return !slice->last || input_digest_end_file(sequence->input_digest);
}

bool sequence_take(struct sequence *sequence, const struct slice *slice, event_sink *sink,
                   void *context, struct err *err)
{
    if (slice->first)
        sequence->line_number = sequence->carry_len = sequence->zeros_beyond = 0;
    sequence->bytes += slice->len;
    if (!take_digest(sequence, slice))
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (sequence->objects != NULL)
        return objects_take(sequence->objects, slice, sink, context, err);

    carry_add(sequence, slice->data, slice->head_len - slice->line_ends);
    if (slice->line_ends && !end_carry(sequence, slice, sink, context, err))
        return false;
    if (!take_inner(sequence, slice, err))
        return false;
    carry_add(sequence, slice->data + slice->tail_at, slice->len - slice->tail_at);
    if (slice->last && sequence->carry_len > 0)
        return end_carry(sequence, slice, sink, context, err);
    return true;
}

bool sequence_finish(struct sequence *sequence, struct err *err)
{
    const struct tally *tally = &sequence->tally;

    input_digest_finish(sequence->input_digest, sequence->digest, sequence->digest_in_order);
    return bad_lines_judge(&sequence->bad, tally->lines - tally->blank - tally->skipped, err);
}

const struct tally *sequence_tally(const struct sequence *sequence)
{
    return &sequence->tally;
}

uint64_t sequence_bytes(const struct sequence *sequence)
{
    return sequence->bytes;
}

const char *sequence_digest(const struct sequence *sequence)
{
    return sequence->digest;
}

const char *sequence_digest_in_order(const struct sequence *sequence)
{
    return sequence->digest_in_order;
}
