/*
 * The reports of `run` and of `costs` (report.schema.json), which end now. The caller frees them;
 * without memory they fail when they are written.
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
