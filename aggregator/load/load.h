/*
 * Totals into the table exactly once: claim, lock, COPY, merge and ledger in one short transaction.
 */
#ifndef AGGREGATOR_LOAD_LOAD_H
#define AGGREGATOR_LOAD_LOAD_H

#include "aggregator/load/facts.h"
#include "aggregator/load/load_pg.h"
#include "aggregator/load/target.h"

struct load_request {
    struct pg_settings database;
    struct target_request target;
    const char *run_id; /* NULL: the input's digest */
    struct shard shard;
    bool allow_empty_table;  /* totals of a known run may be gone: they were moved away */
    bool allow_equal_shards; /* shards of a run may have the same input */
    uint64_t bad_lines;
    double started;       /* machine_seconds() when the run began */
    char runs_before[64]; /* load_prepare()'s: the ledger's newest run when it made the table */
};

/*
 * Reaches the server and the table before any input is read; tables are made when missing. REFUSED
 * where the run id is in the ledger and its totals are gone.
 */
bool load_prepare(struct load_request *request, struct err *err);

/*
 * Applies the totals once, however often it is called for the same run. Serialization failures and
 * a lost answer to COMMIT are settled inside by claiming again; what stays is TRANSIENT. REFUSED:
 * the run id was loaded with other input or another shard count, another shard of it had this very
 * input, or its totals are gone, or the table cannot hold a total.
 * *run has what was read, under which id; already_applied and what begins with load are set.
 */
bool load_apply(const struct load_request *request, struct total_stream *totals,
                struct run_facts *run, struct err *err);

#endif
