/*
 * Objects that do not have a line each, read from slices cut anywhere against the same in one; and
 * what is between the places that JSON itself gives.
 * Input: a byte for the rules, a byte for the cut, then the text.
 */
#include <string.h>

#include "aggregator/totals/sequence.h"
#include "common/json_scan.h"
#include "tests/fuzz/fuzz.h"

struct outcome {
    bool done;
    struct err err;
    struct tally tally;
    uint64_t events, sum, rejects, reject_sum;
};

static void mix(uint64_t *sum, const void *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) /* FNV-1a */
        *sum = (*sum ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
}

static bool add_events(void *context, const struct event *events, size_t count, struct err *err)
{
    struct outcome *outcome = context;
    (void)err;
    outcome->events += count;
    for (size_t i = 0; i < count; i++) {
        mix(&outcome->sum, event_key(&events[i]), events[i].key_len);
        mix(&outcome->sum, &events[i].value, sizeof events[i].value);
    }
    return true;
}

/* One line each, whatever they hold. */
static bool add_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    struct outcome *outcome = context;
    const char *newline = memchr(bytes, '\n', len);
    (void)err;
    HOLDS(newline == NULL || len == 1);
    outcome->rejects += newline != NULL;
    mix(&outcome->reject_sum, bytes, len);
    return true;
}

/* Slices of what is left by chance; 0: all in one. */
static void read_in_slices(const struct scan_rules *rules, const unsigned char *text, size_t len,
                           uint64_t chance, struct outcome *ret)
{
    static const struct bad_line_policy any = {.is_percent = true, .percent = 100};
    struct sequence *sequence = sequence_new(rules, &any, add_reject, ret);
    bool last = false;

    HOLDS(sequence != NULL);
    *ret = (struct outcome){.done = true};
    for (size_t at = 0; !last && ret->done;) {
        size_t left = len - at, take = left;
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        if (chance % 8 != 0 && chance != 1442695040888963407u && left > 0)
            take = 1 + (size_t)(chance >> 33) % (left < 64 ? left : 64);
        unsigned char *copy = malloc(take + 1);
        HOLDS(copy != NULL);
        memcpy(copy, text + at, take);
        last = take == left;
        struct slice slice = {
            .data = copy, .len = take, .name = "x", .first = at == 0, .last = last};
        slice_cut(&slice);
        ret->done = sequence_take(sequence, &slice, add_events, ret, &ret->err);
        at += take;
        free(copy);
    }
    ret->tally = *sequence_tally(sequence);
    HOLDS(ret->tally.bad == ret->rejects);
    HOLDS(ret->tally.lines == ret->tally.blank + ret->tally.skipped + ret->tally.bad + ret->events);
    HOLDS(ret->tally.concatenated <= ret->events);
    sequence_free(sequence);
}

/* So many objects stand one after the other until one is broken; false: one is. */
static bool count_objects(const unsigned char *p, const unsigned char *end, uint64_t *ret)
{
    struct json_fault fault;

    p += scan_byte_order_mark(p, (size_t)(end - p));
    for (*ret = 0;; ++*ret) {
        p = json_skip_space(p, end);
        if (p == end)
            return true;
        if (*p != '{' || (p = json_scan_value(p, end, JSON_DEPTH_MAX, &fault)) == NULL)
            return false;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct scan_rules rules = {.key = "k",
                                     .key_len = 1,
                                     .value = "v",
                                     .value_len = 1,
                                     .max_line = data[0] & 1 ? 40 : 1 << 14,
                                     .max_key = 20,
                                     .accept = data[0] & 2 ? ACCEPT_CONCATENATED * 2 - 1
                                                           : ACCEPT_CONCATENATED,
                                     .skip_missing = data[0] & 4};
    struct outcome whole, cut;
    uint64_t objects;

    read_in_slices(&rules, data + 2, size - 2, 0, &whole);
    read_in_slices(&rules, data + 2, size - 2, data[1] + 2, &cut);
    HOLDS(whole.done == cut.done && memcmp(&whole.tally, &cut.tally, sizeof cut.tally) == 0);
    HOLDS(whole.events == cut.events && whole.sum == cut.sum);
    HOLDS(!whole.done || whole.reject_sum == cut.reject_sum);
    HOLDS(whole.done || whole.err.status == STATUS_INPUT);
    /* Too many levels, too many bytes are for the scanner alone to tell. */
    if (count_objects(data + 2, data + size, &objects))
        HOLDS(whole.done && whole.tally.lines - whole.tally.blank == objects);
    else if (whole.done)
        HOLDS(whole.tally.bad > 0);
    return 0;
}
