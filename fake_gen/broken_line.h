/*
 * Lines that look like events and are not valid ones, for tests of what reads them. Pure.
 *
 * Each kind breaks one rule of what the aggregator calls a valid line (its defaults: userId a
 * non-empty string, sessionDuration an integer from 0 to 2^63-1, each exactly once, strict JSON and
 * UTF-8). Every one is a single line.
 */
#ifndef FAKE_GEN_BROKEN_LINE_H
#define FAKE_GEN_BROKEN_LINE_H

#include "fake_gen/event_text.h"

enum { BROKEN_KINDS = 20, BROKEN_LINE_MAX = 256 };

/* Writes event in the broken form `kind` (below BROKEN_KINDS), at most BROKEN_LINE_MAX bytes with
 * the line's end; returns the end. */
char *broken_line_put(const struct event_text *text, const struct event *event, unsigned kind,
                      char *out);

/* What is wrong with that kind, in a few words. */
const char *broken_line_fault(unsigned kind);

#endif
