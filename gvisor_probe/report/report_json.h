/* Parts of a report as JSON (report.schema.json); NULL without memory, the caller owns. */
#ifndef GVISOR_PROBE_REPORT_REPORT_JSON_H
#define GVISOR_PROBE_REPORT_REPORT_JSON_H

#include <cjson/cJSON.h>

#include "common/report.h"
#include "gvisor_probe/observe/detect.h"
#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/run/declared.h"

/* What every report begins with, from schema_version to started. */
struct report *report_begin(const char *kind, const struct declared *declared, int64_t started_s);
/* finished, seconds and what was used. */
void report_end(struct report *report, int64_t finished_s, double seconds);

cJSON *json_declared(const struct declared *declared);
cJSON *json_observed(const struct observed *observed, const struct birth *birth);
cJSON *json_file_policy(const struct file_policy *policy);
cJSON *json_finding(const struct probe *probe, const struct finding *finding);
/* `runtime` is the declared one, or NULL. */
cJSON *json_detection(const struct detection *detection, const char *runtime);
/* path is relative to --path. */
cJSON *json_write(const char *probe, const struct probe_write *write, const char *path, bool kept,
                  const char *content);

/* A text of any bytes; NULL and, where `empty_is_null`, "" become null. */
void json_add_text(cJSON *object, const char *name, const char *text);
void json_add_text_or_null(cJSON *object, const char *name, const char *text);

#endif
