/*
 * Derives from an errno the result of a probe, and its cause. Pure.
 *
 * EPERM alone is never evidence of isolation: default seccomp profiles return it for each call that
 * they do not list, and kernels return it if a capability is missing. EACCES comes from owner and
 * mode bits. All of these are settings of the pod, whatever the runtime.
 */
#ifndef GVISOR_PROBE_WORDS_CAUSE_H
#define GVISOR_PROBE_WORDS_CAUSE_H

#include <stdbool.h>

#include "gvisor_probe/words/words.h"

/*
 * 0 is ALLOWED. So are EINVAL, EBADF, EFAULT and the like: they come from code that runs after all
 * permission checks.
 */
enum probe_result result_of_errno(int errnum);

struct refusal {
    int errnum;
    bool filtered;        /* a seccomp filter is on (mode 2), which can answer any errno */
    bool dac_denies;      /* owner and mode predict the refusal: see dac_allows() */
    bool mount_read_only; /* the mount of the path is read-only */
};

/*
 * The cause of a result. ENOSYS is INDETERMINATE under a filter, which may have returned it.
 * ECONNREFUSED is INDETERMINATE too: perhaps nobody listens.
 */
enum probe_cause cause_of(enum probe_result result, const struct refusal *refusal);

#endif
