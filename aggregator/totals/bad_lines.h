/*
 * What becomes of bad lines, in the input's order: kept as rejects, tolerated, or the run's end.
 * Pure. Rejects go out through a callback.
 */
#ifndef AGGREGATOR_TOTALS_BAD_LINES_H
#define AGGREGATOR_TOTALS_BAD_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/scan.h"
#include "common/err.h"

typedef bool reject_sink(void *context, const void *bytes, size_t len, struct err *err);

struct bad_line_policy {
    bool is_percent;
    uint64_t lines; /* tolerated */
    double percent; /* of the lines that are neither blank nor skipped, judged at the end */
};

/* USAGE where text is neither a count such as 10 nor a share such as 0.5%. */
bool bad_lines_parse(const char *text, struct bad_line_policy *ret, struct err *err);

enum {
    BAD_LINE_END_MAX = 2, /* of a line's end, which is kept of a line that is too long */
    BAD_LINE_NAME_MAX = 512,
    BAD_LINE_PLACE_MAX = BAD_LINE_NAME_MAX + 256,
};

struct bad_lines {
    const struct scan_rules *rules;
    struct bad_line_policy policy;
    reject_sink *reject; /* may be NULL */
    void *reject_context;
    uint64_t count;
    char first[BAD_LINE_PLACE_MAX]; /* file:line:column: reason */
    const char *first_advice;       /* NULL: none in particular */
};

/* kept of the line's len bytes are at `bytes`. */
struct bad_line {
    const char *file;
    uint64_t number; /* in its file */
    const struct scan_result *found;
    const unsigned char *bytes;
    size_t kept, len;
    bool last; /* what follows cannot be read: no policy tolerates it */
};

/* INPUT where it ends the run. */
bool bad_lines_add(struct bad_lines *bad, const struct bad_line *line, struct err *err);

/* At the end, of so many lines that are neither blank nor skipped. Bad lines alone are INPUT. */
bool bad_lines_judge(const struct bad_lines *bad, uint64_t judged, struct err *err);

#endif
