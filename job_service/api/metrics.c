#include "job_service/api/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum { STATUSES = 600, BUCKETS = 10 };

static const double bounds[BUCKETS] = {0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 60};

static atomic_uint_fast64_t requests[ROUTES][STATUSES];
static atomic_uint_fast64_t buckets[ROUTES][BUCKETS + 1], microseconds[ROUTES];
static atomic_uint_fast64_t refused;

void metrics_request(enum route route, unsigned status, double seconds)
{
    size_t bucket = 0;

    while (bucket < BUCKETS && seconds > bounds[bucket])
        bucket++;
    atomic_fetch_add(&requests[route][status < STATUSES ? status : 0], 1);
    atomic_fetch_add(&buckets[route][bucket], 1);
    atomic_fetch_add(&microseconds[route], (uint_fast64_t)(seconds * 1e6));
}

void metrics_refused(void)
{
    atomic_fetch_add(&refused, 1);
}

/* Routes of one path are one series, under the first of them. */
static void find_firsts(size_t firsts[ROUTES])
{
    for (size_t route = 0; route < ROUTES; route++) {
        firsts[route] = 0;
        while (strcmp(route_pattern((enum route)firsts[route]), route_pattern((enum route)route)) !=
               0)
            firsts[route]++;
    }
}

/* Of all routes with that path; counts has width of them a route. */
static uint64_t sum(const size_t firsts[ROUTES], atomic_uint_fast64_t *counts, size_t width,
                    size_t first)
{
    uint64_t all = 0;

    for (size_t route = first; route < ROUTES; route++)
        if (firsts[route] == first)
            all += atomic_load(&counts[route * width]);
    return all;
}

static void put_requests(struct buf *out, const size_t firsts[ROUTES])
{
    buf_add_text(out, "# HELP http_requests_total Answers by route and status.\n"
                      "# TYPE http_requests_total counter\n");
    for (size_t route = 0; route < ROUTES; route++)
        for (size_t status = 0; status < STATUSES; status++) {
            uint64_t count = sum(firsts, &requests[0][status], STATUSES, route);
            if (count > 0)
                buf_printf(out, "http_requests_total{route=\"%s\",code=\"%zu\"} %" PRIu64 "\n",
                           route_pattern((enum route)route), status, count);
        }
}

static void put_durations(struct buf *out, const size_t firsts[ROUTES])
{
    buf_add_text(out, "# HELP http_request_duration_seconds From the headers to the answer, long "
                      "polls included.\n"
                      "# TYPE http_request_duration_seconds histogram\n");
    for (size_t route = 0; route < ROUTES; route++) {
        const char *name = route_pattern((enum route)route);
        uint64_t count = 0;
        for (size_t i = 0; i <= BUCKETS; i++)
            count += sum(firsts, &buckets[0][i], BUCKETS + 1, route);
        if (count == 0)
            continue;
        count = 0;
        for (size_t i = 0; i <= BUCKETS; i++) {
            count += sum(firsts, &buckets[0][i], BUCKETS + 1, route);
            if (i < BUCKETS)
                buf_printf(out,
                           "http_request_duration_seconds_bucket{route=\"%s\",le=\"%g\"} %" PRIu64
                           "\n",
                           name, bounds[i], count);
            else
                buf_printf(out,
                           "http_request_duration_seconds_bucket{route=\"%s\",le=\"+Inf\"} %" PRIu64
                           "\n",
                           name, count);
        }
        buf_printf(out, "http_request_duration_seconds_sum{route=\"%s\"} %.6f\n", name,
                   (double)sum(firsts, microseconds, 1, route) / 1e6);
        buf_printf(out, "http_request_duration_seconds_count{route=\"%s\"} %" PRIu64 "\n", name,
                   count);
    }
}

static void put_gauge(struct buf *out, const char *name, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %" PRIu64 "\n", name, help, name, name,
               value);
}

void metrics_put(struct buf *out, const struct metrics_now *now)
{
    size_t firsts[ROUTES];

    find_firsts(firsts);
    put_requests(out, firsts);
    put_durations(out, firsts);
    put_gauge(out, "http_requests_in_flight", "Requests under way, long polls among them.",
              now->busy);
    put_gauge(out, "http_connections", "Open connections.", now->connections);
    put_gauge(out, "http_long_polls", "Requests that wait for a job to change.", now->waiting);
    put_gauge(out, "database_requests_queued", "Requests that wait for a database worker.",
              now->queued);
    buf_printf(out,
               "# HELP http_connections_refused_total Connections whose deadline passed.\n"
               "# TYPE http_connections_refused_total counter\n"
               "http_connections_refused_total %" PRIu64 "\n",
               (uint64_t)atomic_load(&refused));
}
