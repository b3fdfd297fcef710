/*
 * Events as lines of JSON Lines, by table. Pure.
 *
 * Pieces are copied in fixed sizes, which may be longer than the piece; the next one overwrites the
 * excess. So output buffers need EVENT_TEXT_SLACK bytes more than the text.
 */
#ifndef FAKE_GEN_EVENT_TEXT_H
#define FAKE_GEN_EVENT_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/civil_time.h"

enum {
    EVENT_TYPES = 18,
    EVENT_DURATION_MIN = 30,
    EVENT_DURATION_MAX = 999,
    EVENT_LINE_MAX = 147, /* ids of 10 digits, the longest type, and the line's end */
    EVENT_TEXT_SLACK = 64,
    EVENT_ID_DIGITS_MAX = 10,
};

struct event {
    uint64_t second; /* since the midnight that the text begins with */
    uint32_t user, product;
    uint16_t type; /* below EVENT_TYPES */
    uint16_t duration;
};

enum { EVENT_DAYS_MAX = 4096 }; /* more days than these are not cached but computed each time */

struct event_text {
    int64_t first_day; /* since 1970-01-01 */
    uint64_t days;     /* cached, or 0 */
    char two_digits[100][2];
    char padded[1000][4]; /* "007", one byte unused */
    struct {
        char digits[3];
        uint8_t len;
    } plain[1000];                /* "7" */
    char day[EVENT_DAYS_MAX][32]; /* a line up to the day and 'T' */
};

/* first_day is that of second 0, and no event will be later than last_day. */
void event_text_init(struct event_text *text, int64_t first_day, int64_t last_day);

/* Writes count lines, returns their end: at most count * EVENT_LINE_MAX bytes, and the slack. */
char *event_text_put(const struct event_text *text, const struct event *events, size_t count,
                     char *out);

/* Pieces of an event, for lines of another form; each returns its end. No slack is needed. */
char *event_text_put_time(const struct event_text *text, uint64_t second, char *out);
char *event_text_put_id(uint32_t id, char *out); /* %03d */
const char *event_type_name(unsigned type);

#endif
