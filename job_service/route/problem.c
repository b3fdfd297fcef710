#include "job_service/route/problem.h"

#include <string.h>

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
    buf_printf(out,
               "{\"type\": \"urn:job-service:problem:%s\", \"title\": \"%s\", \"status\": %u, "
               "\"detail\": ",
               problems[kind].name, problems[kind].title, problems[kind].status);
    buf_add_json(out, detail, strlen(detail));
    buf_add_text(out, "}\n");
}
