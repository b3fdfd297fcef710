/*
 * Loads totals into the table exactly once, in one short transaction: claim the run in the ledger,
 * lock, COPY, merge.
 */
#ifndef AGGREGATOR_LOAD_LOAD_H
#define AGGREGATOR_LOAD_LOAD_H

#include "aggregator/load/facts.h"
#include "aggregator/load/target.h"
#include "common/postgres/pg.h"

struct load_request {
    struct pg_settings database;
    struct target_request target;
    const char *run_id; /* NULL: the input's digest */
    struct shard shard;
    bool allow_empty_table;  /* an applied run's totals may be gone, because they were moved */
    bool allow_equal_shards; /* two shards of a run may have equal input */
    uint64_t bad_lines;
    double started;       /* machine_seconds() when the run began */
    char runs_before[64]; /* the ledger's newest run when load_prepare() made the table, or "" */
};

/*
 * Checks the server and the table before any input is read, and makes missing tables. REFUSED when
 * the run id is in the ledger and its totals are gone.
 */
bool load_prepare(struct load_request *request, struct err *err);

/*
 * Applies the totals of a run once, however often it is called. After a serialization failure or a
 * lost answer to COMMIT it claims the run again; when that does not help, the failure is TRANSIENT.
 * REFUSED: the run id was loaded from other input, or with another number of shards; another shard
 * of the run had equal input; its totals are gone; the table cannot hold a total.
 * *run says what was read. Its already_applied and the members that begin with load are set.
 */
bool load_apply(const struct load_request *request, struct total_stream *totals,
                struct run_facts *run, struct err *err);

#endif
