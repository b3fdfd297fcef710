/* The thread of the logs: which container of which job is read when, and what comes of it. */
#ifndef JOB_SERVICE_LOGS_FOLLOW_H
#define JOB_SERVICE_LOGS_FOLLOW_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/kube.h"
#include "job_service/logs/logs.h"
#include "job_service/logs/pod_state.h"
#include "job_service/logs/reading.h"
#include "job_service/logs/store.h"

enum { FOLLOW_JOB_TEXT = 36, FOLLOW_WHY_MAX = 256 };

/* What is done next with a container, once no stream of it runs and its time has come. */
enum step {
    STEP_BEGIN,  /* its heading, and what is stored already */
    STEP_FOLLOW, /* the first reading, while it runs */
    STEP_LOOK,   /* at its pod, when a reading has ended */
    STEP_CHECK,  /* a second reading, once it has ended */
    STEP_END,    /* what was decided, once all is stored */
    STEP_DONE,
};

struct source {
    struct job *job;
    struct source *next; /* of the same job, in order */
    char space[LOGS_NAME_MAX + 1], pod[LOGS_NAME_MAX + 1], uid[LOGS_NAME_MAX + 1];
    char container[LOGS_NAME_MAX + 1], label[LOGS_NAME_MAX + 1];
    bool counted;
    unsigned number;
    enum step step;
    bool open;      /* reading is in use */
    bool giving_up; /* its stream is ended by us */
    struct reading reading;
    struct kube_stream *stream; /* of a reading or of a look, or NULL */
    bool held;
    struct buf pod_json;
    const char *cut_off;           /* why it need not be whole */
    uint64_t due_ms, stored_ms;    /* of the next step; of the last time that bytes went away */
    unsigned failures, mismatches; /* in a row */
    bool complete, expected_known; /* what STEP_END says */
    char why[FOLLOW_WHY_MAX];      /* why it is not complete, or what failed last */
};

struct job {
    struct logs *logs;
    struct job *next;
    char id[FOLLOW_JOB_TEXT + 1];
    struct source *sources;
    bool closed, has_missing, limit_told;
    bool over; /* its log has ended, or it is gone */
    char missing[FOLLOW_WHY_MAX];
    uint64_t patience_ms; /* when what has not ended is given up; 0: not yet */
    uint64_t due_ms;
};

struct command {
    struct command *next;
    struct logs_source source; /* its texts are in `texts` */
    bool close, has_missing;
    char job[FOLLOW_JOB_TEXT + 1];
    char texts[5][LOGS_NAME_MAX + 1];
    char missing[FOLLOW_WHY_MAX];
};

struct logs {
    struct logs_rules rules;
    struct kube *kube;
    pthread_t thread;
    atomic_bool stopping;

    pthread_mutex_t lock; /* of the commands */
    struct command *first, **last;

    /* The rest is the thread's. */
    struct pg *pg;
    uint64_t failed_ms, next_ms;
    struct job *jobs;
    bool full; /* a stream waits for its bytes to be stored */

    atomic_size_t waiting, streams; /* commands and jobs; streams that run */
    atomic_ullong expected, stored, complete, incomplete, readings;
};

/* Until logs->stopping. */
void *follow_all(void *logs);

/* The next step of a container, if it is due. False: the database failed. */
bool step_take(struct source *source, struct err *err);

/* Ends a container's part: no more of it is read. */
void step_give_up(struct source *source, const char *why);

/* Another has changed the container's row: looks what it is like. */
bool step_resync(struct source *source, struct err *err);

/* Says once that a container of the job printed more than is kept. */
void step_tell_over(struct job *job);

/* Nothing more is to be done, whatever the database says. */
void step_drop(struct source *source);

#endif
