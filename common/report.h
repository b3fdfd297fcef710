/*
 * The run report: one JSON object on one line for --report, integers written exactly. One line, so
 * that several fit into the parameters of a workflow. A report is whole or not there: what could
 * not be added makes report_write() fail.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/json_out.h"

struct report {
    struct buf text;
    struct json_out json; /* into text: members are added with it; so a report is not copied */
};

/* Begins with the program's name and version. */
void report_open(struct report *ret, const char *program);
void report_release(struct report *report);

/* Adds user_seconds, system_seconds and peak_rss_bytes as of now. */
void report_usage(struct report *report);

/* Ends the object and writes it whole to path (outfile.h: - is stdout); NULL: does nothing. */
bool report_write(struct report *report, const char *path, struct err *err);

#endif
