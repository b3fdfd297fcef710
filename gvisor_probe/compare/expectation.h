/*
 * The facts that a comparison found, by name, and what was expected of them. Pure.
 *
 *   experiment/valid     true false
 *   CELL/file            landed contained denied forged unknown: a regular file in open/
 *   CELL/locked CELL/fifo CELL/socket           the same of a file in locked/, of nodes in open/
 *   CELL/decoy_socket CELL/decoy_fifo           reached refused unknown
 *   CELL/kernel          which kernel answers, by the evidence: confirmed likely not-gvisor...
 *   CELL/cost_cpu CELL/cost_mixed CELL/cost_syscall  the worst of that kind of work, and
 *   CELL/BENCHMARK       within beyond noisy unknown: at most 20% slower than the baseline?
 *   CELL/PROBE           runtime pod-spec open-in-both looser undecided
 *
 * A file of expectations is one JSON object of facts and values, such as
 * {"gvisor-sealed/file": "contained"}; a list of values accepts each of them. An expectation
 * of a fact that was not found is not met.
 */
#ifndef GVISOR_PROBE_COMPARE_EXPECTATION_H
#define GVISOR_PROBE_COMPARE_EXPECTATION_H

#include <cjson/cJSON.h>

#include "gvisor_probe/compare/comparison.h"

enum { EXPECTATIONS_MAX = 1024, EXPECTED_TEXT = 256 };

struct expectation {
    const char *id;               /* borrowed from the file */
    char expected[EXPECTED_TEXT]; /* for people: "contained", "denied or contained" */
    const char *found;            /* NULL: the comparison has no such fact */
    bool met;
};

/* NULL: the comparison has no such fact. */
const char *comparison_fact(const struct comparison *comparison, const char *id);

/*
 * Judges the expectations in a JSON object (borrowed); ret has room for EXPECTATIONS_MAX. Fails
 * INPUT if `expected` is not an object of texts and lists of texts.
 */
bool expectations_judge(const char *source, const cJSON *expected,
                        const struct comparison *comparison, struct expectation *ret,
                        size_t *ret_count, struct err *err);

#endif
