/*
 * Dispatch at work: takes jobs, decides and acts about each at every change, and once a while
 * compares database and cluster in full, both ways.
 *
 * Two of them at once are harmless: names of Workflows are unique, and each change of a row asks
 * for the attempt and uid that it was decided for.
 */
#ifndef JOB_SERVICE_DISPATCH_LOOP_H
#define JOB_SERVICE_DISPATCH_LOOP_H

#include "common/postgres/pg_connection.h"
#include "job_service/dispatch/cluster.h"
#include "job_service/dispatch/decide.h"
#include "job_service/dispatch/upkeep.h"
#include "job_service/logs/logs.h"

struct loop_rules {
    const struct pg_settings *database;
    const struct kinds *kinds;
    const char *account; /* directory of the service account */
    const char *space, *builds, *runs;
    struct decide_rules decide;
    struct upkeep_rules upkeep;
    unsigned at_once; /* jobs handed over and not over */
    unsigned watch_s, requeue_s;
    uint64_t poll_ms, reconcile_ms;
};

struct loop;

/* NULL: *err. USAGE, REFUSED: it would not work later either. */
struct loop *loop_start(const struct loop_rules *rules, struct err *err);
struct logs *loop_logs(struct loop *loop); /* for their counts */
void loop_run(struct loop *loop);          /* until loop_end() */
void loop_end(struct loop *loop);          /* from any thread */
void loop_stop(struct loop *loop);         /* accepts NULL */

#endif
