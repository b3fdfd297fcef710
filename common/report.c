#include "common/report.h"

#include <string.h>

#include "common/machine.h"
#include "common/outfile.h"
#include "common/program.h"

enum { REPORT_MAX = 64 << 20 };

void report_open(struct report *ret, const char *program)
{
    buf_init(&ret->text, REPORT_MAX);
    ret->json = (struct json_out){.buf = &ret->text};
    json_open(&ret->json, NULL, '{');
    json_string(&ret->json, "program", program);
    json_string(&ret->json, "version", PROGRAM_VERSION);
}

void report_release(struct report *report)
{
    buf_release(&report->text);
}

void report_usage(struct report *report)
{
    struct usage usage;
    machine_usage(&usage);
    json_fixed(&report->json, "user_seconds", 6, usage.user_seconds);
    json_fixed(&report->json, "system_seconds", 6, usage.system_seconds);
    if (usage.peak_known)
        json_u64(&report->json, "peak_rss_bytes", usage.peak_rss_bytes);
    else
        json_null(&report->json, "peak_rss_bytes");
}

bool report_write(struct report *report, const char *path, struct err *err)
{
    if (path == NULL)
        return true;
    if (report->json.depth > 0) { /* else it was written before, to another path */
        json_close(&report->json, '}');
        buf_add_text(&report->text, "\n");
    }
    if (!buf_ok(&report->text, err))
        return err_prefix(err, "the report");
    return outfile_put(path, report->text.data, report->text.len, err) ||
           (strcmp(path, "-") != 0 && err_prefix(err, "--report"));
}
