/*
 * Objects one after the other instead of one a line: several on a line, or one over many. Pure.
 *
 * Where one ends can only be told from where it began, so they are read in turn, from slices in the
 * input's order, and one that is broken ends the run: nothing tells where the next one begins.
 * An object counts as a line, and so does an empty line between two of them.
 */
#ifndef AGGREGATOR_TOTALS_OBJECTS_H
#define AGGREGATOR_TOTALS_OBJECTS_H

#include "aggregator/totals/bad_lines.h"
#include "aggregator/totals/sequence.h"

struct objects;

/* All is borrowed; objects but bad ones are counted in *tally. NULL without memory. */
struct objects *objects_new(const struct scan_rules *rules, struct bad_lines *bad,
                            struct tally *tally);
void objects_free(struct objects *objects); /* accepts NULL */

/* The next slice in order. INPUT where an object is broken, or a bad one ends the run. */
bool objects_take(struct objects *objects, const struct slice *slice, event_sink *sink,
                  void *context, struct err *err);

#endif
