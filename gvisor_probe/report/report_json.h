/* Parts of a report as JSON (report.schema.json). */
#ifndef GVISOR_PROBE_REPORT_REPORT_JSON_H
#define GVISOR_PROBE_REPORT_REPORT_JSON_H

#include "common/report.h"
#include "gvisor_probe/observe/detect.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/run/declared.h"

/* What every report begins with, from schema_version to started. */
void report_begin(struct report *ret, const char *kind, const struct declared *declared,
                  int64_t started_s);
/* finished, seconds and what was used. */
void report_end(struct report *report, int64_t finished_s, double seconds);

/* The members cell, observed, file_policy and detection. */
void json_declared(struct json_out *out, const struct declared *declared);
void json_observed(struct json_out *out, const struct observed *observed,
                   const struct birth *birth);
void json_file_policy(struct json_out *out, const struct file_policy *policy);
/* `runtime` is the declared one, or NULL. */
void json_detection(struct json_out *out, const struct detection *detection, const char *runtime);

/* An element of probes, and one of writes: path is relative to --path. */
void json_finding(struct json_out *out, const struct probe *probe, const struct finding *finding);
void json_write(struct json_out *out, const char *probe, const struct probe_write *write,
                const char *path, bool kept, const char *content);

/* A text of any bytes; NULL and "" become null. */
void json_text_or_null(struct json_out *out, const char *name, const char *text);

#endif
