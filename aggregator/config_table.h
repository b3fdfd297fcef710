/* The aggregator's options one by one, and what --help says around them. */
#ifndef AGGREGATOR_CONFIG_TABLE_H
#define AGGREGATOR_CONFIG_TABLE_H

#include "aggregator/config.h"

enum { CONFIG_THREADS_MAX = 256 };

extern const struct option_spec config_specs[];
extern const struct program_info config_info;

#endif
