/* Decides what explains the outcome of a subject: the runtime or the pod's settings. Pure. */
#ifndef GVISOR_PROBE_COMPARE_ATTRIBUTE_H
#define GVISOR_PROBE_COMPARE_ATTRIBUTE_H

#include <stdbool.h>

#include "gvisor_probe/compare/prediction.h"
#include "gvisor_probe/compare/witness_record.h"
#include "gvisor_probe/words/words.h"

enum attribution {
    BY_RUNTIME,        /* the runtime did this */
    BY_POD_SPEC,       /* the same in both cells: the pod's settings did it */
    OPEN_IN_BOTH,      /* the same in both cells: nothing stands in the way */
    BY_RUNTIME_LOOSER, /* gVisor is looser here, or lacks a defence */
    UNDECIDED,
    ATTRIBUTIONS,
};

/* The result of one probe, or of one write, in one cell. */
struct outcome {
    enum probe_result result;
    enum probe_cause cause;
    const char *errnum, *value; /* or NULL */
    bool is_write;
    enum fate fate;             /* of a write */
    enum prediction prediction; /* of a write; else PREDICT_ALLOWED */
};

/* One subject's outcome against the baseline's. */
struct attribution_case {
    const struct outcome *baseline, *subject;
    const struct outcome *control; /* NULL: there is no control */
    bool subject_filtered;         /* the subject runs under a seccomp filter */
    bool loss_if_missing;          /* programs use the thing: its absence does not isolate */
};

/* *ret_why becomes a constant sentence that gives the reason. */
enum attribution attribute(const struct attribution_case *given, const char **ret_why);
const char *attribution_name(enum attribution attribution);

#endif
