#include "common/report.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/machine.h"
#include "common/outfile.h"
#include "common/program.h"

struct report {
    cJSON *object;
};

/*
 * cJSON builds on where it got no memory, without what found none. So the allocator remembers: no
 * call that builds needs to be checked, also not those of the programs for report_item().
 */
static atomic_bool short_of_memory;

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (memory == NULL)
        atomic_store(&short_of_memory, true);
    return memory;
}

struct report *report_new(const char *program)
{
    cJSON_Hooks hooks = {.malloc_fn = allocate, .free_fn = free};

    cJSON_InitHooks(&hooks);
    atomic_store(&short_of_memory, false);
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
    if (value == NULL)
        (void)cJSON_AddNullToObject(report->object, name);
    else
        (void)cJSON_AddStringToObject(report->object, name, value);
}

void report_number(struct report *report, const char *name, const char *digits)
{
    /* Raw, because cJSON's numbers are doubles and lose integers beyond 2^53. */
    if (report != NULL)
        (void)cJSON_AddRawToObject(report->object, name, digits);
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
        (void)cJSON_AddBoolToObject(report->object, name, value);
}

void report_null(struct report *report, const char *name)
{
    report_text(report, name, NULL);
}

void report_item(struct report *report, const char *name, struct cJSON *item)
{
    if (report == NULL || !cJSON_AddItemToObject(report->object, name, item))
        cJSON_Delete(item);
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
    char *text = report == NULL ? NULL : cJSON_PrintUnformatted(report->object);
    if (text == NULL || atomic_load(&short_of_memory)) {
        cJSON_free(text);
        return err_set(err, STATUS_TRANSIENT, "out of memory for the report");
    }
    size_t len = strlen(text);
    text[len] = '\n'; /* in the place of the terminator */
    bool done = outfile_put(path, text, len + 1, err);
    cJSON_free(text);
    return done || (strcmp(path, "-") != 0 && err_prefix(err, "--report"));
}
