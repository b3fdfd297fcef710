/* The enumerations of a report and their names, as in report.schema.json. Pure. */
#ifndef GVISOR_PROBE_WORDS_WORDS_H
#define GVISOR_PROBE_WORDS_WORDS_H

#include <stdbool.h>

enum { REPORT_SCHEMA_VERSION = 1 };

/* What a probe is about. */
enum probe_group {
    GROUP_IDENTITY,       /* which kernel it is */
    GROUP_HOST_DATA,      /* what of the host can be read */
    GROUP_KERNEL_SURFACE, /* which kernel code can be reached */
    GROUP_HOST_OBJECTS,   /* files, sockets and devices of the host */
    GROUP_COST,           /* what a call costs */
    GROUPS,
};

/* What a probe changes. */
enum probe_safety {
    SAFETY_READ,    /* nothing */
    SAFETY_CHILD,   /* its own process, which ends with the probe */
    SAFETY_FILE,    /* leaves a file under PATH/open/RUN-CELL until the run ends */
    SAFETY_NETWORK, /* sends packets; only when asked to */
    SAFETIES,
};

/* The result, as seen from inside. */
enum probe_result {
    RESULT_ALLOWED,  /* done, or refused after all permission checks */
    RESULT_DENIED,   /* refused: EPERM, EACCES, EROFS, ECONNREFUSED... */
    RESULT_ABSENT,   /* not there: ENOSYS, ENOENT, EAFNOSUPPORT... */
    RESULT_EMULATED, /* answered, but not as Linux answers */
    RESULT_SKIPPED,  /* not tried; the detail says why */
    RESULT_KILLED,   /* ended by a signal, named in value */
    RESULT_TIMEOUT,  /* did not end in time */
    RESULT_UNCLEAR,  /* an answer without a rule */
    RESULTS,
};

/*
 * Why. A run gives the first six and `indeterminate`. `same-kernel` and `diverted` need another
 * cell or the witness, so a run never gives them.
 */
enum probe_cause {
    CAUSE_NONE,        /* nothing stood in the way, or nothing was tried */
    CAUSE_ABSENT,      /* the kernel does not have it */
    CAUSE_POLICY,      /* seccomp, capabilities, a sysctl or the runtime's rules */
    CAUSE_DAC,         /* owner and mode deny it */
    CAUSE_MOUNT,       /* read-only mount */
    CAUSE_EMULATED,    /* the answer is not that of Linux */
    CAUSE_SAME_KERNEL, /* the answer is that of the host */
    CAUSE_DIVERTED,    /* done inside; the host does not have it */
    CAUSE_INDETERMINATE,
    CAUSES,
};

/* What a class of evidence says about the kernel. */
enum verdict { VERDICT_GVISOR, VERDICT_LINUX, VERDICT_OWN_KERNEL, VERDICT_UNKNOWN, VERDICTS };

/* What all classes together say. */
enum conclusion {
    CONCLUSION_CONFIRMED,        /* four classes or more say gVisor, one of P, V, E among them */
    CONCLUSION_LIKELY,           /* two or three classes say gVisor */
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

/* Return false, and leave *ret alone, for another text. */
bool group_parse(const char *text, enum probe_group *ret);
bool result_parse(const char *text, enum probe_result *ret);
bool cause_parse(const char *text, enum probe_cause *ret);
bool verdict_parse(const char *text, enum verdict *ret);
bool conclusion_parse(const char *text, enum conclusion *ret);

#endif
