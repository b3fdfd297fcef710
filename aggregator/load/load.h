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

/* A run of the ledger that is an object. */
struct load_object {
    const char *run_id;
    const char *etag;         /* asked for; NULL or "": none is known */
    bool is_there;            /* the ledger has the run */
    bool is_same;             /* it has the run, or a version of it, with that ETag */
    char digest[DIGEST_TEXT]; /* of the run, where it is there */
};

enum { LOAD_ASKED_MAX = 1000 };

/*
 * Asks the ledger for objects, at most LOAD_ASKED_MAX, sorted by run_id. With versions, a run may
 * also be RUN@DIGEST. REFUSED where an object was loaded and its totals are gone.
 */
bool load_ask(const struct load_request *request, struct load_object *objects, size_t count,
              bool versions, struct err *err);

/*
 * Applies the totals of several runs, sorted by run_id, in one transaction; no totals may be none.
 * *ret_lost: one of them is in the ledger already, so nothing was loaded. *ret_unknown: that may be
 * by this very call, because the answer to COMMIT was lost. Totals are read as load_apply() does.
 */
bool load_apply_all(const struct load_request *request, struct total_stream *totals, uint64_t keys,
                    struct run_facts *runs, size_t count, bool *ret_lost, bool *ret_unknown,
                    struct err *err);

/* Notes the ETags of objects whose text is in the ledger under another one. */
bool load_note_etags(const struct load_request *request, const struct load_object *objects,
                     size_t count, struct err *err);

#endif
