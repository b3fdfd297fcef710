#include <stdlib.h>
#include <time.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/outfile.h"
#include "common/stop.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/render/costs_table.h"
#include "gvisor_probe/render/run_text.h"
#include "gvisor_probe/report/reports.h"

enum { FORMAT_TABLE, FORMAT_JSON, TABLE_MAX = 64 * 1024 };

struct costs_config {
    struct costs_request request;
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
     FIELD(request.warmup_ms),
     .help = "wait before measuring: a young sandbox's clock is slow for up to two seconds"},
    {.name = "batches",
     .short_name = 'b',
     .arg = "N",
     .fallback = "31",
     .parse = option_u64,
     .min = 3,
     .max = BENCH_BATCHES_MAX,
     FIELD(request.batches),
     .help = "batches of each benchmark; one more, the first, is thrown away"},
    {.name = "batch-time",
     .short_name = 't',
     .arg = "TIME",
     .fallback = "10ms",
     .parse = option_duration,
     .min = 1,
     .max = 10000,
     FIELD(request.batch_ms),
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

static bool show(const struct costs_config *config, const struct costs *costs,
                 const struct birth *birth, int64_t started, double seconds, struct err *err)
{
    OWNED_BUF(text, TABLE_MAX);
    struct observed observed;
    struct report report;

    if (!observed_take(&observed, NULL, err))
        return false;
    report_of_costs(&report, costs, &config->declared, &observed, birth, started, seconds);
    run_first_line(&config->declared, &text);
    costs_table(costs, &text);
    bool done = report_write(&report, config->common.report, err) &&
                (config->format == FORMAT_JSON
                     ? report_write(&report, "-", err)
                     : buf_ok(&text, err) && outfile_put("-", text.data, text.len, err));
    report_release(&report);
    observed_release(&observed);
    return done;
}

bool costs_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    struct costs_config config = {0};
    struct operands none;
    struct costs costs;
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
    if (!costs_measure(&config.request, &costs, err))
        return false;
    stop_finish(&unwritten, STOP_ENDS_MS);
    return show(&config, &costs, birth, started, machine_seconds() - began, err);
}
