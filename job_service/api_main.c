/* `job_service api`: HTTP on one port, metrics on another, until SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/log.h"
#include "common/options.h"
#include "common/pause.h"
#include "common/postgres/pg_settings.h"
#include "job_service/api/listen.h"
#include "job_service/api/metrics.h"
#include "job_service/api/pool.h"
#include "job_service/api/server.h"
#include "job_service/commands.h"
#include "job_service/files.h"

enum { TICK_MS = 20, METRICS_CONNECTIONS = 100, ANSWER_MS = 12000, OWN_DESCRIPTORS = 150 };

struct api_options {
    const char *listen, *metrics, *dsn, *kinds, *port_file;
    bool plain_text;
    uint64_t workers, connections, drain_ms;
    int log_format;
};

static const struct option_spec specs[] = {
    {.name = "listen",
     .short_name = 'l',
     .arg = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8080",
     .parse = option_text,
     .offset = offsetof(struct api_options, listen),
     .help = "where clients come in; port 0 takes a free one, and the log says which"},
    {.name = "metrics",
     .arg = "ADDRESS:PORT",
     .parse = option_text,
     .offset = offsetof(struct api_options, metrics),
     .help = "serve GET /metrics there, for Prometheus; a port that no client should reach"},
    {.name = "plain-text",
     .parse = option_flag,
     .offset = offsetof(struct api_options, plain_text),
     .help = "listen on more than loopback without TLS, which an ingress in front must then end"},
    DSN_OPTION(offsetof(struct api_options, dsn)),
    {.name = "kinds",
     .arg = "FILE",
     .parse = option_text,
     .offset = offsetof(struct api_options, kinds),
     .help = "kinds of jobs and their parameters, as JSON (docs/jobs.md); default: pipeline and "
             "dockerfile"},
    {.name = "workers",
     .arg = "N",
     .fallback = "4",
     .parse = option_u64,
     .min = 1,
     .max = POOL_WORKERS_MAX,
     .offset = offsetof(struct api_options, workers),
     .help = "database sessions for answers, one more is for long polls"},
    {.name = "connections",
     .arg = "N",
     .fallback = "20000",
     .parse = option_u64,
     .min = 1,
     .max = 1000000,
     .offset = offsetof(struct api_options, connections),
     .help = "clients at once; descriptors must allow it (ulimit -n)"},
    {.name = "drain",
     .arg = "TIME",
     .fallback = "15s",
     .parse = option_duration,
     .max = 3600000,
     .offset = offsetof(struct api_options, drain_ms),
     .help = "how long requests may take to end after SIGTERM"},
    {.name = "port-file",
     .arg = "FILE",
     .parse = option_text,
     .offset = offsetof(struct api_options, port_file),
     .help = "write the port there once it listens"},
    LOG_FORMAT_OPTION(offsetof(struct api_options, log_format)),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "job_service api",
    .env_prefix = "JOB_SERVICE",
    .summary = "Takes jobs over HTTP and tells what became of them.",
    .epilog = "  job_service api --listen 127.0.0.1:8080\n"
              "  curl -H 'Authorization: TOKEN' -X POST http://127.0.0.1:8080/jobs\n",
};

static struct pool *the_pool;
static struct server *the_server, *the_metrics;

static void take(void *context, struct exchange *exchange)
{
    (void)context;
    pool_put(the_pool, exchange);
}

static void count(struct buf *out)
{
    const struct metrics_now now = {.busy = server_busy(the_server),
                                    .queued = pool_queued(the_pool),
                                    .waiting = pool_waiting(the_pool),
                                    .connections = server_connections(the_server)};

    metrics_put(out, &now);
}

/* Each client is a descriptor; some more are for the database and the log. */
static uint64_t allowed_connections(uint64_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    rlim_t needed = wanted + OWN_DESCRIPTORS;
    if (limit.rlim_cur < needed) {
        limit.rlim_cur = limit.rlim_max < needed ? limit.rlim_max : needed;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= needed)
        return wanted;
    uint64_t allowed = limit.rlim_cur > 2 * OWN_DESCRIPTORS ? limit.rlim_cur - OWN_DESCRIPTORS
                                                            : limit.rlim_cur / 2 + 1;
    log_warn("only %llu clients at once, because of the limit of descriptors (ulimit -n)",
             (unsigned long long)allowed);
    return allowed;
}

static void wait_for_signal(void)
{
    sigset_t stops;
    int signal;

    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigwait(&stops, &signal);
}

/* Answers that are being made are waited for; clients that do not take theirs are not. */
static void drain(struct server *server, struct pool *pool, uint64_t within_ms)
{
    unsigned busy = 0;

    log_info("stopping: no new jobs, %zu long polls are answered", pool_waiting(pool));
    server_drain(server);
    if (the_metrics != NULL)
        server_drain(the_metrics);
    pool_drain(pool);
    for (uint64_t waited = 0; waited < within_ms && (busy = server_busy(server)) > 0;
         waited += TICK_MS)
        pause_for(TICK_MS);
    if (busy > 0)
        log_warn("%u requests had not ended in time", busy);
}

static bool serve(const struct api_options *options, const struct pg_settings *database,
                  const struct kinds *kinds, struct err *err)
{
    const struct pool_rules pool_rules = {.database = database,
                                          .kinds = kinds,
                                          .workers = (unsigned)options->workers,
                                          .give_back = server_answer,
                                          .count = count};
    const struct server_rules server_rules = {
        .listen = options->listen,
        .connections = (unsigned)allowed_connections(options->connections),
        .take = take,
        .openapi = openapi_json};
    const struct server_rules metrics_rules = {.listen = options->metrics,
                                               .connections = METRICS_CONNECTIONS,
                                               .take = take,
                                               .metrics_only = true};

    the_pool = pool_start(&pool_rules, err);
    if (the_pool == NULL)
        return false;
    the_server = server_start(&server_rules, err);
    bool done = the_server != NULL && (options->metrics == NULL ||
                                       (the_metrics = server_start(&metrics_rules, err)) != NULL);
    if (done) {
        log_info("listening on port %u", server_port(the_server));
        if (the_metrics != NULL)
            log_info("metrics on port %u", server_port(the_metrics));
        /* Last: whoever waits for the file may read the log. */
        done = files_write_port(options->port_file, server_port(the_server), err);
    }
    if (done) {
        wait_for_signal();
        drain(the_server, the_pool, options->drain_ms);
    }
    /* The pool's work first: what it holds would be given back to a server that is gone. What
     * still comes in is refused by it, so it is there until the servers are not. */
    pool_stop(the_pool);
    if (the_server != NULL)
        server_stop(the_server);
    if (the_metrics != NULL)
        server_stop(the_metrics);
    pool_release(the_pool);
    return done;
}

bool api_main(int argc, char **argv, struct err *err)
{
    struct api_options options = {0};
    struct operands operands;
    struct pg_settings database;
    struct kinds *kinds = NULL;
    char password[PASSWORD_MAX + 1];
    enum options_outcome outcome = options_read(&info, specs, &options, &operands, argc, argv, err);

    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    log_open("job_service", (enum log_format)options.log_format, getenv("TRACEPARENT"));
    if (!options.plain_text && !listen_is_loopback(options.listen))
        return err_set(err, STATUS_USAGE,
                       "--listen %s is more than loopback, and tokens would travel unencrypted: "
                       "put an ingress with TLS in front and say --plain-text",
                       options.listen);
    if (!pg_settings_require(&database, options.dsn, password, err) ||
        !files_read_kinds(options.kinds, &kinds, err))
        return false;
    database.answer_ms = ANSWER_MS;
    database.program = "job_service";
    pg_prepare_environment(&database);
    bool done = serve(&options, &database, kinds, err);
    kinds_free(kinds);
    return done;
}
