/* Objects in S3, each a run of its own in the ledger, loaded in batches. */
#ifndef AGGREGATOR_OBJECTS_RUN_H
#define AGGREGATOR_OBJECTS_RUN_H

#include "aggregator/run.h"

/* USAGE where the input has files beside objects, or options name it as one run. */
bool objects_check(const struct run *run, struct err *err);

/*
 * Loads what the ledger lacks. An object that is refused is left out, the others are loaded, and at
 * the end that is a failure with the first one's status.
 */
bool objects_load(struct run *run, struct err *err);

/* How many there were, and what became of them. */
void objects_log(const struct run *run);

#endif
