#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aggregator/load/load.h"
#include "aggregator/objects_run.h"
#include "aggregator/print_rows.h"
#include "aggregator/read/input.h"
#include "aggregator/runs.h"
#include "aggregator/s3/client.h"
#include "aggregator/split.h"
#include "aggregator/top.h"
#include "common/distinct.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/num.h"
#include "common/program.h"
#include "common/progress.h"
#include "common/report.h"
#include "common/stop.h"

enum { PRINT_ROOM = 1 << 20 };

/* Rejected lines. */

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
    if (run->rejects_text.len >= RUN_TEXT_CHUNK && !flush_rejects(run, err))
        return false;
    buf_add(&run->rejects_text, bytes, len);
    return buf_ok(&run->rejects_text, err);
}

/* Only when the run succeeded, or its input was bad; not when it may be retried. */
static bool publish_rejects(struct run *run, struct err *err)
{
    if (run->config->rejects == NULL)
        return true;
    return flush_rejects(run, err) &&
           (outfile_commit(&run->rejects, err) || err_prefix(err, "--rejects"));
}

/* Writing results. */

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

struct printed {
    struct print_shape shape;
    struct outfile out;
    struct buf header; /* until the first row is there: what fails before leaves nothing */
};

static void put_total(void *context, struct buf *out, const struct total *total)
{
    print_row(out, &((struct printed *)context)->shape, total);
}

static bool write_text(void *context, const void *bytes, size_t len, struct err *err)
{
    struct printed *printed = context;
    const size_t header_len = printed->header.len;

    printed->header.len = 0;
    return outfile_write(&printed->out, printed->header.data, header_len, err) &&
           outfile_write(&printed->out, bytes, len, err);
}

static bool print_totals(const struct run *run, struct fold *fold, struct err *err)
{
    struct printed printed = {.shape = {.format = (enum print_format)run->config->print,
                                        .key = run->config->key_column,
                                        .value = run->config->value_column,
                                        .statistics = run->config->statistics}};
    const struct text_rules rules = {.put = put_total, .write = write_text, .context = &printed};

    if (printed.shape.format == PRINT_TABLE &&
        !measure_keys(fold_totals(fold), &printed.shape.key_width, err))
        return false;
    if (!outfile_open(&printed.out, "-", err))
        return false;
    buf_init(&printed.header, PRINT_ROOM);
    print_header(&printed.header, &printed.shape);
    bool done = buf_ok(&printed.header, err) && fold_text(fold, &rules, err);
    buf_release(&printed.header);
    if (!done) {
        outfile_discard(&printed.out);
        return false;
    }
    return outfile_commit(&printed.out, err);
}

static bool put_output(const struct run *run, const char *name, const char *text, struct err *err)
{
    return outfile_put_in(run->config->outputs, name, text, strlen(text), err) ||
           err_prefix(err, "--outputs");
}

static struct run_facts *measure(struct run *run)
{
    const struct s3_cost cost = s3_cost(run->s3);

    run->facts.seconds = machine_seconds() - run->load.started;
    run->facts.objects.requests = cost.requests;
    run->facts.objects.bytes = cost.bytes;
    machine_usage(&run->facts.usage);
    return &run->facts;
}

static bool is_told(const struct fact *fact, const struct run_facts *run)
{
    return run->of_objects || !fact->of_objects;
}

/* One value a file, because Argo's valueFrom.path takes a whole file. */
static bool write_outputs(struct run *run, struct err *err)
{
    const char *dir = run->config->outputs;
    char room[FACT_ROOM];

    if (dir == NULL)
        return true;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_errno(err, errno, "--outputs: cannot make %s", dir);
    const struct run_facts *told = measure(run);
    for (const struct fact *fact = facts; fact < facts + FACTS; fact++) {
        const char *value = fact_value(fact, told, 3, room);
        if (is_told(fact, told) && fact->output != NULL &&
            !put_output(run, fact->output, value == NULL ? "null" : value, err))
            return false;
    }
    return true;
}

static void report_fact(struct json_out *out, const struct fact *fact, const struct run_facts *run)
{
    char room[FACT_ROOM];
    const char *value = fact_value(fact, run, 6, room);

    if (fact->kind == FACT_TEXT || value == NULL)
        json_string(out, fact->report, value);
    else
        json_raw(out, fact->report, value);
}

/* Also for failed runs, with what is known by then; they have no digest. */
static bool write_report(struct run *run, const struct err *failure, struct err *err)
{
    const struct config *config = run->config;
    struct run_facts *told = measure(run);

    if (config->common.report == NULL)
        return true;
    if (failure != NULL) {
        told->run_id = config->run_id;
        told->digest = NULL;
        told->exit_status = failure->status;
        told->error = failure->text;
    }
    const struct tally *tally = &told->input.tally;
    told->events = tally->lines - tally->blank - tally->skipped - tally->bad;
    told->loaded = failure == NULL && config->action == ACTION_FOLD_AND_LOAD;
    struct report report;
    report_open(&report, "aggregator");
    for (const struct fact *fact = facts; fact < facts + FACTS; fact++)
        if (is_told(fact, told) && fact->report != NULL)
            report_fact(&report.json, fact, told);
    bool done = report_write(&report, config->common.report, err);
    report_release(&report);
    return done;
}

static void log_summary(const struct run *run)
{
    const struct fold_result *input = &run->facts.input;
    char total[NUM_U128_TEXT];

    num_put_u128(total, input->total);
    const char *accepted = run->facts.accepted;
    log_info("read %" PRIu64 " lines (%" PRIu64 " bad, %" PRIu64 " blank%s%s) in %.2f s: %" PRIu64
             " keys, total %s",
             input->tally.lines, input->tally.bad, input->tally.blank, accepted == NULL ? "" : ", ",
             accepted == NULL ? "" : accepted, run->facts.read_seconds, input->keys, total);
    if (input->keys == 0 && input->tally.skipped > 0)
        log_warn(
            "not one event has both '%s' and '%s': --skip-missing passed over all of them; are "
            "--key and --value right?",
            run->config->key.text, run->config->value.text);
    if (run->facts.of_objects)
        objects_log(run);
    if (run->config->action != ACTION_FOLD_AND_LOAD || run->facts.of_objects)
        return;
    if (run->facts.already_applied)
        log_info("this run was already applied to %s; nothing was changed", run->config->table);
    else
        log_info("loaded %" PRIu64 " totals into %s in %.2f s", input->keys, run->config->table,
                 run->facts.load_seconds);
}

/* The run. */

/* Before anything is read or written, a failed run's report too: what an output replaces is gone.
 */
static bool check_outputs(const struct config *config, char *const *inputs, size_t input_count,
                          struct err *err)
{
    struct output_name outputs[2 + FACTS] = {{.what = "--rejects", .path = config->rejects},
                                             {.what = "--report", .path = config->common.report}};
    size_t count = 2;

    for (const struct fact *fact = facts; fact < facts + FACTS; fact++)
        if (fact->output != NULL && config->outputs != NULL)
            outputs[count++] = (struct output_name){"--outputs", config->outputs, fact->output};
    return distinct_outputs(outputs, count, inputs, input_count, err);
}

/* The files of the input. Few names are part of what the program takes anyway. */
static bool find_files(struct run *run, struct err *err)
{
    const struct config *config = run->config;
    struct names *ret = &run->files;
    const struct names_request request = {
        .s3 = run->s3,
        .range = config->range_text == NULL ? NULL : &config->range,
        .operands = config->operands,
        .count = config->operand_count,
        .list = config->files_from,
        .nul = config->nul,
        .recursive = config->recursive,
        .limit = config->max_memory - FOLD_MEMORY_MIN - config->max_line + RUN_NAMES_FREE,
    };

    if (!names_find(ret, &request, err) || !inputs_check_distinct(ret->item, ret->count, err))
        return false;
    if (ret->directories > 0)
        log_warn("%" PRIu64 " directories in directories are not read; --recursive reads their "
                 "files too",
                 ret->directories);
    if (ret->links > 0)
        log_warn("%" PRIu64 " symbolic links in directories are not followed; name what they lead "
                 "to",
                 ret->links);
    if (ret->specials > 0)
        log_warn("%" PRIu64 " pipes, sockets and devices in directories are not read; name them",
                 ret->specials);
    run->facts.of_objects = config->action == ACTION_FOLD_AND_LOAD && ret->prefixes;
    return (!run->facts.of_objects || objects_check(run, err)) &&
           (!config->input_by_default || input_check_stdin(config->input, err));
}

static bool deliver(struct run *run, struct fold *fold, struct err *err)
{
    if (run->config->action == ACTION_FOLD_AND_PRINT)
        return print_totals(run, fold, err);
    return load_apply(&run->load, fold_totals(fold), &run->facts, err);
}

struct fold_rules run_fold_rules(struct run *run)
{
    const struct config *config = run->config;
    const struct names *files = &run->files;

    return (struct fold_rules){
        .scan = {.key = field_name(&config->key),
                 .key_len = strlen(field_name(&config->key)),
                 .value = field_name(&config->value),
                 .value_len = strlen(field_name(&config->value)),
                 .max_line = (size_t)config->max_line,
                 .max_key = (size_t)config->max_key,
                 .key_field = &config->key,
                 .value_field = &config->value,
                 .accept = config->accept,
                 .skip_missing = config->skip_missing},
        .bad_lines = config->bad_lines,
        .min_lines = config->min_lines,
        .statistics = config->statistics,
        .s3 = run->s3,
        .threads = (unsigned)config->threads,
        .max_memory = config->max_memory -
                      (files->bytes > RUN_NAMES_FREE ? files->bytes - RUN_NAMES_FREE : 0),
        .spill_dir = config->spill_dir,
        .reject = config->rejects != NULL ? keep_reject : NULL,
        .reject_context = run,
    };
}

bool run_keep_top(struct run *run, struct total_stream *totals, struct err *err)
{
    const struct config *config = run->config;

    if (config->outputs == NULL)
        return true;
    bool done = top_print(&run->top, config->key_column, config->value_column, totals, err);
    run->facts.top = run->top.data;
    return done;
}

static bool fold_and_deliver(struct run *run, struct err *err)
{
    const struct config *config = run->config;
    const struct names *files = &run->files;
    struct run_facts *told = &run->facts;
    const struct fold_rules rules = run_fold_rules(run);

    struct fold *fold = fold_new(&rules, err);
    if (fold == NULL)
        return false;
    progress_start("bytes", inputs_size(files->item, files->count), getenv("ARGO_PROGRESS_FILE"));
    bool done = fold_run(fold, files->item, files->count, &told->input, err);
    progress_end();
    if (!done && err->status == STATUS_REFUSED)
        names_explain(files, err);
    told->read_seconds = machine_seconds() - run->load.started;
    told->digest = told->input.digest;
    told->accepted = facts_accepted(&told->input.tally, run->accepted);
    told->run_id = config->run_id != NULL ? config->run_id : told->digest;
    done = done && deliver(run, fold, err) && run_keep_top(run, fold_totals(fold), err);
    fold_free(fold);
    return done;
}

static struct target_field target_field(const struct field *field, const char *column)
{
    return (struct target_field){
        .name = field->text, .column = column, .renamed = strcmp(field_name(field), column) != 0};
}

static struct load_request load_request_of(const struct config *config, double started)
{
    return (struct load_request){
        .database = config->database,
        .target = {.table = config->table_name,
                   .key = target_field(&config->key, config->key_column),
                   .value = target_field(&config->value, config->value_column),
                   .statistics = config->statistics,
                   .create = config->create == 0},
        .run_id = config->run_id,
        .shard = config->shard,
        .allow_empty_table = config->allow_empty_table,
        .allow_equal_shards = config->allow_equal_shards,
        .started = started};
}

static bool do_work(struct run *run, struct err *err)
{
    const struct config *config = run->config;

    if (config->action == ACTION_FOLD_AND_LOAD && !load_prepare(&run->load, err))
        return false;
    if (config->rejects != NULL && !outfile_open(&run->rejects, config->rejects, err))
        return err_prefix(err, "--rejects");
    return run->facts.of_objects ? objects_load(run, err) : fold_and_deliver(run, err);
}

/* After a failure: what it left is told as far as that goes. */
static void end_failed(struct run *run, const struct err *err)
{
    struct err second = {0};
    /* Of several objects some may be loaded, and the next run does not read them again. */
    const bool in_part = run->facts.of_objects && err->status != STATUS_CANCELLED;

    if ((err->status == STATUS_INPUT || in_part) && run->rejects.fd >= 0 &&
        !publish_rejects(run, &second))
        log_warn("%s", second.text);
    if (in_part && !write_outputs(run, &second))
        log_warn("%s", second.text);
    if (!write_report(run, err, &second))
        log_warn("%s", second.text);
    if (run->facts.of_objects)
        objects_log(run);
}

static bool fold_run_and_report(const struct config *config, const struct load_request *load,
                                struct s3 *s3, struct err *err)
{
    struct err second = {0};
    struct run run = {
        .config = config,
        .s3 = s3,
        .load = *load,
        .rejects = OUTFILE_CLOSED,
        .facts = {.run_id = config->run_id, .shard = config->shard, .version = PROGRAM_VERSION}};

    bool done = find_files(&run, err);
    if (!check_outputs(config, run.files.item, run.files.count, done ? err : &second)) {
        names_release(&run.files);
        return false;
    }
    run.facts.files = run.files.count;
    buf_init(&run.top, PRINT_ROOM);
    buf_init(&run.rejects_text, (size_t)config->max_line * 2 + RUN_TEXT_CHUNK * 4);
    done = done && do_work(&run, err);
    /* The outcome is decided: a stop, even one a moment ago, no longer changes it. */
    if (done || err->status != STATUS_CANCELLED)
        stop_finish(done ? NULL : err, STOP_ENDS_MS);
    if (done)
        done =
            publish_rejects(&run, err) && write_outputs(&run, err) && write_report(&run, NULL, err);
    else
        end_failed(&run, err);
    if (done) {
        stop_finish(NULL, STOP_GRACE_MS);
        log_summary(&run);
    }
    outfile_discard(&run.rejects);
    buf_release(&run.rejects_text);
    buf_release(&run.top);
    names_release(&run.files);
    return done;
}

static bool fold_files(const struct config *config, const struct load_request *load,
                       struct err *err)
{
    struct s3 *s3 = s3_open(&config->s3, err);
    bool done = s3 != NULL && check_outputs(config, config->operands, config->operand_count, err) &&
                (config->action == ACTION_SPLIT ? split_print(config, s3, err)
                                                : fold_run_and_report(config, load, s3, err));
    s3_close(s3);
    return done;
}

static bool print_init_sql(const struct load_request *load, struct err *err)
{
    OWNED_BUF(script, PRINT_ROOM);
    return target_init_script(&load->target, &script, err) &&
           outfile_put("-", script.data, script.len, err);
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
    case ACTION_SPLIT:
    case ACTION_FOLD_AND_LOAD:
    case ACTION_FOLD_AND_PRINT:
        break;
    }
    return fold_files(config, &load, err);
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
