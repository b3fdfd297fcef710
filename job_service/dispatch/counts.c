#include "job_service/dispatch/counts.h"

#include <inttypes.h>
#include <stdatomic.h>

static atomic_uint_fast64_t taken, actions[ACTIONS], fenced[ACTIONS], failed[CAUSES];
static atomic_uint_fast64_t restarts[RESTARTS], strays, api_failed, database_failed;
static atomic_uint_fast64_t removed_jobs, removed_keys, ended_sessions;
static atomic_uint_fast64_t round_ms, reconciled_ms;

static void add(atomic_uint_fast64_t *count, uint64_t more)
{
    atomic_fetch_add_explicit(count, more, memory_order_relaxed);
}

void counts_restart(enum restart why)
{
    add(&restarts[why], 1);
}

void counts_taken(void)
{
    add(&taken, 1);
}

void counts_action(enum action_kind kind)
{
    add(&actions[kind], 1);
}

void counts_failed(enum cause cause)
{
    add(&failed[cause], 1);
}

void counts_fenced(enum action_kind kind)
{
    add(&fenced[kind], 1);
}

void counts_stray(void)
{
    add(&strays, 1);
}

void counts_api_failed(void)
{
    add(&api_failed, 1);
}

void counts_database_failed(void)
{
    add(&database_failed, 1);
}

void counts_removed(uint64_t jobs, uint64_t keys)
{
    add(&removed_jobs, jobs);
    add(&removed_keys, keys);
}

void counts_ended_sessions(uint64_t sessions)
{
    add(&ended_sessions, sessions);
}

void counts_round(uint64_t now_ms)
{
    atomic_store(&round_ms, now_ms);
}

void counts_reconciled(uint64_t now_ms)
{
    atomic_store(&reconciled_ms, now_ms);
}

bool counts_is_fresh(uint64_t now_ms, uint64_t within_ms)
{
    uint64_t last = atomic_load(&round_ms);

    return last != 0 && now_ms - last < within_ms;
}

static void put_head(struct buf *out, const char *name, const char *help, const char *type)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_count(struct buf *out, const char *name, const char *help,
                      atomic_uint_fast64_t *count)
{
    put_head(out, name, help, "counter");
    buf_printf(out, "%s %" PRIu64 "\n", name, (uint64_t)atomic_load(count));
}

/* Seconds since, or nothing when it has not been yet. */
static void put_age(struct buf *out, const char *name, const char *help, uint64_t now_ms,
                    atomic_uint_fast64_t *at_ms)
{
    uint64_t at = atomic_load(at_ms);

    if (at == 0)
        return;
    put_head(out, name, help, "gauge");
    buf_printf(out, "%s %.3f\n", name, (double)(now_ms - at) / 1000);
}

void counts_put(struct buf *out, uint64_t now_ms)
{
    static const char *const reasons[RESTARTS] = {"ended", "cut", "expired", "failed"};

    put_count(out, "jobs_taken_total", "Jobs taken from the queue.", &taken);
    put_head(out, "jobs_actions_total", "What was done about jobs.", "counter");
    for (unsigned i = ACT_CREATE; i < ACTIONS; i++)
        buf_printf(out, "jobs_actions_total{action=\"%s\"} %" PRIu64 "\n",
                   action_name((enum action_kind)i), (uint64_t)atomic_load(&actions[i]));
    put_head(out, "jobs_fenced_total", "What came too late: the job's row said otherwise.",
             "counter");
    for (unsigned i = ACT_CREATE; i < ACTIONS; i++)
        buf_printf(out, "jobs_fenced_total{action=\"%s\"} %" PRIu64 "\n",
                   action_name((enum action_kind)i), (uint64_t)atomic_load(&fenced[i]));
    put_head(out, "jobs_failed_total", "Jobs that failed, by cause.", "counter");
    for (unsigned i = 0; i < CAUSES; i++)
        buf_printf(out, "jobs_failed_total{cause=\"%s\"} %" PRIu64 "\n", cause_name((enum cause)i),
                   (uint64_t)atomic_load(&failed[i]));
    put_head(out, "kubernetes_watch_restarts_total", "Watches that ended, by reason.", "counter");
    for (unsigned i = 0; i < RESTARTS; i++)
        buf_printf(out, "kubernetes_watch_restarts_total{reason=\"%s\"} %" PRIu64 "\n", reasons[i],
                   (uint64_t)atomic_load(&restarts[i]));
    put_count(out, "jobs_strays_total", "Objects in the cluster that no job wanted, deleted.",
              &strays);
    put_count(out, "kubernetes_failures_total", "Requests to the API that came to nothing.",
              &api_failed);
    put_count(out, "database_failures_total", "Rounds that a database failure cut short.",
              &database_failed);
    put_count(out, "jobs_removed_total", "Jobs removed when their time was over.", &removed_jobs);
    put_count(out, "jobs_keys_removed_total", "Idempotency keys removed when their time was over.",
              &removed_keys);
    put_count(out, "database_sessions_ended_total", "Sessions of the api that held a transaction.",
              &ended_sessions);
    put_age(out, "dispatcher_round_age_seconds", "Since the last look at all jobs.", now_ms,
            &round_ms);
    put_age(out, "dispatcher_reconcile_age_seconds",
            "Since jobs and cluster were last compared in full.", now_ms, &reconciled_ms);
}
