/*
 * The table that is loaded into: found by its exact name, then in lower case; made when it is
 * missing and may be made; checked for what a load needs.
 */
#ifndef AGGREGATOR_LOAD_TARGET_H
#define AGGREGATOR_LOAD_TARGET_H

#include <stdbool.h>

#include "aggregator/load/sql_text.h"
#include "common/buf.h"
#include "common/postgres/pg.h"

struct target_field {
    const char *name;   /* as --key and --value have it */
    const char *column; /* where it goes */
    bool renamed;       /* that is not the field's own name */
};

struct target_request {
    struct sql_name table;
    struct target_field key, value;
    bool statistics;
    bool create; /* tables may be made */
    bool look;   /* only to read: rights to load are not needed */
};

struct target {
    struct sql_target sql; /* borrows from text */
    const char *name;      /* in the ledger: schema.table and fields */
    const char *cut_type;  /* the key column's SQL type, if it may cut keys, or NULL */
    bool made;             /* by this transaction */
    struct buf text[16];   /* owns the texts of the other members */
    size_t text_count;
};

/*
 * Needs an open transaction. REFUSED when the table is not suitable: not a table, a missing column,
 * an inexact type, no unique index, missing rights. Release *ret in any case.
 */
bool target_open(struct target *ret, struct pg *pg, const struct target_request *request,
                 struct err *err);
void target_release(struct target *target);

/*
 * Finds only the name and the ledger, even when the table is gone. REFUSED when there is no ledger.
 */
bool target_open_ledger(struct target *ret, struct pg *pg, const struct target_request *request,
                        struct err *err);

/* The statements by which target_open() makes missing tables, and a role with its rights. */
bool target_init_script(const struct target_request *request, struct buf *out, struct err *err);

#endif
