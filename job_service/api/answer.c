#include "job_service/api/answer.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_service/api/answer_logs.h"
#include "job_service/api/known.h"
#include "job_service/db/calls.h"

enum {
    DISPATCHER_S = 30, /* without a look at the queue, after which clients are told */
    LIST_DEFAULT = 20,
};

void answer_no_token(struct exchange *exchange, const char *problem)
{
    if (strcmp(problem, "token-missing") == 0)
        exchange_problem(exchange, PROBLEM_TOKEN_MISSING, "send the header Authorization: TOKEN");
    else if (strcmp(problem, "token-scope") == 0)
        exchange_problem(exchange, PROBLEM_TOKEN_SCOPE,
                         "the token lacks the scope for this; GET /v1/whoami says what it has");
    else
        exchange_problem(exchange, PROBLEM_TOKEN_UNKNOWN,
                         "the token is unknown, expired or revoked; ask who gave it to you");
}

bool answer_is_found(struct exchange *exchange, const struct found *found)
{
    if (found->problem[0] != '\0')
        answer_no_token(exchange, found->problem);
    else if (!found->exists)
        exchange_problem(exchange, PROBLEM_NOT_FOUND,
                         "there is no such job of yours: GET /v1/jobs lists them");
    else
        return true;
    return false;
}

static const char *text_of(const struct cJSON *job, const char *name)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(job, name));

    return text == NULL ? "" : text;
}

static bool is_final(const struct cJSON *job)
{
    const char *state = text_of(job, "state");

    return strcmp(state, "finished") == 0 || strcmp(state, "failed") == 0 ||
           strcmp(state, "cancelled") == 0;
}

/* As short as reads back the same: 0.99, and not 0.98999999999999999. */
static void put_number(struct buf *out, double value)
{
    char text[32];

    (void)snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        (void)snprintf(text, sizeof text, "%.17g", value);
    buf_add_text(out, text);
}

static void show_seed(struct exchange *exchange, const struct cJSON *job)
{
    const char *state = text_of(job, "state");
    struct buf *out = &exchange->answer;

    buf_printf(out, "{\"id\": %" PRIu64 ", \"status\": ", exchange->asked.match.number);
    if (strcmp(state, "finished") == 0) {
        const struct cJSON *perf = cJSON_GetObjectItemCaseSensitive(job, "perf");
        buf_add_text(out, "\"finished\", \"perf\": ");
        put_number(out, perf == NULL ? 0 : perf->valuedouble);
        buf_add_text(out, "}\n");
    } else if (is_final(job)) {
        const char *cause = strcmp(state, "failed") == 0 ? text_of(job, "cause") : "cancelled";
        const char *reason = text_of(job, "reason");
        buf_printf(out, "\"failed\", \"cause\": \"%s\", \"reason\": ", cause);
        buf_add_json(out, reason, strlen(reason));
        buf_add_text(out, "}\n");
    } else {
        buf_printf(out, "\"%s\"}\n", strcmp(state, "running") == 0 ? "running" : "not started");
    }
}

/* The job as the database tells it, and why it waits where nobody takes jobs. */
static void show_job(struct exchange *exchange, const struct buf *text, const struct cJSON *job,
                     const struct found *found)
{
    struct buf *out = &exchange->answer;

    buf_add(out, text->data, text->len - 1);
    if (strcmp(text_of(job, "state"), "queued") == 0 &&
        (!found->looked || found->looked_s > DISPATCHER_S)) {
        if (found->looked)
            buf_printf(out, ", \"note\": \"no dispatcher has looked for %.0f s\"", found->looked_s);
        else
            buf_add_text(out, ", \"note\": \"no dispatcher has ever looked for jobs\"");
    }
    buf_add_text(out, "}\n");
}

static void set_etag(struct exchange *exchange, const struct found *found)
{
    (void)snprintf(exchange->etag, sizeof exchange->etag, "W/\"%" PRIu64 "\"", found->version);
}

static bool answer_look(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err)
{
    OWNED_BUF(text, EXCHANGE_ANSWER_MAX);
    const char *id = exchange->asked.match.route == ROUTE_LOOK ? exchange->asked.match.id : NULL;
    struct found found;

    if (!calls_look(pg, exchange->asked.token, id, exchange->asked.match.number, &found, &text,
                    err))
        return false;
    if (!answer_is_found(exchange, &found))
        return true;
    struct cJSON *job = cJSON_Parse(text.data);
    if (job == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool same = exchange->asked.version != 0 && exchange->asked.version == found.version;
    bool ready = is_final(job) || (exchange->asked.version != 0 && !same);
    exchange->wait_applied = exchange->asked.wait_s > 0;
    exchange->seen = found.version;
    *ret_wait = exchange->asked.wait_s > 0 && !exchange->over && !ready;
    exchange->status = 200;
    exchange->type = "application/json";
    if (exchange->asked.match.route == ROUTE_PERFORMANCE) {
        show_seed(exchange, job);
    } else if (!*ret_wait) {
        set_etag(exchange, &found);
        if (same)
            exchange->status = 304;
        else
            show_job(exchange, &text, job, &found);
    }
    cJSON_Delete(job);
    return true;
}

static bool answer_cancel(struct pg *pg, struct exchange *exchange, struct err *err)
{
    OWNED_BUF(text, EXCHANGE_ANSWER_MAX);
    struct found found;

    if (!calls_cancel(pg, exchange->asked.token, exchange->asked.match.id, &found, &text, err))
        return false;
    if (!answer_is_found(exchange, &found))
        return true;
    struct cJSON *job = cJSON_Parse(text.data);
    if (job == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    exchange->status = is_final(job) ? 200 : 202;
    exchange->type = "application/json";
    found.looked = true;
    found.looked_s = 0;
    set_etag(exchange, &found);
    show_job(exchange, &text, job, &found);
    cJSON_Delete(job);
    return true;
}

/* The function's own JSON, which is in the answer, or what is wrong. */
static void answer_json(struct exchange *exchange, const struct found *found)
{
    if (!answer_is_found(exchange, found))
        return;
    exchange->status = 200;
    exchange->type = "application/json";
    buf_add_text(&exchange->answer, "\n");
}

static bool answer_cancel_queued(struct pg *pg, struct exchange *exchange, struct err *err)
{
    struct found found;

    if (!calls_cancel_queued(pg, exchange->asked.token, &found, &exchange->answer, err))
        return false;
    answer_json(exchange, &found);
    return true;
}

static bool answer_list(struct pg *pg, struct exchange *exchange, struct err *err)
{
    struct buf *out = &exchange->answer;
    unsigned most = exchange->asked.most == 0 ? LIST_DEFAULT : (unsigned)exchange->asked.most;
    struct found found;
    size_t count = 0;
    uint64_t last = 0;

    buf_add_text(out, "{\"jobs\": [");
    if (!calls_list(pg, exchange->asked.token, exchange->asked.state, exchange->asked.has_below,
                    exchange->asked.below, most, &found, &count, &last, out, err))
        return false;
    if (found.problem[0] != '\0') {
        answer_no_token(exchange, found.problem);
        return true;
    }
    exchange->status = 200;
    exchange->type = "application/json";
    if (count == most)
        buf_printf(out, "], \"next\": \"%" PRIu64 "\"}\n", last);
    else
        buf_add_text(out, "], \"next\": null}\n");
    return true;
}

static bool answer_whoami(struct pg *pg, struct exchange *exchange, struct err *err)
{
    struct found found;

    if (!calls_whoami(pg, exchange->asked.token, &found, &exchange->answer, err))
        return false;
    answer_json(exchange, &found);
    return true;
}

static bool answer_ready(struct pg *pg, struct exchange *exchange, struct err *err)
{
    struct queue_state state;

    if (!calls_state(pg, &state, err))
        return false;
    exchange->status = 200;
    exchange->type = "application/json";
    buf_add_text(&exchange->answer, "{\"ready\": true}\n");
    return true;
}

bool answer_may_submit(struct pg *pg, struct exchange *exchange, struct err *err)
{
    OWNED_BUF(owner, EXCHANGE_ANSWER_MAX);
    struct found found;

    if (!calls_whoami(pg, exchange->asked.token, &found, &owner, err))
        return false;
    if (found.problem[0] != '\0')
        answer_no_token(exchange, found.problem);
    else if (!found.may_submit)
        answer_no_token(exchange, "token-scope");
    else
        known_add(exchange->asked.token);
    return true;
}

bool answer_metrics(struct pg *pg, struct exchange *exchange, struct err *err)
{
    struct queue_state state;
    struct buf *out = &exchange->answer;

    if (!calls_state(pg, &state, err))
        return false;
    buf_printf(out,
               "# HELP jobs Jobs that have not ended, by state.\n# TYPE jobs gauge\n"
               "jobs{state=\"queued\"} %" PRIu64 "\njobs{state=\"submitting\"} %" PRIu64 "\n"
               "jobs{state=\"pending\"} %" PRIu64 "\njobs{state=\"running\"} %" PRIu64 "\n",
               state.queued, state.submitting, state.pending, state.running);
    if (state.looked)
        buf_printf(
            out,
            "# HELP jobs_dispatcher_looked_seconds Since a dispatcher last looked for jobs.\n"
            "# TYPE jobs_dispatcher_looked_seconds gauge\n"
            "jobs_dispatcher_looked_seconds %.3f\n",
            state.looked_s);
    return true;
}

bool answer_one(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err)
{
    *ret_wait = false;
    switch (exchange->asked.match.route) {
    case ROUTE_LOOK:
    case ROUTE_PERFORMANCE:
        return answer_look(pg, exchange, ret_wait, err);
    case ROUTE_CANCEL:
        return answer_cancel(pg, exchange, err);
    case ROUTE_CANCEL_QUEUED:
        return answer_cancel_queued(pg, exchange, err);
    case ROUTE_LIST:
        return answer_list(pg, exchange, err);
    case ROUTE_LOGS:
        return answer_logs(pg, exchange, ret_wait, err);
    case ROUTE_WHOAMI:
        return answer_whoami(pg, exchange, err);
    case ROUTE_READYZ:
        return answer_ready(pg, exchange, err);
    default:
        return err_set(err, STATUS_BUG, "a route without an answer");
    }
}

void answer_failure(struct exchange *exchange, const struct err *err)
{
    if (err->status == STATUS_TRANSIENT) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE,
                         "the database cannot be asked now; try again");
        exchange->retry_after_s = 2;
    } else {
        exchange_problem(exchange, PROBLEM_BUG, "the database refused; the service's log says why");
    }
}
