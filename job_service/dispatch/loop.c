#include "job_service/dispatch/loop.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/machine.h"
#include "common/pause.h"
#include "job_service/dispatch/counts.h"
#include "job_service/dispatch/follow.h"
#include "job_service/dispatch/round.h"

enum {
    BEAT_MS = 1000,
    PAUSE_MS = 250, /* after a failure; doubled until PAUSE_MAX_MS */
    PAUSE_MAX_MS = 10000,
    NEWS_MS = 30,  /* news that come together are looked at together */
    TAKE_MAX = 20, /* jobs in one round */
};

struct loop {
    const struct loop_rules *rules;
    struct kube *asks, *watches;
    struct cluster cluster;
    struct seen seen;
    struct follow *follow;
    struct pg *pg;
    struct output output;
    struct logs_rules logs;
    struct round round;
    atomic_bool ending;
    atomic_bool news; /* of the logs */
    unsigned pause_ms;
    uint64_t beat_due, upkeep_due, reconcile_due, take_due;
};

/* From the thread of the logs. */
static void tell_news(void *context)
{
    struct loop *loop = context;

    atomic_store(&loop->news, true);
    kube_wake(loop->watches);
}

static bool start_output(struct loop *loop, struct err *err)
{
    loop->logs = (struct logs_rules){.account = loop->rules->account,
                                     .database = loop->rules->database,
                                     .patience_s = loop->rules->decide.log_s};
    loop->output.news = tell_news;
    loop->output.context = loop;
    return output_start(&loop->output, &loop->logs, err);
}

struct loop *loop_start(const struct loop_rules *rules, struct err *err)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (loop == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    loop->rules = rules;
    loop->asks = kube_open(rules->account, err);
    if (loop->asks != NULL)
        loop->watches = kube_open(rules->account, err);
    loop->cluster = (struct cluster){.kube = loop->asks,
                                     .kinds = rules->kinds,
                                     .space = rules->space,
                                     .builds = rules->builds,
                                     .runs = rules->runs};
    if (loop->watches != NULL)
        loop->follow =
            follow_start(&loop->cluster, loop->watches, &loop->seen, rules->watch_s, err);
    if (loop->follow != NULL && start_output(loop, err)) {
        struct err why = {0};
        if (pg_connect(&loop->pg, rules->database, 0, &why) || why.status == STATUS_TRANSIENT)
            return loop;
        *err = why;
    }
    loop_stop(loop);
    return NULL;
}

struct logs *loop_logs(struct loop *loop)
{
    return loop->output.logs;
}

void loop_end(struct loop *loop)
{
    atomic_store(&loop->ending, true);
    kube_stop(loop->asks);
    kube_stop(loop->watches);
}

void loop_stop(struct loop *loop)
{
    if (loop == NULL)
        return;
    output_stop(&loop->output);
    follow_stop(loop->follow);
    kube_close(loop->watches);
    kube_close(loop->asks);
    pg_close(loop->pg);
    seen_release(&loop->seen);
    free(loop);
}

static bool reach_database(struct loop *loop, struct err *err)
{
    if (loop->pg != NULL && pg_is_alive(loop->pg) && pg_is_quiet(loop->pg))
        return true;
    pg_close(loop->pg);
    loop->pg = NULL;
    return pg_connect(&loop->pg, loop->rules->database, 0, err);
}

static bool is_due(uint64_t *due_ms, uint64_t every_ms)
{
    uint64_t now = machine_ms();

    if (now < *due_ms)
        return false;
    *due_ms = now + every_ms;
    return true;
}

static bool take_jobs(struct loop *loop, struct err *err)
{
    char id[JOB_ID_TEXT + 1];
    bool taken = true;

    for (unsigned i = 0; i < TAKE_MAX && taken; i++) {
        if (!rows_take(loop->pg, loop->rules->at_once, id, &taken, err))
            return false;
        if (taken) {
            counts_taken();
            log_info("job %s: taken", id);
        }
    }
    return true;
}

static bool keep_up(struct loop *loop, struct err *err)
{
    bool more = false;

    if (is_due(&loop->beat_due, BEAT_MS) && !upkeep_beat(loop->pg, &loop->rules->upkeep, err))
        return false;
    if (!is_due(&loop->upkeep_due, loop->rules->upkeep.every_ms))
        return true;
    if (!upkeep_run(loop->pg, &loop->rules->upkeep, &more, err))
        return false;
    if (more)
        loop->upkeep_due = 0;
    return true;
}

static bool work_once(struct loop *loop, struct err *err)
{
    if (!reach_database(loop, err) || !keep_up(loop, err))
        return false;
    loop->round.work = (struct work){.pg = loop->pg,
                                     .cluster = &loop->cluster,
                                     .kinds = loop->rules->kinds,
                                     .requeue_s = loop->rules->requeue_s};
    loop->round.rules = &loop->rules->decide;
    loop->round.output = &loop->output;
    atomic_store(&loop->news, false);
    /* Before the first lists, what has been handed over would look new. */
    if (!follow_is_up(loop->follow))
        return true;
    if ((machine_ms() >= loop->take_due && !take_jobs(loop, err)) ||
        !round_quick(&loop->round, &loop->seen, err))
        return false;
    if (loop->round.work.quota_full)
        loop->take_due = machine_ms() + UINT64_C(1000) * loop->rules->requeue_s;
    if (machine_ms() >= loop->reconcile_due) {
        if (!round_thorough(&loop->round, &loop->seen, err))
            return false;
        counts_reconciled(machine_ms());
        loop->reconcile_due = machine_ms() + loop->rules->reconcile_ms;
    }
    counts_round(machine_ms());
    return true;
}

/* News of the cluster end the wait early; news of the database are looked for. */
static void wait_for_news(struct loop *loop)
{
    uint64_t until = machine_ms() + loop->rules->poll_ms, before = follow_changes(loop->follow);
    uint64_t now;

    while ((now = machine_ms()) < until && !atomic_load(&loop->ending)) {
        if (!follow_turn(loop->follow, (int)(until - now)))
            return;
        bool news = follow_changes(loop->follow) != before || atomic_load(&loop->news);
        if (news && until > now + NEWS_MS)
            until = now + NEWS_MS;
    }
}

/* The watches go on meanwhile. */
static void pause_loop(struct loop *loop)
{
    unsigned asked = loop->cluster.retry_after_s * 1000;

    loop->pause_ms = loop->pause_ms == 0 ? PAUSE_MS : loop->pause_ms * 2;
    if (loop->pause_ms > PAUSE_MAX_MS)
        loop->pause_ms = PAUSE_MAX_MS;
    uint64_t until =
        machine_ms() + (asked > loop->pause_ms && asked <= 60000 ? asked : loop->pause_ms);
    for (uint64_t now; (now = machine_ms()) < until && !atomic_load(&loop->ending);)
        if (!follow_turn(loop->follow, (int)(until - now)))
            return;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->ending)) {
        struct err err = {0};
        loop->cluster.retry_after_s = 0;
        if (work_once(loop, &err)) {
            loop->pause_ms = 0;
            wait_for_news(loop);
        } else if (!atomic_load(&loop->ending)) {
            log_warn("%s", err.text);
            if (loop->pg == NULL || !pg_is_alive(loop->pg))
                counts_database_failed();
            pause_loop(loop);
        }
    }
}
