/* For each probe and write: how its outcomes compare between the cells, and why. Pure. */
#ifndef GVISOR_PROBE_COMPARE_FINDINGS_H
#define GVISOR_PROBE_COMPARE_FINDINGS_H

#include "gvisor_probe/compare/attribute.h"
#include "gvisor_probe/compare/experiment.h"

enum { FINDINGS_MAX = 2 * CELL_PROBES_MAX + CELL_WRITES_MAX };

/* One probe or write, and all subjects that share one explanation of it. */
struct comparison_finding {
    const char *id;   /* the probe's */
    const char *kind; /* of a write: "file", "fifo"...; else NULL */
    bool locked;      /* of a write: in locked/ */
    enum probe_group group;
    enum attribution attribution;
    unsigned subjects; /* bit i: cell i */
    const char *why;   /* a constant sentence */
    struct outcome outcomes[CELLS_MAX];
};

struct findings {
    struct comparison_finding items[FINDINGS_MAX];
    size_t count;
};

/* Only for an experiment without confounders. *ret must be zeroed. */
void findings_make(const struct experiment *experiment, struct findings *ret);

#endif
