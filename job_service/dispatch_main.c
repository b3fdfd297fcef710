/* `job_service dispatch`: hands jobs to Argo, follows them, keeps what came of them, until SIGTERM.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/options.h"
#include "common/postgres/pg_settings.h"
#include "job_service/commands.h"
#include "job_service/dispatch/loop.h"
#include "job_service/dispatch/serve.h"
#include "job_service/files.h"

enum { DAY_MS = 86400000, YEAR_DAYS = 366, ANSWER_MS = 30000, NAME_TEXT = 128 };

struct dispatch_options {
    const char *dsn, *kinds, *account, *name, *space, *builds, *runs, *metrics, *port_file;
    uint64_t at_once, poll_ms, reconcile_ms, watch_ms, requeue_ms;
    uint64_t engine_ms, stray_ms, nudge_ms, give_up_ms, image_ms, settle_ms, log_ms;
    uint64_t upkeep_ms, keep_ms, keep_keys_ms, transaction_ms;
    int log_format;
};

#define AT(member) offsetof(struct dispatch_options, member)
#define TEXT_OPTION(the_name, the_arg, the_fallback, member, the_help)                             \
    {                                                                                              \
        .name = (the_name), .arg = (the_arg), .fallback = (the_fallback), .parse = option_text,    \
        .offset = AT(member), .help = (the_help)                                                   \
    }
#define TIME_OPTION(the_name, the_fallback, least, member, the_help)                               \
    {                                                                                              \
        .name = (the_name), .arg = "TIME", .fallback = (the_fallback), .parse = option_duration,   \
        .min = (least), .max = (uint64_t)YEAR_DAYS * DAY_MS, .offset = AT(member),                 \
        .help = (the_help)                                                                         \
    }

static const struct option_spec specs[] = {
    DSN_OPTION(AT(dsn)),
    TEXT_OPTION("kinds", "FILE", NULL, kinds,
                "kinds of jobs, their templates and parameters, as JSON (docs/jobs.md); default: "
                "pipeline and dockerfile"),
    TEXT_OPTION("namespace", "NAME", "jobs", space, "where Workflows are made"),
    TEXT_OPTION("build-namespace", "NAME", "jobs-build", builds,
                "where Workflows make pods of builds; jobs' files are put there"),
    TEXT_OPTION("run-namespace", "NAME", "jobs-run", runs, "where Workflows make pods of runs"),
    TEXT_OPTION("account", "DIRECTORY", "/var/run/secrets/kubernetes.io/serviceaccount", account,
                "of the service account: token and ca.crt"),
    TEXT_OPTION("name", "NAME", NULL, name, "of this dispatcher; default: the host's"),
    TEXT_OPTION("metrics", "ADDRESS:PORT", NULL, metrics,
                "serve GET /metrics, /healthz and /readyz there; port 0 takes a free one"),
    TEXT_OPTION("port-file", "FILE", NULL, port_file, "write that port there once it listens"),
    {.name = "at-once",
     .arg = "N",
     .fallback = "100",
     .parse = option_u64,
     .min = 1,
     .max = 100000,
     .offset = AT(at_once),
     .help = "jobs that are handed over and not over, at most; others stay queued"},
    TIME_OPTION("poll", "500ms", 10, poll_ms, "between two looks at the database"),
    TIME_OPTION("reconcile-every", "1m", 10, reconcile_ms,
                "between two comparisons of database and cluster in full"),
    TIME_OPTION("watch-for", "5m", 2000, watch_ms, "how long a watch lasts, about"),
    TIME_OPTION("requeue-for", "10s", 0, requeue_ms,
                "how long a job waits that a quota of the cluster refused"),
    TIME_OPTION("engine-after", "10m", 0, engine_ms,
                "how long Argo may take to begin with a Workflow"),
    TIME_OPTION("stray-after", "1m", 0, stray_ms, "how old what no job wants must be to go"),
    TIME_OPTION("nudge-after", "30s", 0, nudge_ms,
                "how long a Workflow may overlook that its pods ended"),
    TIME_OPTION("give-up-after", "10m", 0, give_up_ms, "how long at most, nudges included"),
    TIME_OPTION("image-after", "2m", 0, image_ms, "how long a pod may wait for its image"),
    TIME_OPTION("settle-for", "10s", 0, settle_ms,
                "how long after a failed Workflow's end its pods may tell why"),
    TIME_OPTION("log-after", "1h", 0, log_ms, "how long after a job's end its log is waited for"),
    TIME_OPTION("upkeep-every", "10s", 10, upkeep_ms,
                "between two looks for what is to be removed or ended in the database"),
    TIME_OPTION("keep", "168h", 1000, keep_ms, "jobs, results and logs, after their end"),
    TIME_OPTION("keep-keys", "24h", 1000, keep_keys_ms, "idempotency keys"),
    TIME_OPTION("api-transaction", "10s", 100, transaction_ms,
                "how long a transaction of the api may last before its session is ended"),
    LOG_FORMAT_OPTION(AT(log_format)),
    {.name = NULL},
};

static const struct program_info info = {
    .name = "job_service dispatch",
    .env_prefix = "JOB_SERVICE",
    .summary = "Hands jobs to Argo, follows them, keeps their results and logs.",
    .epilog =
        "  job_service dispatch --metrics 127.0.0.1:9091\n"
        "\n"
        "In a pod, as an account that may create, patch and delete Workflows; several may run "
        "at once.\n",
};

static void *end_on_signal(void *loop)
{
    sigset_t stops;
    int signal;

    (void)sigemptyset(&stops);
    (void)sigaddset(&stops, SIGTERM);
    (void)sigaddset(&stops, SIGINT);
    (void)sigwait(&stops, &signal);
    loop_end(loop);
    return NULL;
}

static bool run(const struct dispatch_options *options, const struct loop_rules *rules,
                struct err *err)
{
    struct serve *serve = NULL;
    pthread_t thread;
    struct loop *loop = loop_start(rules, err);

    if (loop == NULL)
        return false;
    bool done =
        options->metrics == NULL || (serve_start(options->metrics, loop_logs(loop), &serve, err) &&
                                     files_write_port(options->port_file, serve_port(serve), err));
    int failed = done ? pthread_create(&thread, NULL, end_on_signal, loop) : 0;
    if (failed != 0)
        done = err_errno(err, failed, "cannot start a thread");
    if (done) {
        log_info("dispatching as %s", rules->upkeep.name);
        loop_run(loop);
        (void)pthread_join(thread, NULL);
        log_info("stopped");
    }
    serve_stop(serve);
    loop_stop(loop);
    return done;
}

static unsigned seconds(uint64_t ms)
{
    return (unsigned)(ms / 1000);
}

static struct loop_rules rules_of(const struct dispatch_options *options,
                                  const struct pg_settings *database, const struct kinds *kinds,
                                  const char *name)
{
    return (struct loop_rules){
        .database = database,
        .kinds = kinds,
        .account = options->account,
        .space = options->space,
        .builds = options->builds,
        .runs = options->runs,
        .decide = {.engine_s = seconds(options->engine_ms),
                   .stray_s = seconds(options->stray_ms),
                   .nudge_s = seconds(options->nudge_ms),
                   .give_up_s = seconds(options->give_up_ms),
                   .image_s = seconds(options->image_ms),
                   .settle_s = seconds(options->settle_ms),
                   .log_s = seconds(options->log_ms),
                   .attempts = 3},
        .upkeep = {.name = name,
                   .every_ms = options->upkeep_ms,
                   .keep_ms = options->keep_ms,
                   .keep_keys_ms = options->keep_keys_ms,
                   .transaction_ms = options->transaction_ms},
        .at_once = (unsigned)options->at_once,
        .watch_s = seconds(options->watch_ms),
        .requeue_s = seconds(options->requeue_ms),
        .poll_ms = options->poll_ms,
        .reconcile_ms = options->reconcile_ms,
    };
}

/* They become parts of paths. */
static bool check_name(const char *option, const char *name, struct err *err)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

    return (len > 0 && len <= 63 && name[len] == '\0') ||
           err_set(err, STATUS_USAGE, "--%s is '%.80s', not the name of a namespace", option, name);
}

/* A namespace's pods are one list. */
static bool check_names(const struct dispatch_options *options, struct err *err)
{
    return check_name("namespace", options->space, err) &&
           check_name("build-namespace", options->builds, err) &&
           check_name("run-namespace", options->runs, err) &&
           ((strcmp(options->space, options->builds) != 0 &&
             strcmp(options->space, options->runs) != 0 &&
             strcmp(options->builds, options->runs) != 0) ||
            err_set(err, STATUS_USAGE,
                    "--namespace, --build-namespace and --run-namespace must be three: people's "
                    "code runs apart from what runs it"));
}

bool dispatch_main(int argc, char **argv, struct err *err)
{
    struct dispatch_options options = {0};
    struct operands operands;
    struct pg_settings database;
    struct kinds *kinds = NULL;
    char password[PASSWORD_MAX + 1], name[NAME_TEXT] = "";
    enum options_outcome outcome = options_read(&info, specs, &options, &operands, argc, argv, err);

    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_DONE;
    log_open("job_service", (enum log_format)options.log_format, getenv("TRACEPARENT"));
    if (!check_names(&options, err) ||
        !pg_settings_require(&database, options.dsn, password, err) ||
        !files_read_kinds(options.kinds, &kinds, err))
        return false;
    (void)gethostname(name, sizeof name - 1);
    database.answer_ms = ANSWER_MS;
    database.program = "job_service dispatch";
    pg_prepare_environment(&database);
    const struct loop_rules rules =
        rules_of(&options, &database, kinds, options.name == NULL ? name : options.name);
    bool done = run(&options, &rules, err);
    kinds_free(kinds);
    return done;
}
