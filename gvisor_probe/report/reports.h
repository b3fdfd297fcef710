/* The whole reports of `run` and `costs` (report.schema.json); report_release() when done. */
#ifndef GVISOR_PROBE_REPORT_REPORTS_H
#define GVISOR_PROBE_REPORT_REPORTS_H

#include "common/report.h"
#include "gvisor_probe/run/costs.h"
#include "gvisor_probe/run/run.h"

void report_of_run(struct report *ret, const struct run *run, const struct birth *birth,
                   int64_t started_s, double seconds);

void report_of_costs(struct report *ret, const struct costs *costs, const struct declared *declared,
                     const struct observed *observed, const struct birth *birth, int64_t started_s,
                     double seconds);

#endif
