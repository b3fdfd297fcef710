/* Helpers of the probes that use the mounted path. */
#ifndef GVISOR_PROBE_PROBES_HOST_H
#define GVISOR_PROBE_PROBES_HOST_H

#include "gvisor_probe/probes/probe.h"

/* Like found_call(), but takes owner and mode of a directory (SEEN_*) into account as a cause. */
void host_call(const struct probe_context *context, struct finding *ret, long rc, int dir);

/* Changes to context->dir. On false, *ret says why that failed. */
bool host_enter(const struct probe_context *context, struct finding *ret);

/* Adds what is about to be made; kind is a constant. */
struct probe_write *host_write(struct finding *ret, const char *name, const char *kind);

/* Creates a new file in the working directory. Returns its descriptor, or -1 and errno. */
int host_create(const char *name);

#endif
