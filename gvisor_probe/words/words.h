/*
 * The words of a report: the enumerations that report.schema.json spells out, and their names.
 * Pure.
 */
#ifndef GVISOR_PROBE_WORDS_WORDS_H
#define GVISOR_PROBE_WORDS_WORDS_H

#include <stdbool.h>

enum { REPORT_SCHEMA_VERSION = 1 };

/* What a probe is about. */
enum probe_group {
    GROUP_IDENTITY,       /* which kernel answers */
    GROUP_HOST_DATA,      /* what of the host can be read */
    GROUP_KERNEL_SURFACE, /* which kernel code can be reached */
    GROUP_HOST_OBJECTS,   /* files, sockets and devices of the host */
    GROUP_COST,           /* what a call costs */
    GROUPS,
};

/* What running a probe does to its surroundings. */
enum probe_safety {
    SAFETY_READ,    /* looks only */
    SAFETY_CHILD,   /* changes its own process, which ends with the probe */
    SAFETY_FILE,    /* leaves a file under PATH/open/RUN-CELL until the run ends */
    SAFETY_NETWORK, /* sends packets; only when asked to */
    SAFETIES,
};

/* What came of it, seen from inside. */
enum probe_result {
    RESULT_ALLOWED,  /* done, or refused by code behind every permission check */
    RESULT_DENIED,   /* refused: EPERM, EACCES, EROFS, ECONNREFUSED... */
    RESULT_ABSENT,   /* not there: ENOSYS, ENOENT, EAFNOSUPPORT... */
    RESULT_EMULATED, /* answered, and not as a Linux kernel answers */
    RESULT_SKIPPED,  /* not tried; the detail says why */
    RESULT_KILLED,   /* ended by a signal, named in value */
    RESULT_TIMEOUT,  /* did not end in time */
    RESULT_UNCLEAR,  /* an answer that no rule explains */
    RESULTS,
};

/*
 * Why. A run knows the first six and `indeterminate`; `same-kernel` and `diverted` need the other
 * side or the witness, so only a comparison says them.
 */
enum probe_cause {
    CAUSE_NONE,        /* nothing stood in the way, or nothing was tried */
    CAUSE_ABSENT,      /* the kernel that answers has no such thing */
    CAUSE_POLICY,      /* seccomp, capabilities, a sysctl or the runtime's rules */
    CAUSE_DAC,         /* owner and mode predict it */
    CAUSE_MOUNT,       /* read-only mount */
    CAUSE_EMULATED,    /* the answer differs from what a Linux kernel says */
    CAUSE_SAME_KERNEL, /* the answer equals the host's */
    CAUSE_DIVERTED,    /* done inside, and the host has nothing of it */
    CAUSE_INDETERMINATE,
    CAUSES,
};

/* What a class of evidence says of the kernel. */
enum verdict { VERDICT_GVISOR, VERDICT_LINUX, VERDICT_OWN_KERNEL, VERDICT_UNKNOWN, VERDICTS };

/* What all classes together say. */
enum conclusion {
    CONCLUSION_CONFIRMED, /* four classes or more say gVisor, a structural one (P, V, E) among them
                           */
    CONCLUSION_LIKELY,    /* two or three do */
    CONCLUSION_CONFLICTING,      /* some say gVisor, some Linux; `conflicts` names them */
    CONCLUSION_NOT_GVISOR,       /* the host's Linux kernel answers */
    CONCLUSION_OWN_LINUX_KERNEL, /* a Linux kernel, but not the host's: Kata, Firecracker */
    CONCLUSION_UNKNOWN,
    CONCLUSIONS,
};

const char *group_name(enum probe_group group);
const char *safety_name(enum probe_safety safety);
const char *result_name(enum probe_result result);
const char *cause_name(enum probe_cause cause);
const char *verdict_name(enum verdict verdict);
const char *conclusion_name(enum conclusion conclusion);

/* false, and *ret untouched, when text is no such name. */
bool group_parse(const char *text, enum probe_group *ret);
bool result_parse(const char *text, enum probe_result *ret);
bool cause_parse(const char *text, enum probe_cause *ret);
bool verdict_parse(const char *text, enum verdict *ret);
bool conclusion_parse(const char *text, enum conclusion *ret);

#endif
