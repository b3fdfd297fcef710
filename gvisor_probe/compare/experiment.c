#include "gvisor_probe/compare/experiment.h"

#include <string.h>

static const char *const roles[ROLES] = {
    [ROLE_BASELINE] = "baseline", [ROLE_SUBJECT] = "subject", [ROLE_CONTROL] = "control"};

const char *role_name(enum role role)
{
    return roles[role];
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int find_control(const struct cell *cells, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (same_text(cells[i].runtime, cells[0].runtime) && cells[i].seccomp_declared != NULL &&
            strcmp(cells[i].seccomp_declared, "Unconfined") == 0 &&
            !same_text(cells[0].seccomp_declared, "Unconfined"))
            return (int)i;
    return -1;
}

struct experiment experiment_of(const struct cell *cells, size_t count,
                                const struct witness_record *witness)
{
    return (struct experiment){.cells = cells,
                               .cell_count = count,
                               .witness = witness,
                               .control = find_control(cells, count)};
}

enum role experiment_role(const struct experiment *experiment, size_t cell)
{
    if (cell == 0)
        return ROLE_BASELINE;
    return (int)cell == experiment->control ? ROLE_CONTROL : ROLE_SUBJECT;
}
