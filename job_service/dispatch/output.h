/*
 * What jobs print, between the logs and a look at a job: which containers are followed, when no
 * more come, and what the record that ends a run says.
 */
#ifndef JOB_SERVICE_DISPATCH_OUTPUT_H
#define JOB_SERVICE_DISPATCH_OUTPUT_H

#include <pthread.h>

#include "job_service/dispatch/decide.h"
#include "job_service/logs/logs.h"

enum { OUTPUT_ASKED = 16384, OUTPUT_OVER = 256 };

struct output {
    struct logs *logs;
    void (*news)(void *context); /* something is to be looked at; from any thread */
    void *context;
    uint64_t asked[OUTPUT_ASKED]; /* what the logs were asked for: digests, each in its place */
    pthread_mutex_t lock;         /* of what follows */
    char over[OUTPUT_OVER][JOB_ID_TEXT + 1]; /* jobs that print more than is allowed, the last */
    size_t over_count;
};

/* rules: account, database and patience_s are the caller's, who keeps them. */
bool output_start(struct output *output, struct logs_rules *rules, struct err *err);
void output_stop(struct output *output);

/* Has the containers followed that have begun, of a kind by record those of people's code. */
bool output_follow(struct output *output, const struct view *view, struct err *err);

/* No more of its output can begin. */
bool output_close(struct output *output, const struct view *view, struct err *err);

/* Whether one of its containers prints more than is allowed. */
bool output_is_over(struct output *output, const char *job);

/* What the run's container said at its end, as it is stored. rules: as decide() takes them. */
bool output_told(struct pg *pg, const struct view *view, const struct decide_rules *rules,
                 enum told *ret, struct run_record *ret_record, struct err *err);

#endif
