/*
 * The SQL of the load, with every identifier quoted. Pure.
 */
#ifndef AGGREGATOR_LOAD_SQL_TEXT_H
#define AGGREGATOR_LOAD_SQL_TEXT_H

#include "common/buf.h"

/* PostgreSQL cuts longer identifiers silently; we refuse them. */
enum { SQL_NAME_MAX = 63 };

/* "name" with inner quotes doubled. */
bool sql_add_identifier(struct buf *out, const char *name, struct err *err);

/* schema.table or table, as the user wrote it: parts in double quotes may hold dots. */
struct sql_name {
    char schema[SQL_NAME_MAX + 1]; /* empty: found by the search path */
    char table[SQL_NAME_MAX + 1];
};
bool sql_parse_name(const char *text, struct sql_name *ret, struct err *err);

/* "schema"."table", or "table"; ASCII letters in lower case when fold is true. */
bool sql_add_name(struct buf *out, const struct sql_name *name, bool fold, struct err *err);

/* Taken before tables are made: CREATE … IF NOT EXISTS alone fails when two sessions race. Any
 * constant will do, as long as all versions of this program share it. */
#define SQL_LOCK_TABLES                                                                            \
    "SELECT pg_catalog.pg_advisory_xact_lock("                                                     \
    "pg_catalog.hashtextextended('aggregator.create', 0))"

/* Of a relation of the server's catalogs, c, in its schema n. */
#define SQL_RELATION      "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
#define SQL_RELATION_NAME "pg_catalog.format('%I.%I', n.nspname, c.relname)"

/* What is loaded into: every text already quoted as SQL wants it. */
struct sql_target {
    const char *schema; /* only for sql_init_script(); NULL: found by the search path */
    const char *table, *ledger;
    const char *key, *value;
    bool statistics;
    const char *count, *min, *max; /* only with statistics */
};

bool sql_create_table(struct buf *out, const struct sql_target *target, struct err *err);

/*
 * The ledger of this program is what the steps 1..LEDGER_VERSION make, run in order. They harm no
 * ledger that has them already. The label, a comment on the table, tells which it has; dumps keep
 * it.
 */
enum { LEDGER_VERSION = 2 };
#define SQL_LEDGER_LABEL "ledger version (\\d{1,6})" /* a regular expression */
bool sql_ledger_step(struct buf *out, const struct sql_target *target, int version,
                     struct err *err);
bool sql_label_ledger(struct buf *out, const struct sql_target *target, struct err *err);

bool sql_create_staging(struct buf *out, const struct sql_target *target, struct err *err);
bool sql_copy_staging(struct buf *out, const struct sql_target *target, struct err *err);

/* Finds a key that a narrow column would cut silently; key_type is its SQL type. */
bool sql_find_cut_key(struct buf *out, const char *key_type, struct err *err);

/* Adds the staged totals to the table: an old NULL counts as 0, sums keep the column's type. */
bool sql_merge(struct buf *out, const struct sql_target *target, struct err *err);
bool sql_explain_merge(struct buf *out, const struct sql_target *target, struct err *err);

/* Parameters $1.. in the order of facts.h, those that have a column and are not made. */
bool sql_claim(struct buf *out, const struct sql_target *target, struct err *err);
/* $1 to $3: target, run, shard; $4: a time of the ledger's, or null. */
bool sql_find_claim(struct buf *out, const struct sql_target *target, struct err *err);
bool sql_find_other_count(struct buf *out, const struct sql_target *target, struct err *err);

/* A shard but $3 of run $2 into target $1 that had input, with digest $4 or $5, and when. */
bool sql_find_equal_shard(struct buf *out, const struct sql_target *target, struct err *err);

/* True where the table holds a row, or row-level security may hide one. */
bool sql_holds_rows(struct buf *out, const struct sql_target *target, struct err *err);

/* The time of the newest run into target $1 that had keys; null without one. */
bool sql_newest_run(struct buf *out, const struct sql_target *target, struct err *err);

/* All runs, oldest first; as_json: one column of JSON objects. */
bool sql_list_ledger(struct buf *out, const struct sql_target *target, bool as_json,
                     struct err *err);

/* The same of the rows of target $1 and run $2, which it deletes. */
bool sql_forget_run(struct buf *out, const struct sql_target *target, bool as_json,
                    struct err *err);

/* The largest totals of the table; for_people: keys without control characters, and cut. */
bool sql_list_top(struct buf *out, const struct sql_target *target, int rows, bool as_json,
                  bool for_people, struct err *err);

/* How many keys the table has, and what all totals add up to. */
bool sql_sum_table(struct buf *out, const struct sql_target *target, struct err *err);

/* The whole set-up for a database owner, for psql: tables and a role with the least rights. */
bool sql_init_script(struct buf *out, const struct sql_target *target, struct err *err);

#endif
