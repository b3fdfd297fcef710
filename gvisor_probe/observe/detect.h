/*
 * Detects which kernel answers, from the results of probes; recorded reports will do. Pure.
 *
 * Evidence comes in classes, each of which would have to be faked by other means: what the kernel
 * says of itself (R), the structure of /proc (P), the mounts (M), what the kernel put into the
 * process (V), errors of calls (E), clocks (C), timing (T), and layers that should agree (X). The
 * verdict of a class is what its signals agree on. If two classes contradict each other, that is
 * reported as a conflict and never averaged out. Timing alone makes no conflict, since slowness has
 * many causes.
 */
#ifndef GVISOR_PROBE_OBSERVE_DETECT_H
#define GVISOR_PROBE_OBSERVE_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gvisor_probe/words/words.h"

/* A probe's result, as in a report; the texts are borrowed. */
struct evidence {
    const char *probe;
    enum probe_result result;
    int errnum; /* 0: none */
    const char *value;
};

struct detect_input {
    const struct evidence *items;
    size_t count;
    int seccomp;                  /* seccomp mode of this process; -1: unknown */
    uint64_t boottime_at_main_ns; /* the kernel's age by its own clock, when main() began */
};

enum evidence_class {
    CLASS_SELF_REPORT,
    CLASS_PROC,
    CLASS_MOUNTS,
    CLASS_IMAGE,
    CLASS_ERRNO,
    CLASS_CLOCKS,
    CLASS_TIMING,
    CLASS_CROSS_LAYER,
    CLASSES,
};

enum { SIGNALS_MAX = 8, SIGNAL_TEXT_MAX = 160, CONFLICTS_MAX = 16, CONFLICT_TEXT_MAX = 128 };

struct detect_signal {
    const char *name; /* a constant */
    enum verdict says;
    char value[SIGNAL_TEXT_MAX];
};

struct class_verdict {
    enum verdict verdict;
    struct detect_signal signals[SIGNALS_MAX];
    size_t count;
};

struct detection {
    struct class_verdict classes[CLASSES];
    enum conclusion conclusion;
    char conflicts[CONFLICTS_MAX][CONFLICT_TEXT_MAX];
    size_t conflict_count;
};

void detect(const struct detect_input *input, struct detection *ret);

/* Such as "R" and "self-report". */
const char *class_letter(enum evidence_class class);
const char *class_name(enum evidence_class class);

extern const char detect_statement[];

/*
 * Does the runtime that the manifest names (runc, crun, gvisor, runsc, kata...) fit the conclusion?
 * Returns false, and leaves *ret alone, if name or conclusion is unknown.
 */
bool detect_matches(const char *runtime, enum conclusion conclusion, bool *ret);

#endif
