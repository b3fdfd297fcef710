#include "aggregator/config.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/config_table.h"
#include "common/machine.h"
#include "common/num.h"
#include "common/postgres/pg_settings.h"

enum { MIB = 1 << 20, RUN_ID_MAX = 512, SHARE_OF_LIMIT = 2 };

/* How they fit together. */

static bool is_column_name(const char *name)
{
    return name[0] != '\0' && strlen(name) <= SQL_NAME_MAX;
}

static bool check_database(struct config *config, struct err *err)
{
    struct pg_settings *db = &config->database;

    if (!pg_settings_read(db, config->dsn, err))
        return false;
    db->wait_ms = config->wait_ms;
    db->lock_timeout_ms = config->lock_timeout_ms;
    if (!pg_settings_name_one(db))
        return err_set(err, STATUS_USAGE,
                       "no database is named: set DB_URL, DB_NAME, DB_USER and DB_PASSWORD, or "
                       "--dsn, or --print the totals instead");
    if (!is_column_name(config->key_column) || !is_column_name(config->value_column))
        return err_set(err, STATUS_USAGE,
                       "--key and --value name columns, of 1 to %d bytes each: choose others with "
                       "--key-column and --value-column",
                       SQL_NAME_MAX);
    return pg_check_settings(db, err) && pg_settings_read_password(db, config->password, err);
}

static bool is_statistic(const char *name)
{
    return strcmp(name, "count") == 0 || strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
}

static bool check_fields(const struct config *config, struct err *err)
{
    const char *key = config->key_column, *value = config->value_column;

    if (strcmp(config->key.text, config->value.text) == 0)
        return err_set(err, STATUS_USAGE, "--key and --value are both '%s'", config->key.text);
    if (field_overlaps(&config->key, &config->value))
        return err_set(err, STATUS_USAGE,
                       "--key '%s' and --value '%s' cannot both be in an event: one is the other, "
                       "or within it",
                       config->key.text, config->value.text);
    if (strcmp(key, value) == 0)
        return err_set(err, STATUS_USAGE,
                       "--key '%s' and --value '%s' would both be column '%s': name one with "
                       "--key-column or --value-column",
                       config->key.text, config->value.text, key);
    return !config->statistics || !(is_statistic(key) || is_statistic(value)) ||
           err_set(err, STATUS_USAGE,
                   "--stats adds columns count, min and max: --key and --value need other "
                   "names, or --key-column and --value-column");
}

static bool check_run(const struct config *config, struct err *err)
{
    if (!check_fields(config, err))
        return false;
    if (config->shard.count > 1 && config->run_id == NULL)
        return err_set(err, STATUS_USAGE,
                       "--shard %u/%u needs --run-id: the shards' inputs differ, so their digests "
                       "cannot name the run",
                       config->shard.index, config->shard.count);
    if (config->run_id != NULL && strlen(config->run_id) > RUN_ID_MAX)
        return err_set(err, STATUS_USAGE, "--run-id has more than %d bytes", RUN_ID_MAX);
    if (config->max_memory < FOLD_MEMORY_MIN + config->max_line)
        return err_set(err, STATUS_USAGE,
                       "--max-memory %llu is less than %d for the program and %llu for a line of "
                       "--max-line",
                       (unsigned long long)config->max_memory, FOLD_MEMORY_MIN,
                       (unsigned long long)config->max_line);
    return true;
}

static void fill_defaults(struct config *config)
{
    const uint64_t usual = 256 * MIB;

    if (config->threads == 0)
        config->threads = machine_cpus();
    if (config->threads > CONFIG_THREADS_MAX)
        config->threads = CONFIG_THREADS_MAX;
    if (config->max_memory == 0) {
        uint64_t share = machine_memory() / SHARE_OF_LIMIT;
        config->max_memory = share != 0 && share < usual ? share : usual;
        uint64_t least = FOLD_MEMORY_MIN + config->max_line;
        config->max_memory = config->max_memory < least ? least : config->max_memory;
    }
    if (config->spill_dir == NULL)
        config->spill_dir = "/tmp";
    if (config->key_column == NULL)
        config->key_column = field_name(&config->key);
    if (config->value_column == NULL)
        config->value_column = field_name(&config->value);
}

static bool complete(struct config *config, const struct operands *operands, struct err *err)
{
    fill_defaults(config);
    config->operands = operands->item;
    config->operand_count = (size_t)operands->count;
    config->action = config->print != PRINT_NONE ? ACTION_FOLD_AND_PRINT : ACTION_FOLD_AND_LOAD;
    if (config->init_sql)
        config->action = ACTION_INIT_SQL;
    else if (operands->count > 0 && strcmp(operands->item[0], "runs") == 0)
        config->action = ACTION_RUNS;
    else if (operands->count > 0 && strcmp(operands->item[0], "top") == 0)
        config->action = ACTION_TOP;
    else if (operands->count > 0 && strcmp(operands->item[0], "split") == 0)
        config->action = ACTION_SPLIT;
    if ((config->action == ACTION_RUNS || config->action == ACTION_TOP) && operands->count > 1)
        return err_set(err, STATUS_USAGE,
                       "`aggregator %s` takes no '%s'; a file of that name is ./%s",
                       operands->item[0], operands->item[1], operands->item[0]);
    if (config->action == ACTION_SPLIT) {
        config->operands++;
        config->operand_count--;
    }
    if (config->range_text != NULL && !s3_range_parse(config->range_text, &config->range, err))
        return false;
    if (config->forget != NULL && config->action != ACTION_RUNS)
        return err_set(err, STATUS_USAGE, "--forget is for `aggregator runs`");
    if (config->nul && config->files_from == NULL)
        return err_set(err, STATUS_USAGE, "--null is for the names in --files-from");
    const bool unnamed = config->operand_count == 0 && config->files_from == NULL;
    if (config->action == ACTION_SPLIT && unnamed)
        return err_set(err, STATUS_USAGE, "`aggregator split` needs s3://BUCKET/PREFIX/");
    config->input_by_default = unnamed && config->input == NULL;
    if (config->input == NULL)
        config->input = "events.jsonl";
    if (unnamed) {
        config->operands = (char *const *)&config->input;
        config->operand_count = 1;
    }
    if (!sql_parse_name(config->table, &config->table_name, err) || !check_run(config, err))
        return false;
    return config->action == ACTION_INIT_SQL || config->action == ACTION_FOLD_AND_PRINT ||
           config->action == ACTION_SPLIT || check_database(config, err);
}

enum options_outcome config_read(struct config *config, int argc, char **argv, struct err *err)
{
    struct operands operands;

    *config = (struct config){0};
    enum options_outcome outcome =
        options_read(&config_info, config_specs, config, &operands, argc, argv, err);
    if (outcome == OPTIONS_RUN && !complete(config, &operands, err))
        return OPTIONS_BAD;
    return outcome;
}
