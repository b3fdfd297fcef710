#include "job_service/dispatch/serve.h"

#include <stdlib.h>

#include "common/machine.h"
#include "job_service/api/server.h"
#include "job_service/dispatch/counts.h"

enum { CONNECTIONS = 100, READY_MS = 60000 };

struct serve {
    struct server_rules rules;
    struct server *server;
};

/* On a thread of the server. */
static void take(void *context, struct exchange *exchange)
{
    if (exchange->asked.match.route == ROUTE_METRICS) {
        exchange->status = 200;
        exchange->type = "text/plain; version=0.0.4";
        counts_put(&exchange->answer, machine_ms());
        logs_count(context, &exchange->answer);
    } else if (counts_is_fresh(machine_ms(), READY_MS)) {
        exchange->status = 200;
        exchange->type = "application/json";
        buf_add_text(&exchange->answer, "{\"ready\": true}\n");
    } else {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE,
                         "no look at all jobs has ended for a minute: see the log");
    }
    server_answer(exchange);
}

bool serve_start(const char *listen, struct logs *logs, struct serve **ret, struct err *err)
{
    struct serve *serve = calloc(1, sizeof *serve);

    if (serve == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    serve->rules = (struct server_rules){.listen = listen,
                                         .connections = CONNECTIONS,
                                         .take = take,
                                         .context = logs,
                                         .metrics_only = true};
    serve->server = server_start(&serve->rules, err);
    if (serve->server == NULL) {
        free(serve);
        return false;
    }
    *ret = serve;
    return true;
}

uint16_t serve_port(const struct serve *serve)
{
    return server_port(serve->server);
}

void serve_stop(struct serve *serve)
{
    if (serve == NULL)
        return;
    server_stop(serve->server);
    free(serve);
}
