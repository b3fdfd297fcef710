#include "gvisor_probe/report/reports.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gvisor_probe/report/report_json.h"

static void add_answers(struct report *report, const struct run *run)
{
    cJSON *probes = cJSON_CreateArray(), *writes = cJSON_CreateArray();

    for (size_t i = 0; i < run->count; i++) {
        const struct probe *probe = run->answers[i].probe;
        const struct finding *finding = &run->answers[i].finding;
        (void)cJSON_AddItemToArray(probes, json_finding(probe, finding));
        for (size_t w = 0; w < finding->write_count; w++) {
            const struct probe_write *write = &finding->writes[w];
            char path[2 * RUN_LABEL_MAX], token[PROBE_TOKEN_MAX];
            if (write->locked)
                (void)snprintf(path, sizeof path, "locked/%s", run->label);
            else
                (void)snprintf(path, sizeof path, "open/%s/%s", run->label, write->name);
            probe_token(token, run->label, probe->id);
            (void)cJSON_AddItemToArray(
                writes, json_write(probe->id, write, path, write->made && run->request->keep,
                                   strcmp(write->kind, "file") == 0 ? token : NULL));
        }
    }
    report_item(report, "probes", probes);
    report_item(report, "writes", writes);
}

struct report *report_of_run(const struct run *run, const struct birth *birth, int64_t started_s,
                             double seconds)
{
    const struct declared *declared = run->request->declared;
    const struct file_policy policy =
        file_policy_of(run->observed.path_mount, run->observed.root_mount);
    struct report *report = report_begin("run", declared, started_s);

    report_end(report, time(NULL), seconds);
    report_item(report, "cell", json_declared(declared));
    report_item(report, "observed", json_observed(&run->observed, birth));
    report_item(report, "file_policy", json_file_policy(&policy));
    report_item(report, "detection", json_detection(&run->detection, declared->runtime));
    add_answers(report, run);
    return report;
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

    (void)cJSON_AddNumberToObject(object, "warmup_ms", (double)costs->request->warmup_ms);
    (void)cJSON_AddNumberToObject(object, "batches", (double)costs->request->batches);
    (void)cJSON_AddBoolToObject(object, "conclusive", costs->steady);
    json_add_text_or_null(object, "load_before", costs->load_before);
    json_add_text_or_null(object, "load_after", costs->load_after);
    cJSON *list = cJSON_AddArrayToObject(object, "benchmarks");
    for (size_t i = 0; i < costs->count; i++)
        (void)cJSON_AddItemToArray(list, json_benchmark(&costs->results[i]));
    return object;
}

struct report *report_of_costs(const struct costs *costs, const struct declared *declared,
                               const struct observed *observed, const struct birth *birth,
                               int64_t started_s, double seconds)
{
    struct report *report = report_begin("costs", declared, started_s);

    report_end(report, started_s + (int64_t)seconds, seconds);
    report_item(report, "cell", json_declared(declared));
    report_item(report, "observed", json_observed(observed, birth));
    report_item(report, "costs", json_costs(costs));
    return report;
}
