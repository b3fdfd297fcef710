/* fake_gen: options in, a file of events and a report out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/civil_time.h"
#include "common/distinct.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/stop.h"
#include "fake_gen/gen_options.h"
#include "fake_gen/generator.h"
#include "fake_gen/writer.h"

struct outcome {
    uint64_t first, end; /* events of this shard */
    uint64_t bad_lines;
    struct writer_totals totals;
    double seconds;
};

static struct generator_rules rules_of(const struct gen_options *options)
{
    return (struct generator_rules){
        .seed = options->seed,
        .users = (uint32_t)options->users,
        .products = (uint32_t)options->products,
        .from = options->from,
        .to = options->to,
        .skew = options->skew,
        .bad_every = options->bad_every,
    };
}

static bool write_events(const struct gen_options *options, const struct generator *generator,
                         struct outcome *outcome, struct err *err)
{
    struct outfile out = OUTFILE_CLOSED;
    const struct writer_job job = {
        .generator = generator,
        .first = outcome->first,
        .end = outcome->end,
        .gzip_level = options->gzip ? (int)options->level : 0,
        .threads = (unsigned)options->threads,
        .out = &out,
    };

    if (!outfile_open(&out, options->output, err))
        return false;
    progress_start("events", outcome->end - outcome->first, getenv("ARGO_PROGRESS_FILE"));
    if (!writer_run(&job, &outcome->totals, err)) {
        outfile_discard(&out);
        return false;
    }
    if (!outfile_commit(&out, err))
        return false;
    stop_finish(NULL, STOP_ENDS_MS); /* the file is there: a stop changes nothing any more */
    return true;
}

static bool generate(const struct gen_options *options, struct outcome *ret, struct err *err)
{
    const struct generator_rules rules = rules_of(options);
    const double started = machine_seconds();

    ret->first = generator_shard_start(options->events, options->shard.index, options->shard.count);
    ret->end =
        generator_shard_start(options->events, options->shard.index + 1, options->shard.count);
    ret->bad_lines = generator_bad_lines(&rules, ret->first, ret->end);
    struct generator *generator = generator_new(&rules);
    if (generator == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = write_events(options, generator, ret, err);
    generator_free(generator);
    ret->seconds = machine_seconds() - started;
    return done;
}

/* What was done. */

enum { TEXT_SIZE = 64, PATH_SIZE = 1024 };

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t value, char out[TEXT_SIZE])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    char *at = out;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return out;
}

static const char *sized(uint64_t bytes, char out[TEXT_SIZE])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double value = (double)bytes;
    size_t unit = 0;

    for (; value >= 999.95 && unit + 1 < sizeof units / sizeof *units; unit++)
        value /= 1000;
    (void)snprintf(out, TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
    return out;
}

/* File names may hold any bytes; logs and reports may not. */
static const char *shown_path(const char *path, char out[PATH_SIZE])
{
    return err_quote(out, PATH_SIZE, path, strlen(path));
}

static void log_outcome(const struct gen_options *options, const struct outcome *outcome)
{
    char events[TEXT_SIZE], bad[TEXT_SIZE], text[TEXT_SIZE], packed[TEXT_SIZE], path[PATH_SIZE];
    char extra[3 * TEXT_SIZE] = "";
    size_t len = 0;

    if (options->shard.count > 1)
        len += (size_t)snprintf(extra, sizeof extra, ", shard %" PRIu32 "/%" PRIu32,
                                options->shard.index, options->shard.count);
    if (outcome->bad_lines > 0)
        (void)snprintf(extra + len, sizeof extra - len, ", %s of them broken",
                       grouped(outcome->bad_lines, bad));
    log_info("wrote %s events (%s%s%s) to %s in %.2f s, seed %s%s",
             grouped(outcome->end - outcome->first, events),
             sized(outcome->totals.text_bytes, text), options->gzip ? ", packed " : "",
             options->gzip ? sized(outcome->totals.output_bytes, packed) : "",
             strcmp(options->output, "-") == 0 ? "standard output"
                                               : shown_path(options->output, path),
             outcome->seconds, options->seed_text, extra);
}

static void report_time(struct json_out *out, const char *name, int64_t seconds)
{
    char text[CIVIL_TIME_LEN + 1] = "";
    civil_put_time(text, seconds);
    json_string(out, name, text);
}

static bool report_outcome(const struct gen_options *options, const struct outcome *outcome,
                           struct err *err)
{
    char shard[TEXT_SIZE], path[PATH_SIZE];
    struct report report;
    struct json_out *out = &report.json;

    if (options->common.report == NULL)
        return true;
    report_open(&report, "fake_gen");
    (void)snprintf(shard, sizeof shard, "%" PRIu32 "/%" PRIu32, options->shard.index,
                   options->shard.count);
    json_u64(out, "events", outcome->end - outcome->first);
    json_u64(out, "bytes", outcome->totals.text_bytes);
    json_u64(out, "output_bytes", outcome->totals.output_bytes);
    json_u64(out, "bad_lines", outcome->bad_lines);
    json_string(out, "seed", options->seed_text);
    json_u64(out, "users", options->users);
    json_u64(out, "products", options->products);
    report_time(out, "from", options->from);
    report_time(out, "to", options->to);
    json_number(out, "skew", options->skew);
    json_string(out, "shard", shard);
    json_u64(out, "threads", outcome->totals.threads);
    json_string(out, "output", shown_path(options->output, path));
    json_fixed(out, "seconds", 6, outcome->seconds);
    report_usage(&report);
    bool done = report_write(&report, options->common.report, err);
    report_release(&report);
    return done;
}

static bool run(const struct gen_options *options, struct err *err)
{
    struct outcome outcome = {0};
    char shard[TEXT_SIZE];

    if (options->shard.count > 1) {
        (void)snprintf(shard, sizeof shard, "%" PRIu32 "/%" PRIu32, options->shard.index,
                       options->shard.count);
        log_context(NULL, shard);
    }
    const struct output_name outputs[] = {{.what = "--output", .path = options->output},
                                          {.what = "--report", .path = options->common.report}};
    bool done = distinct_outputs(outputs, 2, NULL, 0, err) &&
                stop_start(getenv("ARGO_DEADLINE"), progress_tick, err) &&
                generate(options, &outcome, err);
    progress_end();
    done = done && report_outcome(options, &outcome, err);
    if (done) {
        stop_finish(NULL, STOP_GRACE_MS);
        log_outcome(options, &outcome);
    }
    log_context(NULL, NULL);
    return done;
}

int main(int argc, char **argv)
{
    struct gen_options options;
    struct err err = {0};

    program_start();
    log_open("fake_gen", options_log_format("FAKE_GEN", argc, argv), getenv("TRACEPARENT"));
    enum options_outcome outcome = gen_options_read(&options, argc, argv, &err);
    if (outcome != OPTIONS_RUN)
        return program_finish(outcome == OPTIONS_DONE, &err);
    log_open("fake_gen", (enum log_format)options.common.log_format, getenv("TRACEPARENT"));
    return program_finish(run(&options, &err), &err);
}
