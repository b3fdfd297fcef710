/* A run as text for people. Pure. */
#ifndef GVISOR_PROBE_RENDER_RUN_TEXT_H
#define GVISOR_PROBE_RENDER_RUN_TEXT_H

#include <stdbool.h>

#include "common/buf.h"
#include "gvisor_probe/run/run.h"

/* The first line of a pod's log: which cell of which run it is, and in which runtime. */
bool run_first_line(const struct declared *declared, struct buf *out, struct err *err);

/*
 * The run as a story: which cell this is, who it is, what it tried on the host's path and what
 * happened.
 */
bool run_story(const struct run *run, struct buf *out, struct err *err);

/* All answers as a table, coloured or not. */
bool run_table(const struct run *run, bool colour, struct buf *out, struct err *err);

#endif
