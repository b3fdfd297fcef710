/* The SQL of the load, with every identifier quoted. Pure. */
#ifndef AGGREGATOR_LOAD_SQL_TEXT_H
#define AGGREGATOR_LOAD_SQL_TEXT_H

#include "common/buf.h"

/* Bytes. PostgreSQL cuts longer identifiers silently; we refuse them. */
enum { SQL_NAME_MAX = 63 };

/* "name" with inner quotes doubled. */
void sql_add_identifier(struct buf *out, const char *name);

/* schema.table or table, as the user wrote it: parts in double quotes may hold dots. */
struct sql_name {
    char schema[SQL_NAME_MAX + 1]; /* empty: found by the search path */
    char table[SQL_NAME_MAX + 1];
};
bool sql_parse_name(const char *text, struct sql_name *ret, struct err *err);

/* "schema"."table", or "table"; ASCII letters in lower case when fold is true. */
void sql_add_name(struct buf *out, const struct sql_name *name, bool fold);

/* The lock under which tables are made, because two sessions that race make CREATE … IF NOT EXISTS
 * fail. All versions of this program share its name. */
#define SQL_LOCK_TABLES                                                                            \
    "SELECT pg_catalog.pg_advisory_xact_lock("                                                     \
    "pg_catalog.hashtextextended('aggregator.create', 0))"

/* In queries of the catalogs: a relation c in its schema n, and its quoted name. */
#define SQL_RELATION      "pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
#define SQL_RELATION_NAME "pg_catalog.format('%I.%I', n.nspname, c.relname)"

/* The table that is loaded into. All texts are quoted for SQL. */
struct sql_target {
    const char *schema; /* only for sql_init_script(); NULL: found by the search path */
    const char *table, *ledger;
    const char *key, *value;
    bool statistics;
    const char *count, *min, *max; /* only with statistics */
};

void sql_create_table(struct buf *out, const struct sql_target *target);

/*
 * The steps 1 to LEDGER_VERSION, run in order, make the ledger. Running one again does no harm. The
 * label is a comment on the table that says which steps it has; dumps keep it.
 */
enum { LEDGER_VERSION = 4 };
#define SQL_LEDGER_LABEL "ledger version (\\d{1,6})" /* a regular expression */
void sql_ledger_step(struct buf *out, const struct sql_target *target, int version);
void sql_label_ledger(struct buf *out, const struct sql_target *target);

void sql_create_staging(struct buf *out, const struct sql_target *target);
void sql_copy_staging(struct buf *out, const struct sql_target *target);

/* Finds a key that a narrow column would cut silently; key_type is its SQL type. */
void sql_find_cut_key(struct buf *out, const char *key_type);

/* Adds the staged totals to the table: an old NULL counts as 0, sums keep the column's type. */
void sql_merge(struct buf *out, const struct sql_target *target);
/* The same in two statements that take less time: those whose keys the table has, and the rest. */
void sql_update_known(struct buf *out, const struct sql_target *target);
void sql_insert_new(struct buf *out, const struct sql_target *target);
void sql_explain_merge(struct buf *out, const struct sql_target *target);

/* Parameters $1.. in the order of facts.h, those that have a column and are not made. */
void sql_claim(struct buf *out, const struct sql_target *target);
/* $1 to $3: target, run, shard; $4: a time of the ledger's, or null. */
void sql_find_claim(struct buf *out, const struct sql_target *target);
/* $1: target, $2: an array of runs, $3: a time of the ledger's, or null. The columns of
 * sql_find_claim(), and after them run and ETag ("": none). */
void sql_find_runs(struct buf *out, const struct sql_target *target);
/* $1: target, $2: an array of ETags. Run and ETag of the rows that have one of them. */
void sql_find_etags(struct buf *out, const struct sql_target *target);
/* $1 to $4: the ETag of target, run and digest. */
void sql_note_etag(struct buf *out, const struct sql_target *target);
void sql_find_other_count(struct buf *out, const struct sql_target *target);

/* A shard but $3 of run $2 into target $1 that had input, with digest $4 or $5, and when. */
void sql_find_equal_shard(struct buf *out, const struct sql_target *target);

/* True where the table holds a row, or row-level security may hide one. */
void sql_holds_rows(struct buf *out, const struct sql_target *target);

/* The time of the newest run into target $1 that had keys; null without one. */
void sql_newest_run(struct buf *out, const struct sql_target *target);

/* All runs, oldest first; as_json: one column of JSON objects. */
void sql_list_ledger(struct buf *out, const struct sql_target *target, bool as_json);

/* The same of the rows of target $1 and run $2, which it deletes. */
void sql_forget_run(struct buf *out, const struct sql_target *target, bool as_json);

/* The largest totals of the table; for_people: keys without control characters, and cut. */
void sql_list_top(struct buf *out, const struct sql_target *target, int rows, bool as_json,
                  bool for_people);

/* How many keys the table has, and what all totals add up to. */
void sql_sum_table(struct buf *out, const struct sql_target *target);

/* The whole set-up for a database owner, for psql: tables and a role with the least rights. */
void sql_init_script(struct buf *out, const struct sql_target *target);

#endif
