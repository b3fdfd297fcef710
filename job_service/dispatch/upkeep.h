/* What dispatch does for the database's sake: small batches, none of which waits for another. */
#ifndef JOB_SERVICE_DISPATCH_UPKEEP_H
#define JOB_SERVICE_DISPATCH_UPKEEP_H

#include <stdint.h>

#include "common/postgres/pg.h"

struct upkeep_rules {
    const char *name; /* of this dispatcher, in table dispatcher */
    uint64_t every_ms;
    uint64_t keep_ms;        /* jobs after their end, with results and logs */
    uint64_t keep_keys_ms;   /* idempotency keys */
    uint64_t transaction_ms; /* how long one of the api may last */
};

/* Says that this dispatcher is there. */
bool upkeep_beat(struct pg *pg, const struct upkeep_rules *rules, struct err *err);

/* One batch of each removal; *ret_more: there is more to remove. Ends what the api holds too long.
 */
bool upkeep_run(struct pg *pg, const struct upkeep_rules *rules, bool *ret_more, struct err *err);

#endif
