#include "job_service/route/problem.h"

#include <stdio.h>

#include "common/json_out.h"

static const struct {
    unsigned status;
    const char *name, *title;
} problems[PROBLEMS] = {
    [PROBLEM_BAD_REQUEST] = {400, "bad-request", "The request cannot be understood"},
    [PROBLEM_TOKEN_MISSING] = {401, "token-missing", "A token is needed"},
    [PROBLEM_TOKEN_UNKNOWN] = {401, "token-unknown", "The token is not valid"},
    [PROBLEM_TOKEN_SCOPE] = {403, "token-scope", "The token may not do that"},
    [PROBLEM_NOT_FOUND] = {404, "not-found", "There is nothing of that name"},
    [PROBLEM_METHOD] = {405, "method", "The path does not take that method"},
    [PROBLEM_TOO_LARGE] = {413, "too-large", "The body is too large"},
    [PROBLEM_RANGE] = {416, "range", "The log has no such bytes"},
    [PROBLEM_JOB] = {422, "job", "The job cannot be run"},
    [PROBLEM_KEY_USED] = {422, "key-used", "The Idempotency-Key belongs to another job"},
    [PROBLEM_RATE] = {429, "rate", "Too many jobs a minute"},
    [PROBLEM_QUOTA] = {429, "quota", "Too many jobs"},
    [PROBLEM_UNAVAILABLE] = {503, "unavailable", "The service cannot answer now"},
    [PROBLEM_BUG] = {500, "bug", "The service failed"},
};

unsigned problem_status(enum problem_kind kind)
{
    return problems[kind].status;
}

void problem_put(struct buf *out, enum problem_kind kind, const char *detail)
{
    struct json_out json = {.buf = out, .layout = JSON_SPACED};
    char type[64];

    (void)snprintf(type, sizeof type, "urn:job-service:problem:%s", problems[kind].name);
    json_open(&json, NULL, '{');
    json_string(&json, "type", type);
    json_string(&json, "title", problems[kind].title);
    json_u64(&json, "status", problems[kind].status);
    json_string(&json, "detail", detail);
    json_close(&json, '}');
    buf_add_text(out, "\n");
}
