/*
 * Compares the cells of an experiment. Pure.
 *
 * Confounders come first: if anything but the runtime differs between the cells, the experiment is
 * invalid and nothing is attributed to the runtime. In a valid experiment, Unix permissions,
 * read-only mounts, seccomp and capabilities are tried as explanations before the runtime.
 */
#ifndef GVISOR_PROBE_COMPARE_COMPARISON_H
#define GVISOR_PROBE_COMPARE_COMPARISON_H

#include "gvisor_probe/compare/confounders.h"
#include "gvisor_probe/compare/experiment.h"
#include "gvisor_probe/compare/findings.h"
#include "gvisor_probe/compare/overheads.h"

/* What became of a cell's writes on the mounted path, and of its visits to the decoys. */
struct cell_verdict {
    enum role role;
    enum fate file, fifo, socket, locked; /* FATES: not tried */
    int reached_socket, reached_fifo;     /* decoys: 1 yes, 0 no, -1 unknown */
};

/* Texts are constants, or borrowed from cells and witness. */
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
