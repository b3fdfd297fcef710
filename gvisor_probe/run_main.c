#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/outfile.h"
#include "common/stop.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/render/run_text.h"
#include "gvisor_probe/report/reports.h"
#include "gvisor_probe/run/run.h"

enum { FORMAT_TABLE, FORMAT_JSON, TABLE_MAX = 1 << 20 };

struct run_config {
    const char *path, *only;
    bool keep, privileged_too, network;
    int format;
    struct declared declared;
    struct common_options common;
};

#define FIELD(member) .offset = offsetof(struct run_config, member)

static const struct option_spec specs[] = {
    {.name = "path",
     .short_name = 'p',
     .arg = "DIR",
     .parse = option_text,
     FIELD(path),
     .help = "a mount of the node to try as well, prepared by `gvisor_probe witness`"},
    {.name = "only",
     .short_name = 'o',
     .arg = "LIST",
     .parse = option_text,
     FIELD(only),
     .help = "probes and groups with commas between; see gvisor_probe list [all]"},
    {.name = "keep-for-witness",
     .short_name = 'k',
     .parse = option_flag,
     FIELD(keep),
     .help = "leave what probes make in DIR/open/RUN-CELL, instead of removing it at the end"},
    {.name = "network",
     .parse = option_flag,
     FIELD(network),
     .help = "try what sends packets as well: the cloud's metadata address"},
    {.name = "i-am-privileged",
     .parse = option_flag,
     FIELD(privileged_too),
     .help = "call the kernel even as root or with capabilities, where a call could do harm if a "
             "probe is wrong"},
    {.name = "format",
     .short_name = 'f',
     .arg = "table|json",
     .fallback = "table",
     .parse = option_choice,
     .choices = "table|json",
     FIELD(format),
     .help = "what goes to stdout: a story and a table for people, or the report"},
    DECLARED_OPTIONS(struct run_config, declared),
    COMMON_OPTIONS(struct run_config, common),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "gvisor_probe run",
    .env_prefix = "GVISOR_PROBE",
    .summary = "Asks the kernel that answers here some hundred questions, each in a process of its "
               "own, and writes down result, errno, value and cause. Nothing on the node changes.",
    .epilog =
        "Examples:\n"
        "  gvisor_probe run                            which kernel is it, and what does it show?\n"
        "  gvisor_probe run -o kernel-surface,uname    a group and a probe\n"
        "  gvisor_probe run -p /host --run-id 7 --cell runc --runtime runc --keep-for-witness \\\n"
        "    --report runc.json                        one side of an experiment\n"
        "  gvisor_probe run -f json | jq .detection    for machines\n"
        "\n"
        "Exit status: 0 done, whatever was found; 1 a bug; 2 wrong usage; 4 the path cannot be\n"
        "looked at, or output is not permitted; 10 may pass, retry; 11 cancelled, retry.\n",
};

static bool show(const struct run_config *config, const struct run *run, struct report *report,
                 struct err *err)
{
    OWNED_BUF(text, TABLE_MAX);

    if (!report_write(report, config->common.report, err))
        return false;
    if (config->format == FORMAT_JSON)
        return report_write(report, "-", err);
    run_story(run, &text);
    run_table(run, outfile_takes_colour("-"), &text);
    return buf_ok(&text, err) && outfile_put("-", text.data, text.len, err);
}

static bool run_and_show(const struct run_config *config, const struct birth *birth,
                         struct err *err)
{
    const struct run_request request = {.path = config->path,
                                        .only = config->only,
                                        .keep = config->keep,
                                        .privileged_too = config->privileged_too,
                                        .network = config->network,
                                        .declared = &config->declared,
                                        .boottime_ns = birth->boottime_ns};
    const int64_t started = time(NULL);
    const double began = machine_seconds();
    const struct err unwritten = {STATUS_CANCELLED, "cancelled while the answers were written"};
    struct run run;
    bool matches = true;

    bool done = run_probes(&request, &run, err);
    if (done) {
        stop_finish(&unwritten, STOP_ENDS_MS);
        struct report report;
        report_of_run(&report, &run, birth, started, machine_seconds() - began);
        done = show(config, &run, &report, err);
        report_release(&report);
    }
    if (done && config->declared.runtime != NULL &&
        detect_matches(config->declared.runtime, run.detection.conclusion, &matches) && !matches)
        log_warn("the manifest declares %s, but the kernel here is %s", config->declared.runtime,
                 conclusion_name(run.detection.conclusion));
    if (done && config->format == FORMAT_JSON) /* the story says it too */
        log_info("asked %zu questions of the kernel in %.2f s: %s", run.count,
                 machine_seconds() - began, conclusion_name(run.detection.conclusion));
    run_release(&run);
    return done;
}

bool run_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    struct run_config config = {0};
    struct operands none;
    char drawn[DRAWN_ID_MAX];

    enum options_outcome outcome = options_read(&info, specs, &config, &none, argc, argv, err);
    log_open("gvisor_probe", (enum log_format)config.common.log_format, getenv("TRACEPARENT"));
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    if (!declared_complete(&config.declared, drawn, err))
        return false;
    log_context(config.declared.run_id, NULL);
    bool done = command_start(err) && run_and_show(&config, birth, err);
    log_context(NULL, NULL);
    return done;
}
