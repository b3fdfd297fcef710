/* `aggregator runs`: the ledger on stdout. */
#ifndef AGGREGATOR_RUNS_H
#define AGGREGATOR_RUNS_H

#include "aggregator/load.h"
#include "aggregator/print_rows.h"

bool runs_print(const struct load_request *request, enum print_format format, struct err *err);

#endif
