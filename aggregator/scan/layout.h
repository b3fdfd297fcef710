/*
 * A fast way past lines that are laid out like an earlier one. Pure.
 *
 * Programs write events with the same fields in the same order and with the same white space. From
 * a line that the strict scanner (scan.h) accepted, layout_learn() keeps the bytes between its
 * values; a matcher then needs to prove of a line only that these bytes are the same and that the
 * values are well-formed. What it accepts, the strict scanner accepts with the same result; what it
 * does not recognise is the strict scanner's.
 *
 * Most lines are plain: no escape, no control character, all ASCII. The bytes that are not plain
 * and the quotes are the marks of a text, and where the n-th mark of a plain line is tells where
 * all else must be. So marks are found first, for many lines at a time; then every part of a line
 * is looked at without waiting for the one before, and nothing branches on the length of a value.
 */
#ifndef AGGREGATOR_SCAN_LAYOUT_H
#define AGGREGATOR_SCAN_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"
#include "aggregator/scan/scan.h"

enum {
    LAYOUT_VECTOR = 32,
    LAYOUT_WORD = 64,       /* bytes that are searched for marks at a time */
    LAYOUT_WORDS_MAX = 128, /* whose marks are kept: text and marks stay in the first cache */
    LAYOUT_PARTS_MAX = 32,
    LAYOUT_LITERAL_MAX = 448, /* literals that are longer are not looked for by marks */
    LAYOUT_LINE_MAX = 1024,   /* so many bytes must be readable; other lines must end this early */
};

enum layout_value {
    LAYOUT_NOTHING, /* the literal goes on in the next part */
    LAYOUT_STRING,
    LAYOUT_KEY,
    LAYOUT_SUM,
    LAYOUT_OTHER,
    LAYOUT_END,
};

/*
 * A place in a plain line: so many bytes after a mark, the n-th of the line. Mark 0 is the end of
 * the line before.
 */
struct layout_place {
    uint16_t mark;
    int16_t offset;
};

/* A value between two literals. */
struct layout_span {
    struct layout_place start, end;
    bool is_sum;
};

/* Bytes that stay the same, and the value after them. */
struct layout_part {
    unsigned char literal[LAYOUT_VECTOR], mask[LAYOUT_VECTOR]; /* mask: 0xff where it counts */
    struct layout_place place;
    uint8_t len;
    uint8_t value; /* enum layout_value */
};

struct layout {
    struct layout_part part[LAYOUT_PARTS_MAX];
    size_t part_count; /* 0: nothing was learnt */
    uint16_t marks;    /* in a plain line, its end included; 0: lines are not looked at by marks */
    struct layout_span key;
    struct layout_span number[LAYOUT_PARTS_MAX]; /* all that are not strings, as the sum is */
    size_t number_count;
    unsigned reach;     /* words in which to find marks: more the longer all goes well */
    uint32_t hits;      /* lines recognised since it was learnt */
    uint32_t wait, gap; /* misses until it is worth learning again */
};

/*
 * Recognises some lines from p on, at most `room`, into ret and returns the first byte that it did
 * not take; *ret_count is 0 when it does not know the first line or that is too near to limit.
 * Reads no further than limit.
 */
typedef const unsigned char *layout_matcher(struct layout *layout, const struct scan_rules *rules,
                                            const unsigned char *p, const unsigned char *limit,
                                            struct event *ret, size_t room, size_t *ret_count);

/* Those that this processor can run, the fastest first; NULL after the last one. */
layout_matcher *layout_variant(size_t index);

layout_matcher layout_match_portable;
#ifdef __x86_64__
layout_matcher layout_match_avx2, layout_match_avx512;
#elif defined(__aarch64__)
layout_matcher layout_match_neon;
#endif

/* After a miss: learns from an accepted line, unless too many lines differ from each other. */
void layout_learn(struct layout *layout, const struct scan_rules *rules, const unsigned char *line,
                  size_t len);

#endif
