/* What calls cost, as a table for people. Pure. */
#ifndef GVISOR_PROBE_RENDER_COSTS_TABLE_H
#define GVISOR_PROBE_RENDER_COSTS_TABLE_H

#include "common/buf.h"
#include "gvisor_probe/run/costs.h"

void costs_table(const struct costs *costs, struct buf *out);

#endif
