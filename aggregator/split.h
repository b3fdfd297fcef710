/* `aggregator split`: objects as ranges that several pods load side by side. */
#ifndef AGGREGATOR_SPLIT_H
#define AGGREGATOR_SPLIT_H

#include "aggregator/config.h"

/*
 * Prints a JSON array of config->parts ranges or fewer, one at least; with --outputs also into
 * `parts`, and how much there is into `objects` and `bytes`.
 */
bool split_print(const struct config *config, struct s3 *s3, struct err *err);

#endif
