/*
 * Which kernel answers, from the answers of probes. Pure. Recorded reports can be judged
 * again.
 *
 * Evidence comes in classes that different means would be needed to fake: what the kernel says of
 * itself (R), the structure of /proc (P), the mounts (M), what it put into the process (V), what
 * calls answer (E), clocks (C), timing (T), and layers that should agree (X). A class says what its
 * signals agree on. Classes that contradict each other make a conflict, which is reported and never
 * averaged. Timing alone never makes one: many things are slow.
 */
#ifndef GVISOR_PROBE_OBSERVE_DETECT_H
#define GVISOR_PROBE_OBSERVE_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gvisor_probe/words/words.h"

/* A probe's answer, as a report holds it; the texts are borrowed. */
struct evidence {
    const char *probe;
    enum probe_result result;
    int errnum; /* 0: none */
    const char *value;
};

struct detect_input {
    const struct evidence *items;
    size_t count;
    int seccomp;                  /* mode of this process; -1: not known */
    uint64_t boottime_at_main_ns; /* the kernel's age, as it is told, at the start */
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

/* "R" and "self-report". */
const char *class_letter(enum evidence_class class);
const char *class_name(enum evidence_class class);

extern const char detect_statement[];

/*
 * Does a runtime that a manifest names (runc, crun, gvisor, runsc, kata...) fit the conclusion?
 * false: *ret untouched, because the name or the conclusion says nothing.
 */
bool detect_matches(const char *runtime, enum conclusion conclusion, bool *ret);

#endif
