/* How long frequent calls take, by short samples; `gvisor_probe costs` measures with care. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "gvisor_probe/probes/bench.h"
#include "gvisor_probe/probes/probe.h"

enum { BATCHES = 9, CALLS = 500 };

static double now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void run_getppid(const struct probe_context *context, const char *subject,
                        struct finding *ret)
{
    struct bench_result result = {.count = BATCHES};

    (void)context, (void)subject;
    for (int batch = 0; batch < BATCHES; batch++) {
        double started = now_ns();
        for (int i = 0; i < CALLS; i++)
            (void)syscall(SYS_getppid);
        result.samples[batch] = (now_ns() - started) / CALLS;
    }
    bench_judge(&result);
    found_value(ret, "%.0f ns", result.median);
    found_detail(ret, "median of %d batches of %d, least %.0f ns", BATCHES, CALLS, result.least);
}

static void run_clock(const struct probe_context *context, const char *subject, struct finding *ret)
{
    (void)context, (void)subject;
    double started = now_ns();
    for (int i = 0; i < CALLS; i++)
        (void)now_ns();
    found_value(ret, "%.0f ns", (now_ns() - started) / CALLS);
    found_detail(ret, "mean of %d", CALLS);
}

#define ROW .group = GROUP_COST, .safety = SAFETY_READ

const struct probe probes_timing[] = {
    {.id = "getppid_time",
     ROW,
     .title = "the time of the smallest system call",
     .does = "getppid(2) as a raw system call, 9 batches of 500, the median",
     .evidence =
         "Over a microsecond, something stands between process and kernel: gVisor's systrap, "
         "but a tracer or nested virtualisation too. A fast call proves nothing: gVisor on "
         "KVM is fast.",
     .source = "gVisor g3doc/architecture_guide/performance.md",
     .run = run_getppid},
    {.id = "clock_time",
     ROW,
     .title = "the time of a clock read",
     .does = "clock_gettime(CLOCK_MONOTONIC), 500 times, the mean",
     .evidence =
         "gVisor's vDSO asks the sentry until its clock is calibrated, about a second after "
         "the start, and is as fast as Linux's from then on.",
     .source = "gVisor pkg/sentry/kernel/timekeeper.go",
     .run = run_clock},
    {.id = NULL},
};
