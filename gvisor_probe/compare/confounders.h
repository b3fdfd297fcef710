/*
 * What must not differ between the cells, or the experiment says nothing: each such difference is a
 * confounder. Pure. Texts are borrowed from the experiment, or constants.
 */
#ifndef GVISOR_PROBE_COMPARE_CONFOUNDERS_H
#define GVISOR_PROBE_COMPARE_CONFOUNDERS_H

#include "gvisor_probe/compare/experiment.h"

enum { CONFOUNDERS_MAX = 64, CONFOUNDER_TEXT = 160, UNDECLARED_MAX = 32 };

struct confounder {
    const char *what;              /* "uid", "mode of open"... */
    const char *where_a, *where_b; /* whose values: cells' names, "witness"... */
    char a[CONFOUNDER_TEXT], b[CONFOUNDER_TEXT];
};

struct confounders {
    struct confounder items[CONFOUNDERS_MAX + 1]; /* the last one is not shown */
    size_t count;                                 /* may exceed CONFOUNDERS_MAX */
    const char *undeclared[UNDECLARED_MAX];       /* settings that no cell tells, so not compared */
    size_t undeclared_count;
};

/* *ret comes zeroed. */
void confounders_find(const struct experiment *experiment, struct confounders *ret);

#endif
