#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/distinct.h"
#include "common/json_in.h"
#include "common/log.h"
#include "common/options.h"
#include "common/outfile.h"
#include "common/whole.h"
#include "gvisor_probe/commands.h"
#include "gvisor_probe/render/render.h"

enum { OPERANDS_MAX = 2 * CELLS_MAX };

struct config {
    const char *witness, *expect, *output, *outputs;
    int format, colour;
    struct common_options common;
};

#define FIELD(member) .offset = offsetof(struct config, member)

static const struct option_spec specs[] = {
    {.name = "witness",
     .short_name = 'w',
     .arg = "FILE",
     .parse = option_text,
     FIELD(witness),
     .help = "the record of `witness collect`, or a directory with witness.json in it"},
    {.name = "expect",
     .short_name = 'e',
     .arg = "FILE",
     .parse = option_text,
     FIELD(expect),
     .help = "what must come out, as a JSON object; status 5 when it does not"},
    {.name = "format",
     .short_name = 'f',
     .arg = "table|json|markdown|junit",
     .fallback = "table",
     .parse = option_choice,
     .choices = "table|json|markdown|junit",
     FIELD(format),
     .help = "of the output"},
    {.name = "output",
     .short_name = 'o',
     .arg = "FILE",
     .fallback = "-",
     .parse = option_text,
     FIELD(output),
     .help = "where to; a file appears whole or not at all; - is standard output"},
    {.name = "outputs",
     .arg = "DIR",
     .parse = option_text,
     FIELD(outputs),
     .help =
         "write verdict, valid, met and the summary there, one a file, for Argo's valueFrom.path"},
    {.name = "color",
     .arg = "auto|always|never",
     .fallback = "auto",
     .parse = option_choice,
     .choices = "auto|always|never",
     FIELD(colour),
     .help = "colours in the table; auto is on a terminal, unless NO_COLOR is set"},
    COMMON_OPTIONS(struct config, common),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "gvisor_probe compare",
    .env_prefix = "GVISOR_PROBE",
    .operands = "REPORT...",
    .summary =
        "Says what differs between the reports of one experiment, and what explains it. The first\n"
        "report is the baseline; one of the same runtime with seccomp Unconfined is the control.",
    .epilog =
        "Reports of `run`, and of `costs` for the same cells, in any order of kinds. Whatever "
        "else\n"
        "differs between the cells (node, path, modes, uid, program...) makes the experiment\n"
        "invalid: it is named, and nothing is credited to the runtime.\n"
        "\n"
        "Examples:\n"
        "  gvisor_probe compare runc.json gvisor.json\n"
        "  gvisor_probe compare runc.json gvisor.json sealed.json --witness witness.json\n"
        "  gvisor_probe compare runc.json gvisor.json --expect expect.json --format junit\n"
        "with an expect.json such as {\"gvisor/file\": \"landed\", \"gvisor/io_uring\": "
        "\"runtime\"};\n"
        "what is credited to the runtime takes the control's report among the others.\n"
        "\n"
        "Exit status: 0 done, expectations met; 1 a bug; 2 wrong usage; 3 a report is broken;\n"
        "4 a file is missing or not permitted; 5 the experiment is invalid, or an expectation is\n"
        "not met; 10 may pass, retry; 11 cancelled, retry.\n",
};

static bool read_fd(int fd, const char *path, struct buf *ret, struct err *err)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return err_errno(err, errno, "cannot read %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, STATUS_REFUSED, "cannot read %s: not a file", path);
    if (st.st_size > REPORT_BYTES_MAX)
        return err_set(err, STATUS_INPUT, "%s: more than %d bytes", path, REPORT_BYTES_MAX);
    return whole_read(fd, path, ret, err);
}

static bool read_whole(const char *path, struct buf *ret, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return err_errno(err, errno, "cannot read %s", path);
    bool done = read_fd(fd, path, ret, err);
    (void)close(fd);
    return done;
}

static cJSON *read_json(const char *path,
                        cJSON *(*parse)(const char *, const char *, size_t, struct err *),
                        struct err *err)
{
    OWNED_BUF(text, REPORT_BYTES_MAX);
    return read_whole(path, &text, err) ? parse(path, text.data, text.len, err) : NULL;
}

static struct compared {
    struct cell cells[CELLS_MAX];
    size_t cell_count;
    struct witness_record witness;
    cJSON *expected;
    struct comparison comparison;
    struct expectation expectations[EXPECTATIONS_MAX];
    size_t expectation_count;
} compared;

static bool add_costs(const char *path, cJSON *report, struct err *err)
{
    const char *name = cJSON_GetStringValue(json_find(report, "cell.name"));

    for (size_t i = 0; name != NULL && i < compared.cell_count; i++)
        if (strcmp(compared.cells[i].name, name) == 0)
            return cell_add_costs(&compared.cells[i], path, report, err);
    cJSON_Delete(report);
    return err_set(err, STATUS_USAGE, "%s: costs of a cell whose report of a run was not given",
                   path);
}

static bool read_reports(const struct operands *operands, struct err *err)
{
    cJSON *costs[OPERANDS_MAX] = {NULL};
    bool done = true;

    for (int i = 0; done && i < operands->count; i++) {
        cJSON *report = read_json(operands->item[i], report_parse, err);
        if (report == NULL) {
            done = false;
        } else if (report_is_costs(report)) {
            costs[i] = report;
        } else if (compared.cell_count == CELLS_MAX) {
            cJSON_Delete(report);
            done = err_set(err, STATUS_USAGE, "more than %d cells", CELLS_MAX);
        } else {
            struct cell *cell = &compared.cells[compared.cell_count++];
            done = cell_read(cell, operands->item[i], report, err);
        }
    }
    for (int i = 0; i < operands->count; i++) {
        if (done && costs[i] != NULL)
            done = add_costs(operands->item[i], costs[i], err);
        else
            cJSON_Delete(costs[i]);
    }
    if (done && compared.cell_count < CELLS_MIN)
        return err_set(err, STATUS_USAGE, "compare: two reports of runs are needed at least");
    return done;
}

static bool read_witness(const char *path, struct err *err)
{
    struct stat st;
    char *inside = NULL;

    if (path == NULL)
        return true;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        if (asprintf(&inside, "%s/witness.json", path) < 0)
            return err_set(err, STATUS_TRANSIENT, "out of memory");
    }
    cJSON *record = read_json(inside == NULL ? path : inside, json_parse, err);
    bool done = record != NULL && witness_record_read(&compared.witness, path, record, err);
    free(inside);
    return done || err_prefix(err, "--witness");
}

static bool judge(const struct config *config, struct err *err)
{
    comparison_make(&compared.comparison, compared.cells, compared.cell_count, &compared.witness);
    if (config->expect == NULL)
        return true;
    compared.expected = read_json(config->expect, json_parse, err);
    return (compared.expected != NULL &&
            expectations_judge(config->expect, compared.expected, &compared.comparison,
                               compared.expectations, &compared.expectation_count, err)) ||
           err_prefix(err, "--expect");
}

static bool wants_colour(const struct config *config)
{
    enum { AUTO, ALWAYS };

    if (config->colour != AUTO)
        return config->colour == ALWAYS;
    return outfile_takes_colour(config->output);
}

static bool put_value(const char *dir, const char *name, const char *value, size_t len,
                      struct err *err)
{
    return outfile_put_in(dir, name, value, len, err) || err_prefix(err, "--outputs");
}

static bool put_text(const char *dir, const char *name, const char *text, struct err *err)
{
    return put_value(dir, name, text, strlen(text), err);
}

static bool put_summary(const char *dir, const struct rendering *rendering, struct err *err)
{
    const struct rendering plain = {.comparison = rendering->comparison};
    OWNED_BUF(text, RENDER_MAX);

    render_summary(&plain, &text);
    return buf_ok(&text, err) && put_value(dir, "summary", text.data, text.len, err);
}

static bool put_values(const char *dir, const struct rendering *rendering, struct err *err)
{
    char line[RENDER_TEXT];

    if (dir == NULL)
        return true;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return err_errno(err, errno, "--outputs: cannot make %s", dir);
    return put_text(dir, "verdict", verdict_line(rendering->comparison, line), err) &&
           put_text(dir, "valid", rendering->comparison->valid ? "true" : "false", err) &&
           put_text(dir, "met", expectations_met(rendering) ? "true" : "false", err) &&
           put_summary(dir, rendering, err);
}

static bool put_results(const struct config *config, const struct rendering *rendering,
                        struct err *err)
{
    static render *const formats[] = {render_table, render_json, render_markdown, render_junit};
    OWNED_BUF(text, RENDER_MAX);
    OWNED_BUF(report, RENDER_MAX);

    formats[config->format](rendering, &text);
    if (!buf_ok(&text, err) || !outfile_put(config->output, text.data, text.len, err) ||
        !put_values(config->outputs, rendering, err))
        return false;
    if (config->common.report == NULL)
        return true;
    render_json(rendering, &report);
    return buf_ok(&report, err) &&
           (outfile_put(config->common.report, report.data, report.len, err) ||
            err_prefix(err, "--report"));
}

static bool conclude(const struct rendering *rendering, struct err *err)
{
    char line[RENDER_TEXT];

    if (!rendering->comparison->valid)
        return err_set(err, STATUS_EXPECTATION, "%s", verdict_line(rendering->comparison, line));
    for (size_t i = 0; i < rendering->expectation_count; i++) {
        const struct expectation *expectation = &rendering->expectations[i];
        if (!expectation->met)
            return err_set(err, STATUS_EXPECTATION, "%s: expected %s, found %s", expectation->id,
                           expectation->expected,
                           expectation->found == NULL ? "nothing of that name"
                                                      : expectation->found);
    }
    return true;
}

/* Checked before anything is read, so that an output never replaces an input. */
static bool check_outputs(const struct config *config, const struct operands *operands,
                          struct err *err)
{
    const struct output_name outputs[] = {
        {.what = "--output", .path = config->output},
        {.what = "--report", .path = config->common.report},
        {"--outputs", config->outputs, config->outputs == NULL ? NULL : "verdict"},
        {"--outputs", config->outputs, config->outputs == NULL ? NULL : "valid"},
        {"--outputs", config->outputs, config->outputs == NULL ? NULL : "met"},
        {"--outputs", config->outputs, config->outputs == NULL ? NULL : "summary"},
    };
    const size_t count = sizeof outputs / sizeof *outputs;
    char inside[PATH_MAX] = "";
    char *others[] = {(char *)config->witness, inside, (char *)config->expect};

    if (config->witness != NULL)
        (void)snprintf(inside, sizeof inside, "%s/witness.json", config->witness);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i] != NULL && !distinct_outputs(outputs, count, &others[i], 1, err))
            return false;
    return distinct_outputs(outputs, count, operands->item, (size_t)operands->count, err);
}

static bool compare(const struct config *config, const struct operands *operands, struct err *err)
{
    if (!check_outputs(config, operands, err) || !read_reports(operands, err) ||
        !read_witness(config->witness, err) || !judge(config, err))
        return false;
    const struct rendering rendering = {.comparison = &compared.comparison,
                                        .expectations = compared.expectations,
                                        .expectation_count = compared.expectation_count,
                                        .colour = wants_colour(config)};
    return put_results(config, &rendering, err) && conclude(&rendering, err);
}

bool compare_main(const struct birth *birth, int argc, char **argv, struct err *err)
{
    struct config config = {0};
    struct operands operands;

    (void)birth;
    enum options_outcome outcome = options_read(&info, specs, &config, &operands, argc, argv, err);
    log_open("gvisor_probe", (enum log_format)config.common.log_format, getenv("TRACEPARENT"));
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    if (operands.count > OPERANDS_MAX)
        return err_set(err, STATUS_USAGE, "compare: more than %d reports", OPERANDS_MAX);
    bool done = command_start(err) && compare(&config, &operands, err);
    for (size_t i = 0; i < compared.cell_count; i++)
        cell_release(&compared.cells[i]);
    witness_record_release(&compared.witness);
    cJSON_Delete(compared.expected);
    return done;
}
