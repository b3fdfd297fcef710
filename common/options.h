/*
 * Command line and environment into a configuration struct, from one table per program.
 *
 * The table drives parsing (argp), the environment, range checks and --help, so none can drift.
 * Option beats environment beats default; an empty variable is unset; names are never abbreviated.
 * Each option NAME is also read from <PREFIX>_NAME (dashes become underscores) and from env_alias.
 */
#ifndef COMMON_OPTIONS_H
#define COMMON_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"

struct option_spec;

/* Parses text into the field at target; the message need not name the option. */
typedef bool option_parse(void *target, const char *text, const struct option_spec *spec,
                          struct err *err);

struct option_spec {
    const char *name;     /* long name without dashes; NULL ends the table */
    int short_name;       /* a letter, or 0 */
    const char *arg;      /* placeholder in --help, or NULL: a flag */
    const char *fallback; /* default, parsed like any text; NULL leaves the field as it is */
    option_parse *parse;
    size_t offset; /* of the field in the configuration */
    const char *help;
    const char *env_alias; /* a fixed variable name beside PREFIX_NAME, or NULL */
    uint64_t min, max;     /* inclusive, for the numeric kinds */
    const char *choices;   /* "a|b|c" for option_choice */
    bool argv_only;        /* an action such as --init-sql: not read from the environment */
};

option_parse option_u64;      /* uint64_t, min..max */
option_parse option_size;     /* uint64_t bytes, min..max */
option_parse option_duration; /* uint64_t milliseconds, min..max */
option_parse option_decimal;  /* double, min..max */
option_parse option_text;     /* const char *, borrowed; empty is an error */
option_parse option_flag;     /* bool; in the environment 1/true/yes/on and 0/false/no/off */
option_parse option_choice;   /* int, the index in choices */
option_parse option_shard;    /* struct shard */

struct shard {
    uint32_t index, count;
};

/* What every program has; the table of a program ends with these. */
struct common_options {
    int log_format; /* enum log_format */
    const char *report;
};

#define LOG_FORMAT_OPTION(at)                                                                      \
    {                                                                                              \
        .name = "log-format", .arg = "auto|text|json", .fallback = "auto", .parse = option_choice, \
        .choices = "auto|text|json", .offset = (at),                                               \
        .help = "logs on stderr: text for people, JSON Lines for machines; auto is text on a "     \
                "terminal",                                                                        \
    }

#define COMMON_OPTIONS(config, member)                                                             \
    {.name = "report",                                                                             \
     .arg = "FILE",                                                                                \
     .parse = option_text,                                                                         \
     .offset = offsetof(config, member) + offsetof(struct common_options, report),                 \
     .help = "write what was done, in what time and memory, as one JSON object to FILE"},          \
        LOG_FORMAT_OPTION(offsetof(config, member) + offsetof(struct common_options, log_format))

struct program_info {
    const char *name;       /* "fake_gen" */
    const char *env_prefix; /* "FAKE_GEN" */
    const char *operands;   /* "[FILE...]" or NULL: none allowed */
    const char *summary;    /* one or two lines, what it does */
    const char *epilog;     /* examples, files, exit statuses; after the options */
};

struct operands {
    char *const *item; /* borrowed from argv */
    int count;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE, /* --help or --version was printed */
    OPTIONS_BAD,  /* *err is filled: USAGE, or what writing the help ended in */
};

enum options_outcome options_read(const struct program_info *info, const struct option_spec *specs,
                                  void *config, struct operands *ret_operands, int argc,
                                  char **argv, struct err *err);

/* The log format that is asked for, whatever else is wrong: for complaints about options. */
enum log_format options_log_format(const char *env_prefix, int argc, char *const *argv);

#endif
