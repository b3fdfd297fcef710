/*
 * The whole reports of `run` and `costs` (report.schema.json). The caller frees them. If memory
 * is short, writing them fails.
 */
#ifndef GVISOR_PROBE_REPORT_REPORTS_H
#define GVISOR_PROBE_REPORT_REPORTS_H

#include "common/report.h"
#include "gvisor_probe/run/costs.h"
#include "gvisor_probe/run/run.h"

struct report *report_of_run(const struct run *run, const struct birth *birth, int64_t started_s,
                             double seconds);

struct report *report_of_costs(const struct costs *costs, const struct declared *declared,
                               const struct observed *observed, const struct birth *birth,
                               int64_t started_s, double seconds);

#endif
