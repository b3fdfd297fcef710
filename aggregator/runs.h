/* `aggregator runs`: the ledger on stdout, or a run deleted from it; `aggregator top`. */
#ifndef AGGREGATOR_RUNS_H
#define AGGREGATOR_RUNS_H

#include "aggregator/load/load.h"
#include "aggregator/print_rows.h"

/*
 * forget: NULL, or a run whose rows (of the request's table and fields) are deleted and printed
 * instead of all. REFUSED when there are none, or this user may not delete.
 */
bool runs_print(const struct load_request *request, const char *forget, enum print_format format,
                struct err *err);

/* The ten largest totals; how many there are and their sum are logged. */
bool runs_print_top(const struct load_request *request, enum print_format format, struct err *err);

#endif
