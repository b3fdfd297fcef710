/* What the probes of the mounted path share. */
#ifndef GVISOR_PROBE_PROBES_HOST_H
#define GVISOR_PROBE_PROBES_HOST_H

#include "gvisor_probe/probes/probe.h"

/* As found_call(), with the cause that owner and mode of a directory (SEEN_*) predict. */
void host_call(const struct probe_context *context, struct finding *ret, long rc, int dir);

/* Makes context->dir the working directory; false: it is not there, and *ret says why. */
bool host_enter(const struct probe_context *context, struct finding *ret);

/* Notes what is about to be made; kind is a constant. */
struct probe_write *host_write(struct finding *ret, const char *name, const char *kind);

/* A file of that name in the working directory, which must not be there yet; -1 and errno. */
int host_create(const char *name);

#endif
