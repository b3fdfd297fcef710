/*
 * The witness's record (witness.schema.json), read for comparison: what landed on the host, and who
 * reached its decoys. Pure. Texts are borrowed from the parsed record.
 */
#ifndef GVISOR_PROBE_COMPARE_WITNESS_RECORD_H
#define GVISOR_PROBE_COMPARE_WITNESS_RECORD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "gvisor_probe/report/cell.h"

struct witness_record {
    cJSON *json;                 /* owned; NULL: without a witness */
    const char *source;          /* borrowed */
    const char *fault;           /* NULL: the record is valid */
    const char *token, *boot_id; /* boot_id may be NULL */
    const cJSON *entries, *filestores;
    bool truncated; /* entries is incomplete */
    bool has_decoys;
    const cJSON *connections;
    uint64_t accepts, fifo_opens;
};

/* What became of something that a cell made, or tried to make, on the mounted path. */
enum fate {
    FATE_LANDED,    /* the host has it */
    FATE_CONTAINED, /* made inside; the host does not have it */
    FATE_DENIED,    /* not made */
    FATE_UNKNOWN,   /* made inside; not known what the host has */
    FATE_FORGED,    /* the host has something else by that name */
    FATES,
};

const char *fate_name(enum fate fate);

/* Takes over the record, also on failure (INPUT). */
bool witness_record_read(struct witness_record *ret, const char *source, cJSON *record,
                         struct err *err);
void witness_record_release(struct witness_record *record);

enum fate witness_record_fate(const struct witness_record *record, const struct cell_write *write);

/* Did this cell reach the decoy socket? Each visitor sends RUN-CELL. */
bool witness_record_visited(const struct witness_record *record, const char *run_id,
                            const char *cell);

#endif
