#include "gvisor_probe/report/reports.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gvisor_probe/report/report_json.h"

static void put_writes(struct json_out *out, const struct run *run, const struct probe *probe,
                       const struct finding *finding)
{
    for (size_t w = 0; w < finding->write_count; w++) {
        const struct probe_write *write = &finding->writes[w];
        char path[2 * RUN_LABEL_MAX], token[PROBE_TOKEN_MAX];
        if (write->locked)
            (void)snprintf(path, sizeof path, "locked/%s", run->label);
        else
            (void)snprintf(path, sizeof path, "open/%s/%s", run->label, write->name);
        probe_token(token, run->label, probe->id);
        json_write(out, probe->id, write, path, write->made && run->request->keep,
                   strcmp(write->kind, "file") == 0 ? token : NULL);
    }
}

void report_of_run(struct report *ret, const struct run *run, const struct birth *birth,
                   int64_t started_s, double seconds)
{
    const struct declared *declared = run->request->declared;
    const struct file_policy policy =
        file_policy_of(run->observed.path_mount, run->observed.root_mount);
    struct json_out *out = &ret->json;

    report_begin(ret, "run", declared, started_s);
    report_end(ret, time(NULL), seconds);
    json_declared(out, declared);
    json_observed(out, &run->observed, birth);
    json_file_policy(out, &policy);
    json_detection(out, &run->detection, declared->runtime);
    json_open(out, "probes", '[');
    for (size_t i = 0; i < run->count; i++)
        json_finding(out, run->answers[i].probe, &run->answers[i].finding);
    json_close(out, ']');
    json_open(out, "writes", '[');
    for (size_t i = 0; i < run->count; i++)
        put_writes(out, run, run->answers[i].probe, &run->answers[i].finding);
    json_close(out, ']');
}

static void put_benchmark(struct json_out *out, const struct bench_result *result)
{
    json_open(out, NULL, '{');
    json_text(out, "id", result->benchmark->id);
    json_text(out, "title", result->benchmark->title);
    json_u64(out, "operations", result->operations);
    json_u64(out, "batches", result->count);
    json_fixed(out, "median_ns", 2, result->median);
    json_fixed(out, "mad_ns", 2, result->mad);
    json_fixed(out, "min_ns", 2, result->least);
    json_fixed(out, "mad_percent", 2, 100 * result->mad / result->median);
    json_bool(out, "noisy", result->noisy);
    json_open(out, "samples_ns", '[');
    for (size_t i = 0; i < result->count; i++)
        json_fixed(out, NULL, 2, result->samples[i]);
    json_close(out, ']');
    json_close(out, '}');
}

void report_of_costs(struct report *ret, const struct costs *costs, const struct declared *declared,
                     const struct observed *observed, const struct birth *birth, int64_t started_s,
                     double seconds)
{
    struct json_out *out = &ret->json;

    report_begin(ret, "costs", declared, started_s);
    report_end(ret, started_s + (int64_t)seconds, seconds);
    json_declared(out, declared);
    json_observed(out, observed, birth);
    json_open(out, "costs", '{');
    json_u64(out, "warmup_ms", costs->request->warmup_ms);
    json_u64(out, "batches", costs->request->batches);
    json_bool(out, "conclusive", costs->steady);
    json_text_or_null(out, "load_before", costs->load_before);
    json_text_or_null(out, "load_after", costs->load_after);
    json_open(out, "benchmarks", '[');
    for (size_t i = 0; i < costs->count; i++)
        put_benchmark(out, &costs->results[i]);
    json_close(out, ']');
    json_close(out, '}');
}
