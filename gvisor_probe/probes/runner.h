/*
 * Runs one probe in a process of its own, so that no probe can hang, crash or change the next: a
 * time limit of PROBE_LIMIT_MS, no core dumps, umask 077. A signal or the end of the time is a
 * finding like any other.
 */
#ifndef GVISOR_PROBE_PROBES_RUNNER_H
#define GVISOR_PROBE_PROBES_RUNNER_H

#include "common/err.h"
#include "gvisor_probe/probes/probe.h"

enum { PROBE_LIMIT_MS = 3000 };

/* false only when cancelled, or when no process can be made; *ret then says nothing. */
bool runner_run(const struct probe *probe, const struct probe_context *context, struct finding *ret,
                struct err *err);

#endif
