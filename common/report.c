#include "common/report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine.h"
#include "common/outfile.h"
#include "common/program.h"

struct report {
    cJSON *object;
    bool short_of_memory;
};

static void added(struct report *report, const cJSON *item)
{
    if (report != NULL && item == NULL)
        report->short_of_memory = true;
}

struct report *report_new(const char *program)
{
    struct report *report = calloc(1, sizeof *report);
    if (report == NULL)
        return NULL;
    report->object = cJSON_CreateObject();
    if (report->object == NULL) {
        free(report);
        return NULL;
    }
    report_text(report, "program", program);
    report_text(report, "version", PROGRAM_VERSION);
    return report;
}

void report_free(struct report *report)
{
    if (report == NULL)
        return;
    cJSON_Delete(report->object);
    free(report);
}

void report_text(struct report *report, const char *name, const char *value)
{
    if (report == NULL)
        return;
    added(report, value == NULL ? cJSON_AddNullToObject(report->object, name)
                                : cJSON_AddStringToObject(report->object, name, value));
}

void report_number(struct report *report, const char *name, const char *digits)
{
    /* Raw, because cJSON's numbers are doubles and lose integers beyond 2^53. */
    if (report != NULL)
        added(report, cJSON_AddRawToObject(report->object, name, digits));
}

void report_u64(struct report *report, const char *name, uint64_t value)
{
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    report_number(report, name, digits);
}

void report_seconds(struct report *report, const char *name, double value)
{
    char digits[64];
    (void)snprintf(digits, sizeof digits, "%.6f", value);
    report_number(report, name, digits);
}

void report_bool(struct report *report, const char *name, bool value)
{
    if (report != NULL)
        added(report, cJSON_AddBoolToObject(report->object, name, value));
}

void report_null(struct report *report, const char *name)
{
    report_text(report, name, NULL);
}

void report_item(struct report *report, const char *name, struct cJSON *item)
{
    if (report != NULL && item != NULL && cJSON_AddItemToObject(report->object, name, item))
        return;
    cJSON_Delete(item);
    added(report, NULL);
}

void report_usage(struct report *report)
{
    struct usage usage;
    machine_usage(&usage);
    report_seconds(report, "user_seconds", usage.user_seconds);
    report_seconds(report, "system_seconds", usage.system_seconds);
    if (usage.peak_known)
        report_u64(report, "peak_rss_bytes", usage.peak_rss_bytes);
    else
        report_null(report, "peak_rss_bytes");
}

bool report_write(struct report *report, const char *path, struct err *err)
{
    if (path == NULL)
        return true;
    char *text =
        report == NULL || report->short_of_memory ? NULL : cJSON_PrintUnformatted(report->object);
    if (text == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory for the report");
    size_t len = strlen(text);
    text[len] = '\n'; /* in the place of the terminator */
    bool done = outfile_put(path, text, len + 1, err);
    cJSON_free(text);
    return done || (strcmp(path, "-") != 0 && err_prefix(err, "--report"));
}
