#include "common/progress.h"

#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/machine.h"

enum { BAR_WIDTH = 30, QUIET_SECONDS = 1, LINE_BYTES = 200 };

static struct {
    atomic_uint_fast64_t done, total;
    atomic_bool running;
    const char *unit;
    const char *argo_file;
    double started;
} progress;

void progress_start(const char *unit, uint64_t total, const char *argo_file)
{
    progress.unit = unit;
    progress.argo_file = argo_file != NULL && argo_file[0] != '\0' ? argo_file : NULL;
    progress.started = machine_seconds();
    atomic_store(&progress.done, 0);
    atomic_store(&progress.total, total);
    atomic_store(&progress.running, true);
}

void progress_add(uint64_t done)
{
    atomic_fetch_add_explicit(&progress.done, done, memory_order_relaxed);
}

void progress_total(uint64_t total)
{
    atomic_store(&progress.total, total);
}

static const char *scaled(double value, double *ret)
{
    static const char *const suffixes[] = {"", " k", " M", " G", " T"};
    size_t i = 0;
    for (; value >= 1000 && i + 1 < sizeof suffixes / sizeof *suffixes; i++)
        value /= 1000;
    *ret = value;
    return suffixes[i];
}

void progress_format(char *out, size_t size, const char *unit, uint64_t done, uint64_t total,
                     double seconds)
{
    double rate = seconds > 0 ? (double)done / seconds : 0, rate_shown, done_shown;
    const char *rate_suffix = scaled(rate, &rate_shown);
    const char *done_suffix = scaled((double)done, &done_shown);

    if (total == 0) {
        (void)snprintf(out, size, "%.1f%s %s, %.1f%s/s", done_shown, done_suffix, unit, rate_shown,
                       rate_suffix);
        return;
    }
    double part = done >= total ? 1 : (double)done / (double)total;
    char bar[BAR_WIDTH + 1];
    memset(bar, ' ', BAR_WIDTH);
    memset(bar, '=', (size_t)(part * BAR_WIDTH));
    bar[BAR_WIDTH] = '\0';
    char left[32] = "--:--";
    if (rate > 0) {
        uint64_t seconds_left = (uint64_t)((double)(total - (done < total ? done : total)) / rate);
        (void)snprintf(left, sizeof left, "%02llu:%02llu", (unsigned long long)(seconds_left / 60),
                       (unsigned long long)(seconds_left % 60));
    }
    (void)snprintf(out, size, "[%s] %3d%%  %.1f%s %s, %.1f%s/s, %s left", bar, (int)(part * 100),
                   done_shown, done_suffix, unit, rate_shown, rate_suffix, left);
}

/* Argo reads one line "N/M"; a short rewrite in place needs no temporary file. */
static void write_argo(uint64_t done, uint64_t total)
{
    char line[64];
    if (progress.argo_file == NULL || total == 0)
        return;
    int fd = open(progress.argo_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return; /* progress is a courtesy */
    int len =
        snprintf(line, sizeof line, "%llu/%llu\n",
                 (unsigned long long)(done < total ? done : total), (unsigned long long)total);
    (void)!write(fd, line, (size_t)len);
    (void)close(fd);
}

void progress_tick(void)
{
    char line[LINE_BYTES];
    if (!atomic_load(&progress.running))
        return;
    double seconds = machine_seconds() - progress.started;
    if (seconds < QUIET_SECONDS)
        return;
    uint64_t done = atomic_load(&progress.done), total = atomic_load(&progress.total);
    progress_format(line, sizeof line, progress.unit, done, total, seconds);
    (void)log_progress(line);
    write_argo(done, total);
}

void progress_end(void)
{
    if (!atomic_exchange(&progress.running, false))
        return;
    (void)log_progress("");
    write_argo(atomic_load(&progress.done), atomic_load(&progress.total));
}
