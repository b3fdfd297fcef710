/*
 * The events themselves: event i depends on the rules and i alone. Pure.
 *
 * Event i takes the words 4i to 4i+3 of the seed's stream (splitmix.h): its time, its user, its
 * product, and its type (upper half) with its duration (lower half). No state passes from one event
 * to the next, so any part can be written at any time by anybody and the bytes are the same. These
 * bytes are a contract: a step that is retried must repeat them.
 */
#ifndef FAKE_GEN_GENERATOR_H
#define FAKE_GEN_GENERATOR_H

#include <stddef.h>
#include <stdint.h>

#include "fake_gen/event_text.h"

#define GENERATOR_EVENTS_MAX UINT64_C(1000000000000)
#define GENERATOR_IDS_MAX    1000000000u

/* What bounds a line of any kind, and what a buffer needs after the last one. */
enum { GENERATOR_LINE_MAX = 256, GENERATOR_SLACK = EVENT_TEXT_SLACK };

struct generator_rules {
    uint64_t seed;
    uint32_t users, products; /* ids from 1 to these, 1 to GENERATOR_IDS_MAX */
    int64_t from, to;         /* seconds since the epoch, from < to, years 0001 to 9999 */
    double skew;              /* Zipf's exponent for users, 0: uniform; up to ZIPF_EXPONENT_MAX */
    uint64_t bad_every;       /* every N-th event, counted from 1, is broken; 0: none */
};

struct generator; /* constant once made: threads may share it */

struct generator *generator_new(const struct generator_rules *rules); /* NULL without memory */
void generator_free(struct generator *generator);

/* The fields of events first to first + count - 1, counted from 0. */
void generator_draw(const struct generator *generator, uint64_t first, size_t count,
                    struct event *ret);

/*
 * The lines of those events. out has room for count * GENERATOR_LINE_MAX + GENERATOR_SLACK bytes;
 * returns how many were written.
 */
size_t generator_write(const struct generator *generator, uint64_t first, size_t count, char *out);

/* How many of the events first to end - 1 are broken. */
uint64_t generator_bad_lines(const struct generator_rules *rules, uint64_t first, uint64_t end);

/* Where shard index of count begins in `events`; index may be count, which gives the end. */
uint64_t generator_shard_start(uint64_t events, uint32_t index, uint32_t count);

#endif
