/*
 * Blocks back into one sequence: lines that straddle them, line numbers, bad-line policy, digests.
 * Pure. What it finds goes out through callbacks.
 *
 * Threads cut blocks into slices and scan the whole lines in them in any order; the slices are then
 * taken in the input's order, so the first bad line by position decides, whatever the threads did.
 */
#ifndef AGGREGATOR_TOTALS_SEQUENCE_H
#define AGGREGATOR_TOTALS_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/read/input_digest.h"
#include "aggregator/scan/event.h"
#include "aggregator/scan/layout.h"
#include "aggregator/scan/scan.h"
#include "aggregator/totals/bad_lines.h"
#include "common/err.h"

/* Long keys are borrowed until it returns. */
typedef bool event_sink(void *context, const struct event *events, size_t count, struct err *err);

struct tally {
    uint64_t lines, blank, skipped, bad; /* lines counts all of them */
    /* Events by what --accept took, each as often as it needs several. */
    uint64_t number_keys, text_numbers, whole_floats, extended_json, concatenated;
};

/* Counts an event by its scan_result.used. */
static inline void tally_used(struct tally *tally, unsigned used)
{
    tally->number_keys += (used & ACCEPT_NUMBER_KEYS) != 0;
    tally->text_numbers += (used & ACCEPT_TEXT_NUMBERS) != 0;
    tally->whole_floats += (used & ACCEPT_WHOLE_FLOATS) != 0;
    tally->extended_json += (used & ACCEPT_EXTENDED_JSON) != 0;
}

/* Adds all of one to another. */
void tally_add(struct tally *tally, const struct tally *more);

/* One block, cut: the end of a line begun before it, whole lines, the begin of the next one. */
struct slice {
    const unsigned char *data; /* borrowed */
    size_t len, head_len, tail_at;
    size_t file;
    const char *name; /* of the file, for messages */
    bool first, last; /* of its file */
    bool line_ends;   /* the head holds a line's end */
    struct tally inner;
    unsigned char digest[DIGEST_BYTES];
};

/* Fills all but the tally from data, len and first. */
void slice_cut(struct slice *slice);

/* INPUT where a file's first slice, a whole block, shows another format (format.h). */
bool slice_check_format(const struct slice *slice, const struct scan_rules *rules, struct err *err);

/*
 * Scans the whole lines of a slice into the sink and fills its tally. The layout is what one thread
 * learns from slice to slice; it starts zeroed and never changes a result. Concatenated objects are
 * left for sequence_take().
 */
bool slice_scan(struct slice *slice, const struct scan_rules *rules, struct layout *layout,
                event_sink *sink, void *context, struct err *err);

struct sequence;

/* rules are borrowed; reject may be NULL. NULL without memory. */
struct sequence *sequence_new(const struct scan_rules *rules, const struct bad_line_policy *policy,
                              reject_sink *reject, void *reject_context);
void sequence_free(struct sequence *sequence); /* accepts NULL */

/* The next slice in order; its straddling lines go to sink. INPUT where a bad line ends the run. */
bool sequence_take(struct sequence *sequence, const struct slice *slice, event_sink *sink,
                   void *context, struct err *err);

/* After the last slice: judges the percentage and closes the digest. Bad lines alone are INPUT. */
bool sequence_finish(struct sequence *sequence, struct err *err);

const struct tally *sequence_tally(const struct sequence *sequence);
uint64_t sequence_bytes(const struct sequence *sequence);

/* What names the input (input_digest.h). Only after sequence_finish(). */
const char *sequence_digest(const struct sequence *sequence);
const char *sequence_digest_in_order(const struct sequence *sequence);

#endif
