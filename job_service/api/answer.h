/* What the database says of jobs, as answers: one exchange at a time. Submits: submit.h. */
#ifndef JOB_SERVICE_API_ANSWER_H
#define JOB_SERVICE_API_ANSWER_H

#include <stdbool.h>

#include "common/postgres/pg.h"
#include "job_service/api/exchange.h"

/* Answers what a token's `problem` in the database means. */
void answer_no_token(struct exchange *exchange, const char *problem);

/* Whether there is something to show; else the exchange is answered. */
struct found;
bool answer_is_found(struct exchange *exchange, const struct found *found);

/*
 * For a submit that is answered with its mistake: whoever may not submit is told that instead.
 */
bool answer_may_submit(struct pg *pg, struct exchange *exchange, struct err *err);

/* Appends to /metrics what the database counts: jobs by state, the dispatcher's last look. */
bool answer_metrics(struct pg *pg, struct exchange *exchange, struct err *err);

/*
 * Any route but submits. *ret_wait: not answered, because a long poll is to wait until the job has
 * another version than exchange->seen, or an event stream until its log has more bytes than that.
 */
bool answer_one(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err);

/* The database cannot be asked: 503 for what may pass, 500 for a fault of ours. */
void answer_failure(struct exchange *exchange, const struct err *err);

#endif
