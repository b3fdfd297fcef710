#include "gvisor_probe/compare/comparison.h"

#include <string.h>

static enum fate fate_of(const struct experiment *experiment, size_t cell, const char *probe)
{
    const struct cell *at = &experiment->cells[cell];

    for (size_t i = 0; i < at->write_count; i++)
        if (strcmp(at->writes[i].probe, probe) == 0)
            return witness_record_fate(experiment->witness, &at->writes[i]);
    return FATES;
}

/* 1 needs both: the cell says it reached the decoy, and the witness, if it had decoys, saw it. */
static int reached(const struct experiment *experiment, size_t cell, const char *id, bool seen)
{
    const struct cell_probe *probe = cell_find_probe(&experiment->cells[cell], id);

    if (probe == NULL || probe->result == RESULT_SKIPPED)
        return -1;
    if (probe->result != RESULT_ALLOWED)
        return 0;
    return experiment->witness->has_decoys && !seen ? -1 : 1;
}

static struct cell_verdict judge(const struct experiment *experiment, size_t cell)
{
    const struct cell *at = &experiment->cells[cell];
    const struct witness_record *witness = experiment->witness;

    return (struct cell_verdict){
        .role = experiment_role(experiment, cell),
        .file = fate_of(experiment, cell, "host_file_write"),
        .locked = fate_of(experiment, cell, "host_locked_write"),
        .fifo = fate_of(experiment, cell, "host_fifo_create"),
        .socket = fate_of(experiment, cell, "host_socket_create"),
        .reached_socket = reached(experiment, cell, "host_socket_connect",
                                  witness_record_visited(witness, at->run_id, at->name)),
        .reached_fifo = reached(experiment, cell, "host_fifo_open", witness->fifo_opens > 0),
    };
}

void comparison_make(struct comparison *ret, const struct cell *cells, size_t count,
                     const struct witness_record *witness)
{
    memset(ret, 0, sizeof *ret);
    ret->experiment = experiment_of(cells, count, witness);
    confounders_find(&ret->experiment, &ret->confounders);
    ret->valid = ret->confounders.count == 0;
    for (size_t i = 0; i < count; i++)
        ret->verdicts[i] = judge(&ret->experiment, i);
    if (ret->valid)
        findings_make(&ret->experiment, &ret->findings);
    overheads_weigh(&ret->experiment, &ret->overheads);
}
