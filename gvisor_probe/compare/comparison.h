/*
 * Compares the cells of an experiment. Pure.
 *
 * First the confounders: whatever else differs between the cells makes the experiment invalid, and
 * then the runtime is credited with nothing. Of what is left, Unix permissions, read-only mounts,
 * seccomp and capabilities explain what they can; the runtime gets only the rest.
 */
#ifndef GVISOR_PROBE_COMPARE_COMPARISON_H
#define GVISOR_PROBE_COMPARE_COMPARISON_H

#include "gvisor_probe/compare/confounders.h"
#include "gvisor_probe/compare/experiment.h"
#include "gvisor_probe/compare/findings.h"
#include "gvisor_probe/compare/overheads.h"

/* What became of a cell's attempts on the mounted path; `file` is what the experiment is about. */
struct cell_verdict {
    enum role role;
    enum fate file, fifo, socket, locked; /* FATES: not tried */
    int reached_socket, reached_fifo;     /* decoys: 1 yes, 0 no, -1 unknown */
};

/* Texts are borrowed from cells and witness, or constants. */
struct comparison {
    struct experiment experiment;
    bool valid; /* no confounders */
    struct confounders confounders;
    struct cell_verdict verdicts[CELLS_MAX];
    struct findings findings; /* empty unless valid */
    struct overheads overheads;
};

/* cells and witness are borrowed. count is CELLS_MIN to CELLS_MAX. */
void comparison_make(struct comparison *ret, const struct cell *cells, size_t count,
                     const struct witness_record *witness);

#endif
