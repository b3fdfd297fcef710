#include "job_service/api/exchange.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/err.h"

void exchange_problem(struct exchange *exchange, enum problem_kind kind, const char *fmt, ...)
{
    char detail[ERR_TEXT_MAX];
    va_list args;

    if (exchange->stream) {
        buf_clear(&exchange->answer);
        exchange->stream_over = true;
        return;
    }
    va_start(args, fmt);
    (void)vsnprintf(detail, sizeof detail, fmt, args);
    va_end(args);
    err_make_printable(detail);
    buf_clear(&exchange->answer);
    exchange->status = problem_status(kind);
    exchange->type = "application/problem+json";
    exchange->location[0] = exchange->etag[0] = exchange->content_range[0] = '\0';
    problem_put(&exchange->answer, kind, detail);
}

void exchange_free(struct exchange *exchange)
{
    if (exchange == NULL)
        return;
    buf_release(&exchange->body);
    buf_release(&exchange->answer);
    free(exchange);
}
