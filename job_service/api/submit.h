/* Submits: what a request asks for, checked, and then into the queue, several at once. */
#ifndef JOB_SERVICE_API_SUBMIT_H
#define JOB_SERVICE_API_SUBMIT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/postgres/pg.h"
#include "job_service/api/exchange.h"
#include "job_service/form/job.h"

/* NULL where the exchange is answered already: with what is wrong with the job. */
struct job *submit_prepare(struct exchange *exchange, const struct kinds *kinds);
void submit_release(struct job *job); /* accepts NULL */

/*
 * Answers all but those whose owner is locked by somebody else, which become `busy`; or none where
 * the database failed, *err filled.
 */
bool submit_all(struct pg *pg, struct exchange **exchanges, struct job **asked, size_t count,
                struct err *err);

#endif
