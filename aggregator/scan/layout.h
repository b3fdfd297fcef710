/*
 * A fast way past lines that are laid out like an earlier one. Pure.
 *
 * Programs write events with the same fields in the same order and with the same white space. From
 * a line that the strict scanner (scan.h) accepted, layout_learn() keeps the bytes between its
 * values; a matcher then needs to prove of a line only that these bytes are the same and that the
 * values are well-formed. What it accepts, the strict scanner accepts with the same result; what it
 * does not recognise goes to the strict scanner.
 *
 * Where a value ends is known only after its bytes were looked at, so a processor that goes through
 * one line waits most of the time. Therefore a matcher goes through several lines in step, each of
 * a range of its own: while it waits for one, it works on the others. Most lines are plain: no
 * escape, no control character, all ASCII. In those nothing branches on what a line holds until it
 * ends; others are gone through again, string by string.
 */
#ifndef AGGREGATOR_SCAN_LAYOUT_H
#define AGGREGATOR_SCAN_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"
#include "aggregator/scan/scan.h"

enum {
    LAYOUT_VECTOR = 32, /* bytes that are compared or searched at a time */
    LAYOUT_RANGES = 3,
    LAYOUT_PARTS_MAX = 32,
};

enum layout_value {
    LAYOUT_NOTHING, /* the literal goes on in the next part */
    LAYOUT_STRING,
    LAYOUT_KEY,
    LAYOUT_SUM,
    LAYOUT_OTHER,
    LAYOUT_END,
};

/* Bytes that stay the same, and the value after them. */
struct layout_part {
    unsigned char literal[LAYOUT_VECTOR], mask[LAYOUT_VECTOR]; /* mask: 0xff where it counts */
    uint8_t len;
    uint8_t value; /* enum layout_value */
};

struct layout {
    struct layout_part part[LAYOUT_PARTS_MAX];
    size_t part_count;     /* 0: nothing was learnt */
    size_t reach;          /* bytes that are read of a line without a long value */
    uint32_t hits;         /* lines recognised since it was learnt */
    uint32_t wait, gap;    /* misses until it is worth learning again */
    uint32_t odd, odd_gap; /* rounds until it is worth taking lines for plain again */
};

/* Whole lines that are gone through in any order: those from at[i] to end[i], of one text. */
struct layout_ranges {
    const unsigned char *at[LAYOUT_RANGES], *end[LAYOUT_RANGES];
};

/* One range of all lines from `from` to `to`; it is cut up when it is gone through. */
void layout_ranges_init(struct layout_ranges *ranges, const unsigned char *from,
                        const unsigned char *to);

/* Gives empty ranges lines of other ranges; false: no lines are left. */
bool layout_ranges_share(struct layout_ranges *ranges);

/*
 * Recognises lines of all ranges, at most `room` (at least LAYOUT_RANGES), into ret and returns how
 * many. Stops when there is room for fewer events than ranges, when no line is left, or at a line
 * that it does not recognise: bit i of *ret_missed is then set for each range i whose next line is
 * such a one. Reads no further than limit.
 */
typedef size_t layout_matcher(struct layout *layout, const struct scan_rules *rules,
                              struct layout_ranges *ranges, const unsigned char *limit,
                              struct event *ret, size_t room, unsigned *ret_missed);

/* Those that this processor can run, the fastest first; NULL after the last one. */
layout_matcher *layout_variant(size_t index);

layout_matcher layout_match_portable;
#ifdef __x86_64__
layout_matcher layout_match_avx2;
#elif defined(__aarch64__)
layout_matcher layout_match_neon;
#endif

/* After a miss: learns from an accepted line, unless too many lines differ from each other. */
void layout_learn(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                  size_t len);

#endif
