/*
 * The table that is loaded into, as the server knows it: found by exact, then folded names, made
 * when missing and allowed, checked for what the load needs.
 */
#ifndef AGGREGATOR_LOAD_TARGET_H
#define AGGREGATOR_LOAD_TARGET_H

#include <stdbool.h>

#include "aggregator/load/load_pg.h"
#include "aggregator/load/sql_text.h"
#include "common/buf.h"

struct target_request {
    struct sql_name table;
    const char *key, *value; /* field names; columns are named alike */
    bool statistics;
    bool create; /* tables may be made */
    bool look;   /* nothing is loaded: no right to do so is needed */
};

struct target {
    struct sql_target sql; /* borrows from text */
    const char *name;      /* the ledger's: schema.table and fields */
    const char *cut_type;  /* SQL type of a key column that can cut, or NULL */
    bool made;             /* by this transaction */
    struct buf text[16];   /* what the others borrow from */
    size_t text_count;
};

/*
 * In an open transaction. REFUSED where the table cannot serve: wrong kind, no such column, inexact
 * type, no unique index, missing rights. Release *ret in any case.
 */
bool target_open(struct target *ret, struct pg *pg, const struct target_request *request,
                 struct err *err);
void target_release(struct target *target);

/*
 * Only the work's name and its ledger, also where the table is gone; REFUSED when there is no
 * ledger.
 */
bool target_open_ledger(struct target *ret, struct pg *pg, const struct target_request *request,
                        struct err *err);

/* The statements that target_open() would make missing tables with, and the role's rights. */
bool target_init_script(const struct target_request *request, struct buf *out, struct err *err);

#endif
