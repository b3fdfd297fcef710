#define XXH_INLINE_ALL

#include "fake_gen/gen_options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <xxhash.h>

#include "common/civil_time.h"
#include "common/machine.h"
#include "common/num.h"
#include "fake_gen/generator.h"
#include "fake_gen/writer.h"
#include "fake_gen/zipf.h"

enum { SEED_TEXT_MAX = 1000 };

static bool option_time(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    (void)spec;
    if (civil_parse(text, target))
        return true;
    return err_set(err, STATUS_USAGE,
                   "'%s' is not a time from 0001-01-01T00:00:00 to 9999-12-31T23:59:59, such as "
                   "2025-01-31 or 2025-01-31T12:00:00Z",
                   text);
}

/* What is reported must be fit to be typed again, and to stand in a log. */
static bool option_seed(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    char shown[SEED_TEXT_MAX + 8];

    if (!option_text(target, text, spec, err))
        return false;
    if (strlen(text) > SEED_TEXT_MAX ||
        strcmp(err_quote(shown, sizeof shown, text, strlen(text)), text) != 0)
        return err_set(
            err, STATUS_USAGE,
            "the seed is out of range: 1 to %d bytes of UTF-8 without control characters",
            SEED_TEXT_MAX);
    return true;
}

#define FIELD(member) .offset = offsetof(struct gen_options, member)

static const struct option_spec specs[] = {
    {.name = "events",
     .short_name = 'n',
     .arg = "N",
     .fallback = "1500",
     .parse = option_u64,
     FIELD(events),
     .env_alias = "EVENTS",
     .min = 0,
     .max = GENERATOR_EVENTS_MAX,
     .help = "how many events, one a line; of all shards together"},
    {.name = "users",
     .short_name = 'u',
     .arg = "N",
     .fallback = "10",
     .parse = option_u64,
     FIELD(users),
     .env_alias = "USERS",
     .min = 1,
     .max = GENERATOR_IDS_MAX,
     .help = "distinct users: user001 and on"},
    {.name = "products",
     .short_name = 'p',
     .arg = "N",
     .fallback = "5",
     .parse = option_u64,
     FIELD(products),
     .env_alias = "PRODUCTS",
     .min = 1,
     .max = GENERATOR_IDS_MAX,
     .help = "distinct products: product001 and on"},
    {.name = "seed",
     .short_name = 's',
     .arg = "TEXT",
     .parse = option_seed,
     FIELD(seed_text),
     .env_alias = "SEED",
     .help =
         "the same seed and options give the same bytes; a number below 2^64 is taken as it is, "
         "any other text is hashed; without one a seed is drawn and reported"},
    {.name = "output",
     .short_name = 'o',
     .arg = "FILE",
     .fallback = "events.jsonl",
     .parse = option_text,
     FIELD(output),
     .env_alias = "OUTPUT_FILE",
     .help = "where to; a file appears whole or not at all; - is standard output"},
    {.name = "gzip",
     .short_name = 'z',
     .parse = option_flag,
     FIELD(gzip),
     .help = "compress, in pieces that readers can inflate side by side (BGZF)"},
    {.name = "level",
     .arg = "N",
     .fallback = "6",
     .parse = option_u64,
     FIELD(level),
     .min = 1,
     .max = 9,
     .help = "of --gzip: 1 is fast, 9 is small"},
    {.name = "threads",
     .short_name = 't',
     .arg = "N",
     .parse = option_u64,
     FIELD(threads),
     .min = 1,
     .max = WRITER_THREADS_MAX,
     .help = "more of them give the same bytes sooner [the CPUs this process may use]"},
    {.name = "shard",
     .arg = "I/N",
     .fallback = "0/1",
     .parse = option_shard,
     FIELD(shard),
     .help = "write only the I-th of N equal parts, counted from 0; all parts one after the other "
             "are the whole"},
    {.name = "from",
     .arg = "TIME",
     .fallback = "2025-01-01T00:00:00",
     .parse = option_time,
     FIELD(from),
     .help = "earliest timestamp, UTC"},
    {.name = "to",
     .arg = "TIME",
     .fallback = "2026-01-01T00:00:00",
     .parse = option_time,
     FIELD(to),
     .help = "timestamps are below this"},
    {.name = "skew",
     .arg = "S",
     .fallback = "0",
     .parse = option_decimal,
     FIELD(skew),
     .min = 0,
     .max = ZIPF_EXPONENT_MAX,
     .help = "Zipf's law for users: the k-th is drawn in proportion to 1/k^S; 0 is uniform"},
    {.name = "bad-every",
     .arg = "N",
     .fallback = "0",
     .parse = option_u64,
     FIELD(bad_every),
     .min = 0,
     .max = GENERATOR_EVENTS_MAX,
     .help = "break every N-th line, in turn in 20 ways that a strict reader must reject: cut "
             "short, value missing, quoted, negative or too large, raw control character, invalid "
             "UTF-8, key twice...; 0 is none"},
    COMMON_OPTIONS(struct gen_options, common),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "fake_gen",
    .env_prefix = "FAKE_GEN",
    .summary =
        "Writes made-up events as JSON Lines, fast and the same each time for the same seed.",
    .epilog =
        "A line: {\"timestamp\":\"2025-10-07T14:30:00\",\"userId\":\"user007\","
        "\"eventType\":\"pageView\",\n"
        "\"productId\":\"product005\",\"sessionDuration\":180}; sessionDuration is from 30 to "
        "999.\n"
        "\n"
        "Examples:\n"
        "  fake_gen                                          1,500 events into events.jsonl\n"
        "  fake_gen -n 5 -o -                                to standard output\n"
        "  fake_gen -n 10000000 -u 1000000 -s 7 -o a.jsonl   ten million, of a million users\n"
        "  fake_gen -n 1000000 -s nightly -z -o a.jsonl.gz   compressed\n"
        "  fake_gen -n 1000000 -s 7 --shard 0/4 -o 0.jsonl   the first quarter of a million\n"
        "  fake_gen --bad-every 100 -o bad.jsonl             every hundredth line is broken\n"
        "\n"
        "Exit status: 0 done; 1 a bug; 2 wrong usage; 4 not permitted to write there, or the\n"
        "reader quit, or the disk is too small; 10 may pass, retry (disk or memory full);\n"
        "11 cancelled, retry.\n",
};

static bool draw_seed(struct gen_options *options, struct err *err)
{
    ssize_t got = TEMP_FAILURE_RETRY(getrandom(&options->seed, sizeof options->seed, 0));
    if (got != (ssize_t)sizeof options->seed)
        return err_errno(err, errno, "cannot draw a seed; give one with --seed");
    (void)snprintf(options->drawn_seed, sizeof options->drawn_seed, "%" PRIu64, options->seed);
    options->seed_text = options->drawn_seed;
    return true;
}

static bool settle(struct gen_options *options, struct err *err)
{
    if (options->from >= options->to) {
        char from[CIVIL_TIME_LEN], to[CIVIL_TIME_LEN];
        civil_put_time(from, options->from);
        civil_put_time(to, options->to);
        return err_set(err, STATUS_USAGE,
                       "--from: '%.*s' is out of range: it must be before --to %.*s",
                       CIVIL_TIME_LEN, from, CIVIL_TIME_LEN, to);
    }
    if (options->threads == 0) {
        unsigned cpus = machine_cpus();
        options->threads = cpus < WRITER_THREADS_MAX ? cpus : WRITER_THREADS_MAX;
    }
    if (options->seed_text == NULL)
        return draw_seed(options, err);
    if (!num_u64(options->seed_text, &options->seed))
        options->seed = XXH3_64bits(options->seed_text, strlen(options->seed_text));
    return true;
}

enum options_outcome gen_options_read(struct gen_options *ret, int argc, char **argv,
                                      struct err *err)
{
    struct operands none;

    *ret = (struct gen_options){0};
    enum options_outcome outcome = options_read(&info, specs, ret, &none, argc, argv, err);
    return outcome == OPTIONS_RUN && !settle(ret, err) ? OPTIONS_BAD : outcome;
}
