#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/outfile.h"
#include "common/stop.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/bench.h"
#include "gvisor_probe/render/run_text.h"
#include "gvisor_probe/report/report_json.h"
#include "gvisor_probe/run/run.h"

enum { RESULTS_MAX = 16, COLD_OPERATIONS = 200, TABLE_MAX = 64 * 1024, LOAD_MAX = 64 };
enum { FORMAT_TABLE, FORMAT_JSON };

struct costs_config {
    uint64_t warmup_ms, batches, batch_ms;
    int format;
    struct declared declared;
    struct common_options common;
};

#define FIELD(member) .offset = offsetof(struct costs_config, member)

static const struct option_spec specs[] = {
    {.name = "warmup",
     .short_name = 'w',
     .arg = "TIME",
     .fallback = "3s",
     .parse = option_duration,
     .max = 600000,
     FIELD(warmup_ms),
     .help = "wait before measuring: a young sandbox's clock is slow for up to two seconds"},
    {.name = "batches",
     .short_name = 'b',
     .arg = "N",
     .fallback = "31",
     .parse = option_u64,
     .min = 3,
     .max = BENCH_BATCHES_MAX,
     FIELD(batches),
     .help = "batches of each benchmark; one more, the first, is thrown away"},
    {.name = "batch-time",
     .short_name = 't',
     .arg = "TIME",
     .fallback = "10ms",
     .parse = option_duration,
     .min = 1,
     .max = 10000,
     FIELD(batch_ms),
     .help = "how long a batch shall take: its operations are counted out beforehand"},
    {.name = "format",
     .short_name = 'f',
     .arg = "table|json",
     .fallback = "table",
     .parse = option_choice,
     .choices = "table|json",
     FIELD(format),
     .help = "what goes to stdout: a table for people, or the report"},
    DECLARED_OPTIONS(struct costs_config, declared),
    COMMON_OPTIONS(struct costs_config, common),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "gvisor_probe costs",
    .env_prefix = "GVISOR_PROBE",
    .summary = "Measures what calls cost here, one after the other: the median of several batches, "
               "and how far they are apart. Nothing is concluded from noise.",
    .epilog =
        "A benchmark is noisy when the median absolute deviation of its batches is more than\n"
        "10 % of their median. Compare cells measured in turns on one node, never alone.\n"
        "\n"
        "Examples:\n"
        "  gvisor_probe costs\n"
        "  gvisor_probe costs --run-id 7 --cell gvisor --report gvisor-costs.json\n"
        "  gvisor_probe costs --warmup 0 --batches 3 --batch-time 1ms    a quick look\n"
        "\n"
        "Exit status: 0 done, noisy or not; 1 a bug; 2 wrong usage; 4 output is not\n"
        "permitted; 10 may pass, retry; 11 cancelled, retry.\n",
};

struct costs {
    const struct costs_config *config;
    struct bench_site site;
    struct bench_result results[RESULTS_MAX];
    size_t count;
    char load_before[LOAD_MAX], load_after[LOAD_MAX];
};

static double now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* One batch between two clock reads; negative: it cannot be done here. */
static double batch_ns(const struct costs *costs, const struct benchmark *benchmark, uint64_t count)
{
    double started = now_ns();
    return benchmark->batch(&costs->site, count) ? now_ns() - started : -1;
}

/* So many operations that a batch takes its time; 0: it cannot be done here. */
static uint64_t calibrate(const struct costs *costs, const struct benchmark *benchmark)
{
    const double wanted = (double)costs->config->batch_ms * 1e6;
    uint64_t operations = 1;
    double took;

    while ((took = batch_ns(costs, benchmark, operations)) >= 0 && took < wanted / 4 &&
           operations < UINT64_C(1) << 32)
        operations *= 4;
    if (took < 0)
        return 0;
    double scaled = (double)operations * wanted / (took > 1 ? took : 1);
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

static bool measure(struct costs *costs, const struct benchmark *benchmark, struct err *err)
{
    struct bench_result *result = &costs->results[costs->count];
    const uint64_t operations = benchmark->cold ? COLD_OPERATIONS : calibrate(costs, benchmark);

    if (operations == 0) {
        log_warn("%s cannot be measured here", benchmark->id);
        return true;
    }
    *result = (struct bench_result){.benchmark = benchmark, .operations = operations};
    /* The first batch pays for what is done once: it is run, and thrown away. */
    for (uint64_t i = benchmark->cold ? 1 : 0; i <= costs->config->batches; i++) {
        double took = batch_ns(costs, benchmark, operations);
        if (stop_requested())
            return stop_err(err);
        if (took < 0)
            return err_set(err, STATUS_TRANSIENT, "%s failed half-way", benchmark->id);
        if (i > 0)
            result->samples[result->count++] = took / (double)operations;
    }
    bench_judge(result);
    costs->count++;
    return true;
}

static bool measure_all(struct costs *costs, bool cold, struct err *err)
{
    for (const struct benchmark *b = benchmarks; b->id != NULL; b++)
        if (b->cold == cold && !measure(costs, b, err))
            return false;
    return true;
}

static void take_load(char out[LOAD_MAX])
{
    if (read_small("/proc/loadavg", out, LOAD_MAX) < 0)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static bool measure_costs(struct costs *costs, struct err *err)
{
    bench_site_open(&costs->site);
    bool done = measure_all(costs, true, err);
    take_load(costs->load_before);
    done = done && (costs->config->warmup_ms == 0 ||
                    stop_wait(-1, 0, (int)costs->config->warmup_ms, err) == 0);
    done = done && measure_all(costs, false, err);
    take_load(costs->load_after);
    bench_site_close(&costs->site);
    return done;
}

/* What was measured. */

static bool steady(const struct costs *costs)
{
    for (size_t i = 0; i < costs->count; i++)
        if (costs->results[i].noisy && !costs->results[i].benchmark->cold)
            return false;
    return true;
}

static void add_ns(cJSON *object, const char *name, double value)
{
    char digits[64];
    (void)snprintf(digits, sizeof digits, "%.2f", value);
    (void)cJSON_AddRawToObject(object, name, digits);
}

static cJSON *json_benchmark(const struct bench_result *result)
{
    cJSON *object = cJSON_CreateObject();

    json_add_text(object, "id", result->benchmark->id);
    json_add_text(object, "title", result->benchmark->title);
    (void)cJSON_AddNumberToObject(object, "operations", (double)result->operations);
    (void)cJSON_AddNumberToObject(object, "batches", (double)result->count);
    add_ns(object, "median_ns", result->median);
    add_ns(object, "mad_ns", result->mad);
    add_ns(object, "min_ns", result->least);
    add_ns(object, "mad_percent", 100 * result->mad / result->median);
    (void)cJSON_AddBoolToObject(object, "noisy", result->noisy);
    cJSON *samples = cJSON_AddArrayToObject(object, "samples_ns");
    for (size_t i = 0; i < result->count; i++) {
        char digits[64];
        (void)snprintf(digits, sizeof digits, "%.2f", result->samples[i]);
        (void)cJSON_AddItemToArray(samples, cJSON_CreateRaw(digits));
    }
    return object;
}

static cJSON *json_costs(const struct costs *costs)
{
    cJSON *object = cJSON_CreateObject();

    (void)cJSON_AddNumberToObject(object, "warmup_ms", (double)costs->config->warmup_ms);
    (void)cJSON_AddNumberToObject(object, "batches", (double)costs->config->batches);
    (void)cJSON_AddBoolToObject(object, "conclusive", steady(costs));
    json_add_text_or_null(object, "load_before", costs->load_before);
    json_add_text_or_null(object, "load_after", costs->load_after);
    cJSON *list = cJSON_AddArrayToObject(object, "benchmarks");
    for (size_t i = 0; i < costs->count; i++)
        (void)cJSON_AddItemToArray(list, json_benchmark(&costs->results[i]));
    return object;
}

static bool add_table(const struct costs *costs, struct buf *out, struct err *err)
{
    if (!buf_printf(out, err, "%-12s %12s %9s\n", "benchmark", "median ns", "MAD"))
        return false;
    for (size_t i = 0; i < costs->count; i++) {
        const struct bench_result *result = &costs->results[i];
        if (!buf_printf(out, err, "%-12s %12.1f %7.1f %%  %-6s%s\n", result->benchmark->id,
                        result->median, 100 * result->mad / result->median,
                        result->noisy ? "noisy" : "", result->benchmark->title))
            return false;
    }
    return steady(costs) ||
           buf_add_text(out, "\nNoisy: conclude nothing from it; repeat on a quiet machine.\n",
                        err);
}

static bool show(const struct costs *costs, const struct birth *birth, int64_t started,
                 double seconds, struct err *err)
{
    const struct costs_config *config = costs->config;
    OWNED_BUF(text, TABLE_MAX);
    struct observed observed;

    if (!observed_take(&observed, NULL, err))
        return false;
    struct report *report = report_begin("costs", &config->declared, started);
    report_end(report, started + (int64_t)seconds, seconds);
    report_item(report, "cell", json_declared(&config->declared));
    report_item(report, "observed", json_observed(&observed, birth));
    report_item(report, "costs", json_costs(costs));
    bool done = report_write(report, config->common.report, err) &&
                (config->format == FORMAT_JSON ? report_write(report, "-", err)
                                               : run_first_line(&config->declared, &text, err) &&
                                                     add_table(costs, &text, err) &&
                                                     outfile_put("-", text.data, text.len, err));
    report_free(report);
    observed_release(&observed);
    return done;
}

bool costs_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    struct costs_config config = {0};
    struct operands none;
    struct costs costs = {.config = &config};
    const struct err unwritten = {STATUS_CANCELLED, "cancelled while the costs were written"};
    char drawn[DRAWN_ID_MAX];

    enum options_outcome outcome = options_read(&info, specs, &config, &none, argc, argv, err);
    log_open("gvisor_probe", (enum log_format)config.common.log_format, getenv("TRACEPARENT"));
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    if (!declared_complete(&config.declared, drawn, err) || !command_start(err))
        return false;
    const int64_t started = time(NULL);
    const double began = machine_seconds();
    if (!measure_costs(&costs, err))
        return false;
    stop_finish(&unwritten, STOP_ENDS_MS);
    return show(&costs, birth, started, machine_seconds() - began, err);
}
