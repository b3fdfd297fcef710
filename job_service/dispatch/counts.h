/* What dispatch counts about itself, in Prometheus' text format. Threads may read meanwhile. Pure.
 */
#ifndef JOB_SERVICE_DISPATCH_COUNTS_H
#define JOB_SERVICE_DISPATCH_COUNTS_H

#include <stdint.h>

#include "common/buf.h"
#include "job_service/dispatch/decide.h"

enum restart {
    RESTART_ENDED,   /* as it should */
    RESTART_CUT,     /* in the middle, or silent for too long */
    RESTART_EXPIRED, /* 410 */
    RESTART_FAILED,
    RESTARTS,
};
void counts_restart(enum restart why);

void counts_taken(void);
void counts_action(enum action_kind kind); /* that was carried out */
void counts_failed(enum cause cause);
void counts_fenced(enum action_kind kind); /* that came too late: the row said otherwise */
void counts_stray(void);                   /* an object of no row was deleted */
void counts_api_failed(void);
void counts_database_failed(void);
void counts_removed(uint64_t jobs, uint64_t keys);
void counts_ended_sessions(uint64_t sessions);

/* When, on the monotonic clock in ms, the last round of each came to its end. */
void counts_round(uint64_t now_ms);
void counts_reconciled(uint64_t now_ms);

/* Whether the last round is less than within_ms ago. */
bool counts_is_fresh(uint64_t now_ms, uint64_t within_ms);

void counts_put(struct buf *out, uint64_t now_ms);

#endif
