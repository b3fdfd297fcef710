#include "gvisor_probe/words/cause.h"

#include <errno.h>

enum probe_result result_of_errno(int errnum)
{
    switch (errnum) {
    case 0:
    case EINVAL:
    case EBADF:
    case EFAULT:
    case ESRCH:
    case EBUSY:
    case EEXIST:
    case EISDIR:
    case EMSGSIZE:
    case ENOEXEC:
    case ENOTBLK:
        return RESULT_ALLOWED;
    case EPERM:
    case EACCES:
    case EROFS:
    case ECONNREFUSED:
        return RESULT_DENIED;
    case ENOSYS:
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO:
    case ENOTTY:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case ESOCKTNOSUPPORT:
    case EOPNOTSUPP:
        return RESULT_ABSENT;
    default:
        return RESULT_UNCLEAR;
    }
}

static enum probe_cause cause_of_denial(const struct refusal *refusal)
{
    /* Where mount and mode both deny a write, Linux says EROFS and gVisor EACCES. */
    if (refusal->errnum == EROFS || (refusal->mount_read_only && refusal->errnum == EACCES))
        return CAUSE_MOUNT;
    if (refusal->dac_denies && refusal->errnum == EACCES)
        return CAUSE_DAC;
    if (refusal->errnum == ECONNREFUSED)
        return CAUSE_INDETERMINATE;
    return CAUSE_POLICY;
}

enum probe_cause cause_of(enum probe_result result, const struct refusal *refusal)
{
    switch (result) {
    case RESULT_ALLOWED:
    case RESULT_SKIPPED:
        return CAUSE_NONE;
    case RESULT_EMULATED:
        return CAUSE_EMULATED;
    case RESULT_ABSENT:
        return refusal->filtered && refusal->errnum == ENOSYS ? CAUSE_INDETERMINATE : CAUSE_ABSENT;
    case RESULT_DENIED:
        return cause_of_denial(refusal);
    case RESULT_KILLED:
        return refusal->filtered ? CAUSE_POLICY : CAUSE_INDETERMINATE;
    case RESULT_TIMEOUT:
    case RESULT_UNCLEAR:
    case RESULTS:
        break;
    }
    return CAUSE_INDETERMINATE;
}
