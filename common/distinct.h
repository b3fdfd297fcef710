/*
 * Outputs replace what stands under their name: one that is an input, or another output, would be
 * lost silently.
 */
#ifndef COMMON_DISTINCT_H
#define COMMON_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum { DISTINCT_OUTPUTS_MAX = 64 };

struct output_name {
    const char *what;      /* for messages: the option */
    const char *directory; /* NULL: path is whole */
    const char *path;      /* NULL: not asked for */
};

/*
 * Refuses (USAGE) an output that is the same file as an input or as another output, under whatever
 * names. Only what would be replaced is looked at: pipes, devices and descriptors ("-" and
 * /dev/stdout too) are written to, not replaced. Inputs are looked at only where an output exists
 * already.
 */
bool distinct_outputs(const struct output_name *outputs, size_t count, char *const *inputs,
                      size_t input_count, struct err *err);

#endif
