/*
 * What differs between the cells of an experiment, and what explains it. Pure. Texts are
 * borrowed from cells and landing, or constants.
 *
 * The first cell is the baseline. A later one that declares the baseline's runtime with seccomp
 * Unconfined is the control: it tells what the filter did from what the kernel would have done.
 * The others are the subjects. First the confounders: whatever else differs between the cells makes
 * the experiment invalid, and then the runtime is credited with nothing. Of what is left, Unix
 * permissions, read-only mounts, seccomp and capabilities explain what they can; the runtime gets
 * only the rest.
 */
#ifndef GVISOR_PROBE_COMPARE_COMPARISON_H
#define GVISOR_PROBE_COMPARE_COMPARISON_H

#include <stdbool.h>
#include <stddef.h>

#include "gvisor_probe/compare/landing.h"
#include "gvisor_probe/compare/side.h"

enum {
    CELLS_MIN = 2,
    CELLS_MAX = 6,
    CONFOUNDERS_MAX = 64,
    CONFOUNDER_TEXT = 160,
    UNDECLARED_MAX = 32,
    FINDINGS_MAX = 2 * SIDE_PROBES_MAX + SIDE_WRITES_MAX,
    OVERHEADS_MAX = SIDE_BENCHMARKS_MAX,
    NOISE_LIMIT_PERCENT = 10,
    SLOWDOWN_LIMIT_PERCENT = 20,
    BREAK_EVEN_FACTOR = 5, /* work of 5 penalties makes one penalty 20% */
};

enum role { ROLE_BASELINE, ROLE_SUBJECT, ROLE_CONTROL, ROLES };

/* One difference that spoils the experiment. */
struct confounder {
    const char *what;              /* "uid", "mode of open"... */
    const char *where_a, *where_b; /* whose values: cells' names, "witness"... */
    char a[CONFOUNDER_TEXT], b[CONFOUNDER_TEXT];
};

enum attribution {
    BY_RUNTIME,        /* the runtime did this */
    BY_POD_SPEC,       /* the same on both sides: the pod's settings did it */
    OPEN_IN_BOTH,      /* the same on both sides: nothing stands in the way */
    BY_RUNTIME_LOOSER, /* gVisor is looser here, or lacks a defence */
    UNDECIDED,
    ATTRIBUTIONS,
};

/* What one cell made of it, as a finding compares it. */
struct outcome {
    enum probe_result result;
    enum probe_cause cause;
    const char *errnum, *value; /* or NULL */
    bool is_write;
    enum fate fate;             /* of a write */
    enum prediction prediction; /* of a write; else PREDICT_ALLOWED */
};

/* One probe, or one thing made on the path, for the cells it says the same of. */
struct comparison_finding {
    const char *id;   /* the probe's */
    const char *kind; /* of a write: "file", "fifo"...; else NULL */
    bool locked;      /* of a write: in locked/ */
    enum probe_group group;
    enum attribution attribution;
    unsigned cells;  /* bit i: cell i, subjects only */
    const char *why; /* a constant sentence */
    struct outcome outcomes[CELLS_MAX];
};

/* A regular file in open/: what this is about. */
struct cell_verdict {
    enum role role;
    enum fate file, fifo, socket, locked; /* FATES: no such attempt */
    int reached_socket, reached_fifo;     /* decoys: 1 yes, 0 no, -1 unknown */
};

enum answer { ANSWER_YES, ANSWER_NO, ANSWER_NOISY, ANSWER_UNKNOWN, ANSWERS };

/* What a program does most; no one figure stands for all of them. */
enum work { WORK_CPU, WORK_MIXED, WORK_SYSCALL, WORK_OTHER, WORKS };

/* (s-n)/n of one benchmark; n is the baseline's median. */
struct overhead {
    const char *id, *title;
    enum work work;
    size_t cell;
    double baseline_ns, cell_ns;
    double percent;       /* only where within is YES or NO */
    double break_even_ns; /* of a call: work between calls that makes its cost 20%; 0: no penalty */
    enum answer within;   /* at most 20% slower? */
};

struct comparison {
    const struct side *cells;
    size_t cell_count;
    const struct landing *landing;
    int control;                                        /* index, or -1 */
    bool valid;                                         /* no confounders */
    struct confounder confounders[CONFOUNDERS_MAX + 1]; /* the last one is not shown */
    size_t confounder_count;                            /* may exceed CONFOUNDERS_MAX */
    const char *undeclared[UNDECLARED_MAX]; /* settings that no cell tells, so not compared */
    size_t undeclared_count;
    struct cell_verdict verdicts[CELLS_MAX];
    struct comparison_finding findings[FINDINGS_MAX];
    size_t finding_count;
    struct overhead overheads[OVERHEADS_MAX * CELLS_MAX];
    size_t overhead_count;
};

/* cells and landing are borrowed. count is CELLS_MIN to CELLS_MAX. */
void comparison_make(struct comparison *ret, const struct side *cells, size_t count,
                     const struct landing *landing);

/* Its parts, each in a file of its own. */
void comparison_find_confounders(struct comparison *comparison);
void comparison_attribute(struct comparison *comparison);
void comparison_weigh_costs(struct comparison *comparison);

/* Credits one subject's outcome against the baseline's; control may be NULL. */
struct attribution_case {
    const struct outcome *baseline, *subject, *control;
    bool subject_filtered; /* a seccomp filter is on there */
    bool loss_if_missing;  /* the thing is a defence: without it one is worse off */
};
enum attribution attribute(const struct attribution_case *given, const char **ret_why);

/* The worst answer of a kind of work; UNKNOWN where none was measured. */
enum answer comparison_within(const struct comparison *comparison, size_t cell, enum work work);

const char *work_name(enum work work);
const char *role_name(enum role role);
const char *attribution_name(enum attribution attribution);
const char *answer_name(enum answer answer);

static inline char comparison_letter(size_t cell)
{
    return (char)('A' + cell);
}

#endif
