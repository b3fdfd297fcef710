#include <stddef.h>
#include <string.h>

#include "gvisor_probe/probes/probe.h"

extern const struct probe probes_identity[], probes_image[], probes_proc[], probes_leaks[],
    probes_calls[], probes_guarded[], probes_sockets[], probes_devices[], probes_hostpath[],
    probes_host_calls[], probes_timing[];

const struct probe *const probe_families[] = {
    probes_identity, probes_image,      probes_proc,    probes_leaks,
    probes_calls,    probes_guarded,    probes_sockets, probes_devices,
    probes_hostpath, probes_host_calls, probes_timing,  NULL,
};

const struct probe *probe_find(const char *id)
{
    for (const struct probe *const *family = probe_families; *family != NULL; family++)
        for (const struct probe *probe = *family; probe->id != NULL; probe++)
            if (strcmp(probe->id, id) == 0)
                return probe;
    return NULL;
}
