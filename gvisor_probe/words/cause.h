/*
 * What an errno says: the result seen from inside, and the cause that explains it. Pure.
 *
 * The rule behind it: EPERM alone is never evidence of isolation. Default seccomp profiles say it
 * for every call they do not list, kernels say it for want of a capability, and plain owner and
 * mode bits say EACCES; all of that is the pod's own making, under any runtime.
 */
#ifndef GVISOR_PROBE_WORDS_CAUSE_H
#define GVISOR_PROBE_WORDS_CAUSE_H

#include <stdbool.h>

#include "gvisor_probe/words/words.h"

/*
 * 0 is ALLOWED. EINVAL, EBADF, EFAULT and their like are ALLOWED too: they come from the code
 * behind every permission check, which was reached.
 */
enum probe_result result_of_errno(int errnum);

struct refusal {
    int errnum;
    bool filtered;        /* a seccomp filter is on (mode 2), which can answer any errno */
    bool dac_denies;      /* owner and mode predict the refusal: see dac_allows() */
    bool mount_read_only; /* the path's mount is */
};

/*
 * The cause of a result. ENOSYS under a filter is INDETERMINATE: the filter may have said it.
 * ECONNREFUSED too: perhaps nobody listens.
 */
enum probe_cause cause_of(enum probe_result result, const struct refusal *refusal);

#endif
