#include "aggregator/config_table.h"

#include "common/postgres/setting_text.h"

enum { PARTS_MAX = 1000, MIB = 1 << 20 };

static option_parse parse_bad_lines, parse_column, parse_run_id, parse_table, parse_field,
    parse_accept, parse_range;

const struct option_spec config_specs[] = {
    {.name = "key",
     .short_name = 'k',
     .arg = "FIELD",
     .fallback = "userId",
     .parse = parse_field,
     .offset = offsetof(struct config, key),
     .help = "field to group by: a name, or a JSON Pointer such as /user/id"},
    {.name = "value",
     .short_name = 'v',
     .arg = "FIELD",
     .fallback = "sessionDuration",
     .parse = parse_field,
     .offset = offsetof(struct config, value),
     .help = "field to add up, named alike"},
    {.name = "key-column",
     .arg = "NAME",
     .parse = parse_column,
     .offset = offsetof(struct config, key_column),
     .help = "column and header of the keys [the field's own name: id for /user/id]"},
    {.name = "value-column",
     .arg = "NAME",
     .parse = parse_column,
     .offset = offsetof(struct config, value_column),
     .help = "column and header of the sums, likewise"},
    {.name = "accept",
     .arg = "LIST",
     .parse = parse_accept,
     .offset = offsetof(struct config, accept),
     .help = "what to take beside strings as keys and integers as values: number-keys (4711), "
             "text-numbers (\"100\"), whole-floats (100.0, 1e2), extended-json "
             "({\"$numberLong\":\"100\"}), concatenated (objects without a line each); with commas "
             "between"},
    {.name = "skip-missing",
     .parse = option_flag,
     .offset = offsetof(struct config, skip_missing),
     .help = "pass over events in which key or value is absent or null"},
    {.name = "stats",
     .parse = option_flag,
     .offset = offsetof(struct config, statistics),
     .help = "keep count, min and max beside the sum"},
    {.name = "print",
     .short_name = 'p',
     .arg = "csv|json|table",
     .parse = option_choice,
     .choices = "none|csv|json|table",
     .offset = offsetof(struct config, print),
     .help = "write the totals to stdout, sorted by key, instead of loading them"},
    {.name = "max-bad",
     .arg = "N|P%",
     .fallback = "0",
     .parse = parse_bad_lines,
     .offset = offsetof(struct config, bad_lines),
     .help = "bad lines to tolerate: a count, or a share of the lines, judged at the end; never "
             "all of them, nor a file of another format"},
    {.name = "rejects",
     .arg = "FILE",
     .parse = option_text,
     .offset = offsetof(struct config, rejects),
     .help = "keep bad lines in FILE: file:line:column: reason, a tab, the line's bytes"},
    {.name = "files-from",
     .arg = "FILE",
     .parse = option_text,
     .offset = offsetof(struct config, files_from),
     .help = "read the files and directories too that FILE names, one a line; - is stdin"},
    {.name = "null",
     .short_name = '0',
     .parse = option_flag,
     .offset = offsetof(struct config, nul),
     .help = "names in --files-from end in NUL, as find -print0 writes them"},
    {.name = "recursive",
     .short_name = 'R',
     .parse = option_flag,
     .offset = offsetof(struct config, recursive),
     .help = "of a directory read what is in its directories too"},
    {.name = "min-lines",
     .arg = "N",
     .fallback = "0",
     .parse = option_u64,
     .max = UINT64_MAX,
     .offset = offsetof(struct config, min_lines),
     .help =
         "fail where the input has fewer lines that are not blank: an upload that was cut short "
         "must not pass for a run"},
    {.name = "max-line",
     .arg = "SIZE",
     .fallback = "1M",
     .parse = option_size,
     .min = 64,
     .max = 256 * MIB,
     .offset = offsetof(struct config, max_line),
     .help = "longest line that is valid"},
    {.name = "max-key",
     .arg = "BYTES",
     .fallback = "1024",
     .parse = option_u64,
     .min = 1,
     .max = SCAN_KEY_LIMIT,
     .offset = offsetof(struct config, max_key),
     .help = "longest key that is valid"},
    {.name = "threads",
     .short_name = 't',
     .arg = "N",
     .parse = option_u64,
     .min = 1,
     .max = CONFIG_THREADS_MAX,
     .offset = offsetof(struct config, threads),
     .help = "readers side by side [the CPUs this process may use]"},
    {.name = "max-memory",
     .short_name = 'm',
     .arg = "SIZE",
     .parse = option_size,
     .min = FOLD_MEMORY_MIN,
     .max = (uint64_t)1 << 40,
     .offset = offsetof(struct config, max_memory),
     .help = "memory to stay within [256M, or half of the cgroup's limit if that is less]; more "
             "totals go to temporary files, and windows of zstd count"},
    {.name = "spill-dir",
     .arg = "DIR",
     .parse = option_text,
     .env_alias = "TMPDIR",
     .offset = offsetof(struct config, spill_dir),
     .help = "where those temporary files go [/tmp]"},
    {.name = "dsn",
     .short_name = 'd',
     .arg = "URI",
     .parse = option_text,
     .offset = offsetof(struct config, dsn),
     .help = "database, without a password: postgresql://user@host:port/name?sslmode=..."},
    {.name = "table",
     .short_name = 'T',
     .arg = "NAME",
     .fallback = "session_duration",
     .parse = parse_table,
     .offset = offsetof(struct config, table),
     .help = "table to add to: name or schema.name"},
    {.name = "create",
     .arg = "auto|never",
     .fallback = "auto",
     .parse = option_choice,
     .choices = "auto|never",
     .offset = offsetof(struct config, create),
     .help = "whether missing tables are made"},
    {.name = "run-id",
     .short_name = 'r',
     .arg = "ID",
     .parse = parse_run_id,
     .offset = offsetof(struct config, run_id),
     .help = "name of this run: the same run is loaded once [the input's digest]"},
    {.name = "allow-empty-table",
     .parse = option_flag,
     .offset = offsetof(struct config, allow_empty_table),
     .help = "a run in the ledger counts as loaded though the table is empty: its totals were "
             "moved away"},
    {.name = "forget",
     .arg = "RUN",
     .parse = option_text,
     .offset = offsetof(struct config, forget),
     .argv_only = true,
     .help = "with `runs`: delete this run of the table from the ledger, so that it can be loaded "
             "again, and print what was deleted"},
    {.name = "shard",
     .arg = "I/N",
     .fallback = "0/1",
     .parse = option_shard,
     .offset = offsetof(struct config, shard),
     .help = "this is part I (from 0) of N of the run; needs --run-id when N is over 1"},
    {.name = "allow-equal-shards",
     .parse = option_flag,
     .offset = offsetof(struct config, allow_equal_shards),
     .help =
         "shards of a run may have the same input; without it that is taken for one file handed "
         "to two of them"},
    {.name = "wait-db",
     .arg = "TIME",
     .fallback = "0s",
     .parse = option_duration,
     .max = 86400000,
     .offset = offsetof(struct config, wait_ms),
     .help = "keep trying to reach the database at the start: 60s, 5m"},
    {.name = "lock-timeout",
     .arg = "TIME",
     .fallback = "10m",
     .parse = option_duration,
     .min = 1,
     .max = 86400000,
     .offset = offsetof(struct config, lock_timeout_ms),
     .help = "how long to wait for other loads of the same table"},
    {.name = "s3-endpoint",
     .arg = "URL",
     .parse = option_text,
     .env_alias = "AWS_ENDPOINT_URL",
     .offset = offsetof(struct config, s3.endpoint),
     .help = "the server of s3:// names: https://HOST or https://HOST:PORT [Amazon's]"},
    {.name = "s3-region",
     .arg = "NAME",
     .fallback = "us-east-1",
     .parse = option_text,
     .env_alias = "AWS_REGION",
     .offset = offsetof(struct config, s3.region),
     .help = "its region"},
    {.name = "s3-style",
     .arg = "auto|path|host",
     .fallback = "auto",
     .parse = option_choice,
     .choices = "auto|path|host",
     .offset = offsetof(struct config, s3.style),
     .help = "where the bucket's name goes; auto: into the path, but for Amazon into the host"},
    {.name = "s3-ca",
     .arg = "FILE",
     .parse = option_text,
     .env_alias = "AWS_CA_BUNDLE",
     .offset = offsetof(struct config, s3.ca_file),
     .help = "certificates (PEM) to trust in place of the system's"},
    {.name = "s3-plain-http",
     .parse = option_flag,
     .offset = offsetof(struct config, s3.plain_http),
     .help = "the endpoint may be http://, which anybody on the way can read and change"},
    {.name = "s3-anonymous",
     .parse = option_flag,
     .offset = offsetof(struct config, s3.anonymous),
     .help = "no credentials: for what is open to all"},
    {.name = "s3-retry",
     .arg = "TIME",
     .fallback = "30s",
     .parse = option_duration,
     .max = 3600000,
     .offset = offsetof(struct config, s3.retry_ms),
     .help = "how long to try again where the server is away, slow or asks for a pause"},
    {.name = "range",
     .arg = "AFTER:UPTO",
     .parse = parse_range,
     .offset = offsetof(struct config, range_text),
     .help = "of the objects only those whose BUCKET/KEY, in byte order, comes after AFTER and up "
             "to UPTO, as `split` prints it"},
    {.name = "parts",
     .arg = "N",
     .fallback = "1",
     .parse = option_u64,
     .min = 1,
     .max = PARTS_MAX,
     .offset = offsetof(struct config, parts),
     .help = "with `split`: how many ranges, of about the same bytes each"},
    {.name = "batch-objects",
     .arg = "N",
     .fallback = "1000",
     .parse = option_u64,
     .min = 1,
     .max = LOAD_ASKED_MAX,
     .offset = offsetof(struct config, batch_objects),
     .help = "objects that are loaded in one transaction, at most"},
    {.name = "batch-bytes",
     .arg = "SIZE",
     .fallback = "1G",
     .parse = option_size,
     .min = 1,
     .max = (uint64_t)1 << 50,
     .offset = offsetof(struct config, batch_bytes),
     .help = "their bytes as they are stored; a larger object is a batch of its own"},
    {.name = "new-versions",
     .parse = option_flag,
     .offset = offsetof(struct config, new_versions),
     .help = "an object that was loaded and holds another text since is new work, not refused"},
    {.name = "allow-refused",
     .parse = option_flag,
     .offset = offsetof(struct config, allow_refused),
     .help = "objects that are refused, which are left out and named, do not make the run fail"},
    {.name = "outputs",
     .arg = "DIR",
     .parse = option_text,
     .offset = offsetof(struct config, outputs),
     .help = "write lines, users, total, ... to a file each in DIR, for Argo's output parameters"},
    {.name = "init-sql",
     .parse = option_flag,
     .offset = offsetof(struct config, init_sql),
     .argv_only = true,
     .help = "print the statements that set the tables and a role up, for psql; then exit"},
    {.name = "input",
     .arg = "FILE|DIR",
     .parse = option_text,
     .env_alias = "INPUT_FILE",
     .offset = offsetof(struct config, input),
     .help = "what to read where no FILE is given [events.jsonl]"},
    COMMON_OPTIONS(struct config, common),
    {.name = NULL},
};

const struct program_info config_info = {
    .name = "aggregator",
    .env_prefix = "AGGREGATOR",
    .operands = "[FILE|DIR|s3://BUCKET/KEY...]\nruns\ntop\nsplit s3://BUCKET/PREFIX/...",
    .summary =
        "Folds events (JSON Lines; plain, gzip, BGZF or zstd; - is stdin) into totals per key and "
        "loads them into PostgreSQL exactly once, however often the same run is repeated. "
        "`runs` lists what was loaded, `top` the ten largest totals of the table, `split` ranges "
        "of "
        "objects to be loaded side by side.",
    .epilog =
        "Examples:\n"
        "  aggregator --print table events.jsonl\n"
        "  DB_URL=localhost DB_NAME=events DB_USER=me DB_PASSWORD=... aggregator events.jsonl\n"
        "  aggregator --print csv exports/ --recursive\n"
        "  find logs -name '*.gz' -print0 | aggregator --print csv --files-from - -0\n"
        "  aggregator --dsn postgresql://me@db/events --run-id 2025-01-31 --shard 0/4 part0.gz\n"
        "  aggregator --s3-endpoint https://s3.example.com s3://landing/2026/\n"
        "  aggregator split --parts 8 s3://landing/2026/\n"
        "  aggregator --init-sql | psql -v ON_ERROR_STOP=1\n"
        "  aggregator runs --print table\n"
        "  aggregator runs --forget 2025-01-31\n"
        "  aggregator top\n"
        "\n"
        "A directory stands for its regular files, in byte order of their names (with "
        "--recursive,\n"
        "of their paths). Hidden ones and lost+found are left out; so are symbolic links, pipes "
        "and\n"
        "devices, with a warning: name those to read them. A directory without a file to read, "
        "and\n"
        "whatever is missing or unreadable, is refused (4) before anything is read.\n"
        "\n"
        "s3://BUCKET/KEY is an object, s3://BUCKET/PREFIX/ all whose keys begin so, or none. "
        "Without\n"
        "--print each object is a run of its own, BUCKET/KEY, so that of a prefix only what is new "
        "is\n"
        "loaded. Credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
        "AWS_SHARED_CREDENTIALS_FILE\n"
        "(mode 0600), or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, in this order.\n"
        "\n"
        "Database: --dsn, then DB_USER DB_PASSWORD DB_URL (host) DB_NAME DB_PORT, then libpq's\n"
        "PG* variables, password file and service file. DB_PASSWORD_FILE names a file that holds\n"
        "the password alone, of any mode; libpq's own must be of mode 0600. TLS is verify-full\n"
        "unless the host is this machine or sslmode / PGSSLMODE says otherwise.\n"
        "\n"
        "Exit status:\n"
        "   0  done, or this run had been loaded before\n"
        "   1  a bug in this program\n"
        "   2  options or configuration\n"
        "   3  input rejected: a bad line, another format, corrupt compression, a total over 64 "
        "bits\n"
        "   4  refused: login, rights, table, missing or unreadable input, unwritable output\n"
        "  10  may pass, run again: database away, disk or memory short, input still growing\n"
        "  11  cancelled: SIGTERM, SIGINT or ARGO_DEADLINE\n",
};

/* Values of our own. */

static bool parse_bad_lines(void *target, const char *text, const struct option_spec *spec,
                            struct err *err)
{
    (void)spec;
    return bad_lines_parse(text, target, err);
}

/* What goes into JSON and the database must be text. */
static bool parse_column(void *target, const char *text, const struct option_spec *spec,
                         struct err *err)
{
    return setting_check_text("the value", text, err) && option_text(target, text, spec, err);
}

static bool parse_run_id(void *target, const char *text, const struct option_spec *spec,
                         struct err *err)
{
    return setting_check_text("the value", text, err) &&
           setting_check_ends("the value", text, err) &&
           setting_check_filled("the value", text, err) && option_text(target, text, spec, err);
}

static bool parse_table(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    struct sql_name name;
    return setting_check_text("the value", text, err) &&
           setting_check_ends("the value", text, err) &&
           setting_check_filled("the value", text, err) && sql_parse_name(text, &name, err) &&
           option_text(target, text, spec, err);
}

static bool parse_field(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    const char *checked;
    return parse_column(&checked, text, spec, err) && field_parse(target, text, err);
}

static bool parse_range(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    struct s3_range checked;
    return s3_range_parse(text, &checked, err) && option_text(target, text, spec, err);
}

static bool parse_accept(void *target, const char *text, const struct option_spec *spec,
                         struct err *err)
{
    (void)spec;
    return accept_parse(text, target, err);
}
