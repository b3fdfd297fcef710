/*
 * Confounders: differences between the cells, other than the runtime, that could explain a
 * difference in results. Pure. Texts are constants, or borrowed from the experiment.
 */
#ifndef GVISOR_PROBE_COMPARE_CONFOUNDERS_H
#define GVISOR_PROBE_COMPARE_CONFOUNDERS_H

#include "gvisor_probe/compare/experiment.h"

enum { CONFOUNDERS_MAX = 64, CONFOUNDER_TEXT = 160, UNDECLARED_MAX = 32 };

struct confounder {
    const char *what;              /* "uid", "mode of open"... */
    const char *where_a, *where_b; /* who has the values a and b: cells' names, "witness"... */
    char a[CONFOUNDER_TEXT], b[CONFOUNDER_TEXT];
};

struct confounders {
    struct confounder items[CONFOUNDERS_MAX + 1]; /* the last one takes what exceeds the limit */
    size_t count;                                 /* of all, also of those beyond the limit */
    const char *undeclared[UNDECLARED_MAX];       /* settings that no report has: not compared */
    size_t undeclared_count;
};

/* *ret must be zeroed. */
void confounders_find(const struct experiment *experiment, struct confounders *ret);

#endif
