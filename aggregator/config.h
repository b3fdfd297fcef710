/* The aggregator's configuration: options, environment, and how they fit together. */
#ifndef AGGREGATOR_CONFIG_H
#define AGGREGATOR_CONFIG_H

#include "aggregator/load/load.h"
#include "aggregator/print_rows.h"
#include "aggregator/s3/client.h"
#include "common/options.h"
#include "common/postgres/password_file.h"

enum action {
    ACTION_FOLD_AND_LOAD,
    ACTION_FOLD_AND_PRINT,
    ACTION_INIT_SQL,
    ACTION_RUNS,
    ACTION_TOP,
    ACTION_SPLIT
};

struct config {
    enum action action;
    struct common_options common;
    char *const *operands; /* files and directories; for the FOLD actions one at least, or a list */
    size_t operand_count;
    const char *files_from; /* the list, or NULL */
    bool nul, recursive;

    const char *input;     /* where no FILE is given */
    bool input_by_default; /* neither is this one */
    struct field key, value;
    const char *key_column, *value_column; /* what they are called where totals go */
    const char *table;
    unsigned accept; /* ACCEPT_ bits */
    bool skip_missing;
    bool statistics;
    const char *run_id, *forget;
    bool allow_empty_table, allow_equal_shards;
    struct shard shard;
    struct s3_settings s3;
    const char *range_text; /* --range, or NULL: all objects */
    struct s3_range range;
    bool new_versions, allow_refused;
    uint64_t batch_objects, batch_bytes, parts;
    struct bad_line_policy bad_lines;
    const char *rejects, *spill_dir, *outputs;
    uint64_t min_lines, max_line, max_key, max_memory, threads;
    const char *dsn;
    uint64_t wait_ms, lock_timeout_ms;
    int create; /* 0: missing tables are made; 1: never */
    int print;  /* enum print_format */
    bool init_sql;

    struct sql_name table_name;
    struct pg_settings database;
    char password[PASSWORD_MAX + 1]; /* of DB_PASSWORD_FILE */
};

/* OPTIONS_RUN: *config is complete and checked, and must stay where it is; texts are borrowed from
 * argv and environment. */
enum options_outcome config_read(struct config *config, int argc, char **argv, struct err *err);

#endif
