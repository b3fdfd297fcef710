#include "gvisor_probe/run/costs.h"

#include <string.h>
#include <time.h>

#include "common/log.h"
#include "common/stop.h"
#include "gvisor_probe/observe/small_file.h"

enum { COLD_OPERATIONS = 200 };

static double now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

/* Runs one batch and returns its nanoseconds; negative if it cannot be done here. */
static double batch_ns(const struct bench_site *site, const struct benchmark *benchmark,
                       uint64_t count)
{
    double started = now_ns();
    return benchmark->batch(site, count) ? now_ns() - started : -1;
}

/* How many operations take batch_ms; 0 if they cannot be done here. */
static uint64_t calibrate(const struct bench_site *site, const struct benchmark *benchmark,
                          uint64_t batch_ms)
{
    const double wanted = (double)batch_ms * 1e6;
    uint64_t operations = 1;
    double took;

    while ((took = batch_ns(site, benchmark, operations)) >= 0 && took < wanted / 4 &&
           operations < UINT64_C(1) << 32)
        operations *= 4;
    if (took < 0)
        return 0;
    double scaled = (double)operations * wanted / (took > 1 ? took : 1);
    return scaled < 1 ? 1 : (uint64_t)scaled;
}

static bool measure(struct costs *costs, const struct bench_site *site,
                    const struct benchmark *benchmark, struct err *err)
{
    struct bench_result *result = &costs->results[costs->count];
    const uint64_t operations =
        benchmark->cold ? COLD_OPERATIONS : calibrate(site, benchmark, costs->request->batch_ms);

    if (operations == 0) {
        log_warn("%s cannot be measured here", benchmark->id);
        return true;
    }
    *result = (struct bench_result){.benchmark = benchmark, .operations = operations};
    /* The first batch is not counted: it pays for what is done once. */
    for (uint64_t i = benchmark->cold ? 1 : 0; i <= costs->request->batches; i++) {
        double took = batch_ns(site, benchmark, operations);
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

static bool measure_all(struct costs *costs, const struct bench_site *site, bool cold,
                        struct err *err)
{
    for (const struct benchmark *b = benchmarks; b->id != NULL; b++)
        if (b->cold == cold && !measure(costs, site, b, err))
            return false;
    return true;
}

static void take_load(char out[COSTS_LOAD_MAX])
{
    if (read_small("/proc/loadavg", out, COSTS_LOAD_MAX) < 0)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static bool is_steady(const struct costs *costs)
{
    for (size_t i = 0; i < costs->count; i++)
        if (costs->results[i].noisy && !costs->results[i].benchmark->cold)
            return false;
    return true;
}

bool costs_measure(const struct costs_request *request, struct costs *ret, struct err *err)
{
    struct bench_site site;

    *ret = (struct costs){.request = request};
    bench_site_open(&site);
    bool done = measure_all(ret, &site, true, err);
    take_load(ret->load_before);
    done = done && (request->warmup_ms == 0 || stop_wait(-1, 0, (int)request->warmup_ms, err) == 0);
    done = done && measure_all(ret, &site, false, err);
    take_load(ret->load_after);
    bench_site_close(&site);
    ret->steady = is_steady(ret);
    return done;
}
