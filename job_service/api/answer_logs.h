/* A job's log as an answer: a piece, a range of bytes, or an event stream. */
#ifndef JOB_SERVICE_API_ANSWER_LOGS_H
#define JOB_SERVICE_API_ANSWER_LOGS_H

#include <stdbool.h>

#include "common/postgres/pg.h"
#include "job_service/api/exchange.h"

/*
 * *ret_wait: of an event stream that has nothing to tell until the log has more than exchange->seen
 * bytes, or ends.
 */
bool answer_logs(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err);

#endif
