/* One look at all jobs: what is to be done about each is decided and done. */
#ifndef JOB_SERVICE_DISPATCH_ROUND_H
#define JOB_SERVICE_DISPATCH_ROUND_H

#include "job_service/dispatch/act.h"
#include "job_service/dispatch/output.h"
#include "job_service/dispatch/seen.h"

enum { ROUND_RECENT = 4096, ROUND_PODS = 256 };

struct round {
    struct work work;
    const struct decide_rules *rules;
    struct output *output;
    /* What was done lately and is not seen yet is not done again at once. */
    struct recent {
        char job[JOB_ID_TEXT + 1];
        enum action_kind kind;
        uint64_t due_ms; /* when it may be done again */
    } recent[ROUND_RECENT];
    char last[JOB_ID_TEXT + 1];  /* the job that the last look at all of them ended with */
    struct pod pods[ROUND_PODS]; /* of the job that is looked at */
};

/* By what is seen. */
bool round_quick(struct round *round, struct seen *seen, struct err *err);

/*
 * By lists of its own, which begin after the rows are read: so what they lack is not there, and
 * what no row wants is deleted.
 */
bool round_thorough(struct round *round, struct seen *seen, struct err *err);

#endif
