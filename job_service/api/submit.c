#include "job_service/api/submit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_out.h"
#include "job_service/api/answer.h"
#include "job_service/db/calls.h"

enum { SEED_ANSWER = 64 }; /* bytes of each answer to POST /jobs: ab counts others as failed */

struct job *submit_prepare(struct exchange *exchange, const struct kinds *kinds)
{
    struct job *job = malloc(sizeof *job);
    struct err err = {0};

    if (job == NULL) {
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "out of memory");
        return NULL;
    }
    enum problem_kind problem = job_read(&exchange->asked, &exchange->body, kinds, job, &err);
    if (problem == PROBLEM_NONE)
        return job;
    exchange_problem(exchange, problem, "%s", err.text);
    submit_release(job);
    return NULL;
}

void submit_release(struct job *job)
{
    if (job != NULL)
        job_release(job);
    free(job);
}

static void answer_accepted(struct exchange *exchange, const struct job *asked,
                            const struct submitted *job)
{
    struct buf *out = &exchange->answer;
    struct json_out json = {.buf = out, .layout = JSON_SPACED};

    exchange->status = 202;
    exchange->type = "application/json";
    exchange->retry_after_s = 1;
    (void)snprintf(exchange->location, sizeof exchange->location, "/v1/jobs/%s", job->id);
    json_open(&json, NULL, '{');
    if (exchange->asked.match.route == ROUTE_JOBS) {
        json_u64(&json, "id", job->number);
        json_string(&json, "status", "not started");
    } else if (exchange->asked.match.route == ROUTE_BUILD) {
        json_u64(&json, "id", job->number);
        json_string(&json, "filename",
                    asked->form.name[0] == '\0' ? "Dockerfile" : asked->form.name);
    } else {
        json_string(&json, "id", job->id);
        json_u64(&json, "number", job->number);
        json_string(&json, "state", "queued");
        json_bool(&json, "repeated", strcmp(job->outcome, "repeated") == 0);
    }
    json_close(&json, '}');
    while (exchange->asked.match.route == ROUTE_JOBS && out->len < SEED_ANSWER - 1 &&
           out->refused == 0)
        buf_add_text(out, " ");
    buf_add_text(out, "\n");
}

static void answer_submitted(struct exchange *exchange, const struct job *asked,
                             const struct submitted *job)
{
    const char *outcome = job->outcome;

    if (strcmp(outcome, "accepted") == 0 || strcmp(outcome, "repeated") == 0)
        answer_accepted(exchange, asked, job);
    else if (strncmp(outcome, "token-", 6) == 0)
        answer_no_token(exchange, outcome);
    else if (strcmp(outcome, "key-used") == 0)
        exchange_problem(exchange, PROBLEM_KEY_USED,
                         "this Idempotency-Key came with another job within a day; take a new key");
    else if (strcmp(outcome, "rate") == 0)
        exchange_problem(
            exchange, PROBLEM_RATE,
            "the owner's jobs a minute are used up: try again after Retry-After seconds");
    else if (strcmp(outcome, "day") == 0)
        exchange_problem(exchange, PROBLEM_QUOTA,
                         "the owner's jobs of today (UTC) are used up: try again tomorrow");
    else if (strcmp(outcome, "active") == 0)
        exchange_problem(exchange, PROBLEM_QUOTA,
                         "the owner has as many jobs queued and running as it may: wait for one to "
                         "end, or cancel one");
    else
        exchange_problem(exchange, PROBLEM_BUG, "the database gave an outcome that is not known");
    if (exchange->status == 429)
        exchange->retry_after_s = job->retry_after_s;
}

bool submit_all(struct pg *pg, struct exchange **exchanges, struct job **asked, size_t count,
                struct err *err)
{
    struct submission *items = calloc(count, sizeof *items);
    struct submitted *jobs = calloc(count, sizeof *jobs);
    bool done = (items != NULL && jobs != NULL) || err_set(err, STATUS_TRANSIENT, "out of memory");

    for (size_t i = 0; done && i < count; i++) {
        const struct job *one = asked[i];
        items[i] =
            (struct submission){.token = exchanges[i]->asked.token,
                                .kind = kind_name(one->kind),
                                .name = one->name,
                                .parameters = one->parameters.data,
                                .filename = one->form.name[0] == '\0' ? NULL : one->form.name,
                                .file = one->file,
                                .file_len = one->file_len,
                                .digest = one->digest,
                                .key = exchanges[i]->asked.key,
                                .deadline_s = one->deadline_s};
    }
    done = done && calls_submit(pg, items, count, jobs, err);
    for (size_t i = 0; done && i < count; i++)
        if ((exchanges[i]->busy = strcmp(jobs[i].outcome, "busy") == 0) == false)
            answer_submitted(exchanges[i], asked[i], &jobs[i]);
    free(items);
    free(jobs);
    return done;
}
