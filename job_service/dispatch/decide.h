/*
 * What to do about a job: its row, its Workflow, its pods and the clock come to one action. Pure.
 *
 * Each action can be repeated, and be cut off anywhere: what it has changed is seen the next time.
 * docs/jobs-dispatch.md has the table of states.
 */
#ifndef JOB_SERVICE_DISPATCH_DECIDE_H
#define JOB_SERVICE_DISPATCH_DECIDE_H

#include "common/run_record.h"
#include "job_service/dispatch/cause.h"
#include "job_service/dispatch/object.h"

enum job_state {
    JOB_QUEUED,
    JOB_SUBMITTING,
    JOB_PENDING,
    JOB_RUNNING,
    JOB_FINISHED, /* from here on for good */
    JOB_FAILED,
    JOB_CANCELLED,
    JOB_STATES,
};

/* "queued", as in the database. */
const char *job_state_name(enum job_state state);

struct row {
    char id[JOB_ID_TEXT + 1], uid[OBJECT_UID]; /* uid: of the Workflow of this attempt, "": none */
    enum job_state state;
    unsigned attempt;
    char kind[OBJECT_UID], digest[80], step[OBJECT_UID];
    bool cancel_asked, log_ended;
    unsigned deadline_s; /* 0: none */
    int64_t changed;     /* seconds since 1970 */
};

/* What the log of the run's container says about its number. */
enum told { TOLD_NOT_YET, TOLD_RECORD, TOLD_NOTHING };

struct view {
    const struct row *row;
    const struct workflow *workflow; /* of the row's attempt, or NULL */
    const struct pod *pods;          /* of the row's attempt, or that name none */
    size_t pod_count;
    /* The objects are from lists that began after the row was read: what they lack is not there. */
    bool complete;
    bool by_record;  /* the kind's number is in the run's record, not an output of the Workflow */
    bool over_limit; /* a container prints more than is kept */
    enum told told;
    struct run_record record; /* TOLD_RECORD */
    int64_t now;              /* seconds since 1970 */
};

/* Seconds; 0 is a rule that always holds. */
struct decide_rules {
    unsigned engine_s;  /* how long a resumed Workflow may have no phase */
    unsigned stray_s;   /* how old what no row wants must be before it is deleted */
    unsigned nudge_s;   /* how long a Workflow may overlook the end of its pod; between nudges */
    unsigned give_up_s; /* how long at most; then its pods decide */
    unsigned image_s;   /* how long a pod may wait for its image */
    unsigned settle_s;  /* how long after a Workflow's end its pods' may be news */
    unsigned log_s;     /* how long after a job's end its log is waited for */
    unsigned attempts;  /* at most */
};

enum action_kind {
    ACT_NOTHING,
    ACT_CREATE,    /* the Workflow, suspended; then ADOPT */
    ACT_ADOPT,     /* store the Workflow's uid; then RESUME */
    ACT_RESUME,    /* make the inputs, then let it run */
    ACT_FOLLOW,    /* store state and step */
    ACT_FINISH,    /* store the number */
    ACT_FAIL,      /* store cause and reason */
    ACT_CANCELLED, /* store that */
    ACT_AGAIN,     /* the next attempt */
    ACT_NUDGE,     /* change the Workflow's annotation, so that the controller looks again */
    ACT_STOP,      /* shut the Workflow down and delete the pods of people's code */
    ACT_DROP,      /* delete the Workflow, provided that it is as it was seen */
    ACT_CLEAN,     /* delete the Workflow, the pods of people's code, the inputs */
    ACTIONS,
};

const char *action_name(enum action_kind kind);

struct action {
    enum action_kind kind;
    enum job_state state;       /* FOLLOW */
    char step[OBJECT_UID];      /* FOLLOW; "" for none */
    char number[OBJECT_NUMBER]; /* FINISH; as JSON */
    enum cause cause;           /* FAIL */
    char reason[REASON_TEXT];   /* FAIL, AGAIN */
};

void decide(const struct view *view, const struct decide_rules *rules, struct action *ret);

/* Whether no more output of the job can begin. */
bool decide_log_over(const struct view *view);

/* Whether an object that is of no attempt that its row stands for is to be deleted. */
bool decide_stray(int64_t created, int64_t now, const struct decide_rules *rules);

#endif
