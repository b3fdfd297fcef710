/*
 * A fast way past lines that are laid out like an earlier one. Pure.
 *
 * Programs write events with the same fields in the same order and with the same white space. From
 * a line that the strict scanner (scan.h) accepted, layout_learn() keeps the bytes between its
 * values; layout_match() then needs to prove of a line only that these bytes are the same and that
 * the values are plain: strings of printable ASCII without escapes, numbers by the grammar. What it
 * accepts, the strict scanner accepts with the same result; what it does not recognise is the
 * strict scanner's.
 */
#ifndef AGGREGATOR_LAYOUT_H
#define AGGREGATOR_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan.h"

enum {
    LAYOUT_VECTOR = 32,
    LAYOUT_PARTS_MAX = 24,
    LAYOUT_LITERALS_MAX = 24 * 2 * LAYOUT_VECTOR,
    LAYOUT_LINE_MAX = 1024, /* lines must end this early, and so many bytes must be readable */
};

enum layout_value { LAYOUT_STRING, LAYOUT_KEY, LAYOUT_SUM, LAYOUT_OTHER, LAYOUT_END };

/* Bytes that stay the same, and the value after them. */
struct layout_part {
    uint16_t literal_at, literal_len; /* in literals, from a multiple of LAYOUT_VECTOR on */
    uint8_t value;                    /* enum layout_value */
};

struct layout {
    unsigned char literals[LAYOUT_LITERALS_MAX];
    struct layout_part part[LAYOUT_PARTS_MAX];
    size_t part_count;  /* 0: nothing was learnt */
    uint32_t hits;      /* lines recognised since it was learnt */
    uint32_t wait, gap; /* misses until it is worth learning again */
};

/*
 * The byte after the line at p and its '\n', with *ret's key and value set; NULL: not recognised,
 * *ret is unspecified. Reads no further than limit.
 */
typedef const unsigned char *layout_matcher(const struct layout *layout,
                                            const struct scan_rules *rules, const unsigned char *p,
                                            const unsigned char *limit, struct scan_result *ret);

/* The best one for this processor. */
layout_matcher *layout_choose(void);

layout_matcher layout_match_portable;
#ifdef __x86_64__
layout_matcher layout_match_avx2;
#endif

/* After a miss: learns from an accepted line, unless too many lines differ from each other. */
void layout_learn(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                  size_t len);

#endif
