/*
 * Runs one probe in a child process, so that it cannot hang or crash the program or change what the
 * next probe sees: with a time limit of PROBE_LIMIT_MS, without core dumps, with umask 077. If it
 * is killed or takes too long, that is the finding.
 */
#ifndef GVISOR_PROBE_PROBES_RUNNER_H
#define GVISOR_PROBE_PROBES_RUNNER_H

#include "common/err.h"
#include "gvisor_probe/probes/probe.h"

enum { PROBE_LIMIT_MS = 3000 };

/* Fails CANCELLED, or if a process cannot be made; *ret is then undefined. */
bool runner_run(const struct probe *probe, const struct probe_context *context, struct finding *ret,
                struct err *err);

#endif
