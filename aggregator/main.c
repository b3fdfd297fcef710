#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aggregator/config.h"
#include "aggregator/load/load.h"
#include "aggregator/print_rows.h"
#include "aggregator/read/input.h"
#include "aggregator/read/source.h"
#include "aggregator/runs.h"
#include "aggregator/top.h"
#include "aggregator/totals/fold.h"
#include "common/distinct.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/num.h"
#include "common/outfile.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/stop.h"

enum { PRINT_CHUNK = 64 * 1024, PRINT_ROOM = 1 << 20 };

struct run {
    const struct config *config;
    double started, read_seconds;
    struct outfile rejects;
    struct buf rejects_text;
    struct buf top; /* for --outputs: the largest totals, as text */
    struct load_request load;
    struct fold_result input;
    struct load_result loaded;
};

/* Rejects. */

static bool flush_rejects(struct run *run, struct err *err)
{
    if (!outfile_write(&run->rejects, run->rejects_text.data, run->rejects_text.len, err))
        return err_prefix(err, "--rejects");
    buf_clear(&run->rejects_text);
    return true;
}

static bool keep_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    struct run *run = context;
    return (run->rejects_text.len < PRINT_CHUNK || flush_rejects(run, err)) &&
           buf_add(&run->rejects_text, bytes, len, err);
}

/* Rejects are published where the run is judged: done, or ended by its input. */
static bool publish_rejects(struct run *run, struct err *err)
{
    if (run->config->rejects == NULL)
        return true;
    return flush_rejects(run, err) &&
           (outfile_commit(&run->rejects, err) || err_prefix(err, "--rejects"));
}

/* Results. */

/* The table's first column is as wide as its widest key. */
static bool measure_keys(struct total_stream *totals, size_t *ret, struct err *err)
{
    struct total total;
    int got;

    if (!totals->rewind(totals, err))
        return false;
    while ((got = totals->next(totals, &total, err)) == 1) {
        size_t width = print_key_width(&total);
        *ret = width > *ret ? width : *ret;
    }
    return got == 0;
}

static bool print_totals(const struct run *run, struct total_stream *totals, struct err *err)
{
    struct print_shape shape = {.format = (enum print_format)run->config->print,
                                .key = run->config->key,
                                .value = run->config->value,
                                .statistics = run->config->statistics};
    struct outfile out;
    struct buf text;
    struct total total;
    int got = 0;

    if (shape.format == PRINT_TABLE && !measure_keys(totals, &shape.key_width, err))
        return false;
    if (!outfile_open(&out, "-", err))
        return false;
    buf_init(&text, PRINT_ROOM);
    bool done = totals->rewind(totals, err) && print_header(&text, &shape, err);
    while (done && (got = totals->next(totals, &total, err)) == 1) {
        done = print_row(&text, &shape, &total, err);
        if (done && text.len >= PRINT_CHUNK) {
            done = outfile_write(&out, text.data, text.len, err) &&
                   (!stop_requested() || stop_err(err));
            buf_clear(&text);
        }
    }
    done = done && got == 0 && outfile_write(&out, text.data, text.len, err);
    buf_release(&text);
    if (!done) {
        outfile_discard(&out);
        return false;
    }
    return outfile_commit(&out, err);
}

static bool put_output(const struct run *run, const char *name, const char *text, struct err *err)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", run->config->outputs, name) < 0)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = outfile_put(path, text, strlen(text), err) || err_prefix(err, "--outputs");
    free(path);
    return done;
}

/* One value a file, because Argo's valueFrom.path takes a whole file. */
static bool write_outputs(const struct run *run, struct err *err)
{
    const char *dir = run->config->outputs;
    struct usage usage;
    char lines[24], users[24], bad[24], seconds[32], peak[24], total[NUM_U128_TEXT];

    if (dir == NULL)
        return true;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_errno(err, errno, "--outputs: cannot make %s", dir);
    machine_usage(&usage);
    (void)snprintf(lines, sizeof lines, "%" PRIu64, run->input.tally.lines);
    (void)snprintf(users, sizeof users, "%" PRIu64, run->input.keys);
    (void)snprintf(bad, sizeof bad, "%" PRIu64, run->input.tally.bad);
    (void)snprintf(seconds, sizeof seconds, "%.3f", machine_seconds() - run->started);
    (void)snprintf(peak, sizeof peak, "%" PRIu64, usage.peak_rss_bytes);
    num_put_u128(total, run->input.total);
    return put_output(run, "lines", lines, err) && put_output(run, "users", users, err) &&
           put_output(run, "total", total, err) && put_output(run, "bad_lines", bad, err) &&
           put_output(run, "seconds", seconds, err) &&
           put_output(run, "peak_rss_bytes", usage.peak_known ? peak : "null", err) &&
           put_output(run, "already_applied", run->loaded.already_applied ? "true" : "false",
                      err) &&
           put_output(run, "top", run->top.data, err);
}

/* Written for failed runs too, as far as they came. */
static bool write_report(const struct run *run, const struct err *failure, struct err *err)
{
    const struct config *config = run->config;
    const struct fold_result *input = &run->input;
    const char *digest = input->digest[0] == '\0' || failure != NULL ? NULL : input->digest;
    char total[NUM_U128_TEXT];

    if (config->common.report == NULL)
        return true;
    num_put_u128(total, input->total);
    struct report *report = report_new("aggregator");
    report_text(report, "run_id", config->run_id != NULL ? config->run_id : digest);
    report_u64(report, "shard", config->shard.index);
    report_u64(report, "shards", config->shard.count);
    report_u64(report, "files", config->file_count);
    report_u64(report, "lines", input->tally.lines);
    report_u64(report, "blank_lines", input->tally.blank);
    report_u64(report, "bad_lines", input->tally.bad);
    report_u64(report, "events", input->tally.lines - input->tally.blank - input->tally.bad);
    report_u64(report, "bytes", input->bytes);
    report_text(report, "digest", digest);
    report_u64(report, "users", input->keys);
    report_number(report, "total", total);
    report_u64(report, "threads", input->threads);
    report_u64(report, "spilled_bytes", input->spilled_bytes);
    report_bool(report, "loaded", failure == NULL && config->action == ACTION_FOLD_AND_LOAD);
    report_bool(report, "already_applied", run->loaded.already_applied);
    report_u64(report, "load_attempts", run->loaded.attempts);
    report_seconds(report, "read_seconds", run->read_seconds);
    report_seconds(report, "load_seconds", run->loaded.seconds);
    report_seconds(report, "seconds", machine_seconds() - run->started);
    report_usage(report);
    report_u64(report, "exit_status", failure == NULL ? STATUS_DONE : (uint64_t)failure->status);
    report_text(report, "error", failure == NULL ? NULL : failure->text);
    bool done = report_write(report, config->common.report, err);
    report_free(report);
    return done;
}

static void log_summary(const struct run *run)
{
    const struct fold_result *input = &run->input;
    char total[NUM_U128_TEXT];

    num_put_u128(total, input->total);
    log_info("read %" PRIu64 " lines (%" PRIu64 " bad, %" PRIu64 " blank) in %.2f s: %" PRIu64
             " keys, total %s",
             input->tally.lines, input->tally.bad, input->tally.blank, run->read_seconds,
             input->keys, total);
    if (run->config->action != ACTION_FOLD_AND_LOAD)
        return;
    if (run->loaded.already_applied)
        log_info("this run was already applied to %s; nothing was changed", run->config->table);
    else
        log_info("loaded %" PRIu64 " totals into %s in %.2f s", input->keys, run->config->table,
                 run->loaded.seconds);
}

/* The run. */

/* Before anything is read or written, a failed run's report too: what an output replaces is gone.
 */
static bool check_outputs(const struct config *config, struct err *err)
{
    static const char *const values[] = {"lines",           "users",   "total",
                                         "bad_lines",       "seconds", "peak_rss_bytes",
                                         "already_applied", "top"};
    enum { VALUES = sizeof values / sizeof *values };
    struct output_name outputs[2 + VALUES] = {{.what = "--rejects", .path = config->rejects},
                                              {.what = "--report", .path = config->common.report}};

    for (size_t i = 0; i < VALUES && config->outputs != NULL; i++)
        outputs[2 + i] = (struct output_name){"--outputs", config->outputs, values[i]};
    return distinct_outputs(outputs, 2 + VALUES, config->files, config->file_count, err);
}

static bool deliver(struct run *run, struct fold *fold, struct err *err)
{
    if (run->config->action == ACTION_FOLD_AND_PRINT)
        return print_totals(run, fold_totals(fold), err);
    return load_apply(&run->load, &run->input, fold_totals(fold), &run->loaded, err);
}

static bool fold_and_deliver(struct run *run, struct err *err)
{
    const struct config *config = run->config;
    const struct fold_rules rules = {
        .scan = {.key = config->key,
                 .key_len = strlen(config->key),
                 .value = config->value,
                 .value_len = strlen(config->value),
                 .max_line = (size_t)config->max_line,
                 .max_key = (size_t)config->max_key},
        .bad_lines = config->bad_lines,
        .min_lines = config->min_lines,
        .statistics = config->statistics,
        .threads = (unsigned)config->threads,
        .max_memory = config->max_memory,
        .spill_dir = config->spill_dir,
        .reject = config->rejects != NULL ? keep_reject : NULL,
        .reject_context = run,
    };

    if (config->rejects != NULL && !outfile_open(&run->rejects, config->rejects, err))
        return err_prefix(err, "--rejects");
    struct fold *fold = fold_new(&rules, err);
    if (fold == NULL)
        return false;
    progress_start("bytes", inputs_size(config->files, config->file_count),
                   getenv("ARGO_PROGRESS_FILE"));
    bool done = fold_run(fold, config->files, config->file_count, &run->input, err);
    progress_end();
    run->read_seconds = machine_seconds() - run->started;
    done = done && deliver(run, fold, err);
    if (done && run->config->outputs != NULL)
        done = top_print(&run->top, run->config->key, run->config->value, fold_totals(fold), err) &&
               buf_add(&run->top, "", 1, err);
    fold_free(fold);
    return done;
}

static struct load_request load_request_of(const struct config *config, double started)
{
    return (struct load_request){.database = config->database,
                                 .target = {.table = config->table_name,
                                            .key = config->key,
                                            .value = config->value,
                                            .statistics = config->statistics,
                                            .create = config->create == 0},
                                 .run_id = config->run_id,
                                 .shard = config->shard,
                                 .allow_empty_table = config->allow_empty_table,
                                 .allow_equal_shards = config->allow_equal_shards,
                                 .started = started};
}

static bool fold_run_and_report(const struct config *config, const struct load_request *load,
                                struct err *err)
{
    struct err second = {0};
    struct run run = {
        .config = config, .started = load->started, .load = *load, .rejects = OUTFILE_CLOSED};

    buf_init(&run.top, PRINT_ROOM);
    buf_init(&run.rejects_text, (size_t)config->max_line * 2 + PRINT_CHUNK * 4);
    bool done = inputs_check_distinct(config->files, config->file_count, err) &&
                (!config->input_by_default || input_check_stdin(config->input, err)) &&
                (config->action == ACTION_FOLD_AND_PRINT || load_prepare(&run.load, err)) &&
                fold_and_deliver(&run, err);
    /* The outcome stands: a stop, even one from a moment ago, no longer changes it. */
    if (done || err->status != STATUS_CANCELLED)
        stop_finish(done ? NULL : err, STOP_ENDS_MS);
    if (done)
        done =
            publish_rejects(&run, err) && write_outputs(&run, err) && write_report(&run, NULL, err);
    else if ((err->status == STATUS_INPUT && !publish_rejects(&run, &second)) ||
             !write_report(&run, err, &second))
        log_warn("%s", second.text);
    if (done) {
        stop_finish(NULL, STOP_GRACE_MS);
        log_summary(&run);
    }
    outfile_discard(&run.rejects);
    buf_release(&run.rejects_text);
    buf_release(&run.top);
    return done;
}

static bool print_init_sql(const struct load_request *load, struct err *err)
{
    struct buf script;
    buf_init(&script, PRINT_ROOM);
    bool done = target_init_script(&load->target, &script, err) &&
                outfile_put("-", script.data, script.len, err);
    buf_release(&script);
    return done;
}

static bool run_action(const struct config *config, struct err *err)
{
    const struct load_request load = load_request_of(config, machine_seconds());

    switch (config->action) {
    case ACTION_INIT_SQL:
        return print_init_sql(&load, err);
    case ACTION_RUNS:
        return runs_print(
            &load, config->forget,
            config->print == PRINT_NONE ? PRINT_TABLE : (enum print_format)config->print, err);
    case ACTION_TOP:
        return runs_print_top(
            &load, config->print == PRINT_NONE ? PRINT_TABLE : (enum print_format)config->print,
            err);
    case ACTION_FOLD_AND_LOAD:
    case ACTION_FOLD_AND_PRINT:
        break;
    }
    return check_outputs(config, err) && fold_run_and_report(config, &load, err);
}

int main(int argc, char **argv)
{
    struct config config;
    struct err err = {0};
    char shard[32];

    program_start();
    log_open("aggregator", options_log_format("AGGREGATOR", argc, argv), getenv("TRACEPARENT"));
    enum options_outcome outcome = config_read(&config, argc, argv, &err);
    if (outcome != OPTIONS_RUN)
        return program_finish(outcome == OPTIONS_DONE, &err);
    log_open("aggregator", (enum log_format)config.common.log_format, getenv("TRACEPARENT"));
    (void)snprintf(shard, sizeof shard, "%u/%u", config.shard.index, config.shard.count);
    log_context(config.run_id, shard);
    bool done =
        stop_start(getenv("ARGO_DEADLINE"), progress_tick, &err) && run_action(&config, &err);
    return program_finish(done, &err);
}
