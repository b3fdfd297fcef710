/*
 * The run report: one JSON object on one line for --report, built with cJSON, integers written
 * exactly. One line, so that several fit into the parameters of a workflow.
 * Memory shortage while building is remembered, from one report_new() on for all that cJSON builds
 * in the process, and reported by report_write(): a report is whole or not there.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct report;
struct cJSON;

struct report *report_new(const char *program); /* NULL without memory; every call accepts NULL */
void report_free(struct report *report);

void report_text(struct report *report, const char *name, const char *value); /* NULL: null */
void report_u64(struct report *report, const char *name, uint64_t value);
void report_number(struct report *report, const char *name, const char *digits); /* any integer */
void report_seconds(struct report *report, const char *name, double value);
void report_bool(struct report *report, const char *name, bool value);
void report_null(struct report *report, const char *name);
void report_item(struct report *report, const char *name, struct cJSON *item); /* takes it */

/* Adds user_seconds, system_seconds and peak_rss_bytes as of now. */
void report_usage(struct report *report);

/* Writes it whole to path (outfile.h: - is stdout); with path NULL does nothing. */
bool report_write(struct report *report, const char *path, struct err *err);

#endif
