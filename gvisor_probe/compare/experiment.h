/*
 * An experiment: its cells, and what the witness recorded. Pure.
 *
 * The first cell is the baseline. A cell with the baseline's runtime and seccomp Unconfined is the
 * control: it shows what the host's kernel would do without the seccomp filter. The others are the
 * subjects.
 */
#ifndef GVISOR_PROBE_COMPARE_EXPERIMENT_H
#define GVISOR_PROBE_COMPARE_EXPERIMENT_H

#include <stddef.h>

#include "gvisor_probe/compare/witness_record.h"
#include "gvisor_probe/report/cell.h"

enum { CELLS_MIN = 2, CELLS_MAX = 6 };

enum role { ROLE_BASELINE, ROLE_SUBJECT, ROLE_CONTROL, ROLES };

struct experiment {
    const struct cell *cells;
    size_t cell_count;
    const struct witness_record *witness;
    int control; /* index, or -1 */
};

/* Borrows both. count is CELLS_MIN to CELLS_MAX. */
struct experiment experiment_of(const struct cell *cells, size_t count,
                                const struct witness_record *witness);

enum role experiment_role(const struct experiment *experiment, size_t cell);
const char *role_name(enum role role);

/* A, B, C...: names a cell in a table. */
static inline char cell_letter(size_t cell)
{
    return (char)('A' + cell);
}

#endif
