/* A run as text for people. Pure. */
#ifndef GVISOR_PROBE_RENDER_RUN_TEXT_H
#define GVISOR_PROBE_RENDER_RUN_TEXT_H

#include <stdbool.h>

#include "common/buf.h"
#include "gvisor_probe/run/run.h"

/* The first line of a pod's log: cell, run and runtime. */
void run_first_line(const struct declared *declared, struct buf *out);

/* The run as a story: the cell, its identity, and what it tried on the host's path. */
void run_story(const struct run *run, struct buf *out);

/* All findings as a table. */
void run_table(const struct run *run, bool colour, struct buf *out);

#endif
