#include "common/run_record.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json_in.h"
#include "common/json_out.h"
#include "common/utf8.h"

enum {
    STATUS_BASE = 20,
    STATUS_MAX = 255,
    NUMBER_TEXT = 40,
    MEMBERS = 4,
    DIGITS_ALWAYS = 15, /* of a double these are never too many, and DIGITS_MAX always enough */
    DIGITS_MAX = 17,
};

static const char *const names[RUN_CAUSES] = {
    [RUN_DONE] = "done",
    [RUN_EXIT] = "exit",
    [RUN_DEADLINE] = "deadline",
    [RUN_NO_RESULT] = "no-result",
    [RUN_BAD_RESULT] = "bad-result",
    [RUN_LOG_LIMIT] = "log-limit",
    [RUN_IMAGE] = "image",
};

const char *run_cause_name(enum run_cause cause)
{
    return names[cause];
}

int run_cause_status(enum run_cause cause)
{
    return cause == RUN_DONE ? 0 : STATUS_BASE + (int)cause;
}

void run_record_fail(struct run_record *record, enum run_cause cause, const char *why)
{
    record->cause = cause;
    (void)err_quote(record->why, sizeof record->why, why, strlen(why));
}

static void write_why(struct json_out *out, const char *why)
{
    char shown[RUN_WHY_MAX + 1];

    (void)err_quote(shown, sizeof shown, why, strnlen(why, RUN_WHY_MAX));
    json_string(out, "why", shown);
}

/* In as few digits as are the same double when it is read again. */
static void write_perf(struct json_out *out, double perf)
{
    char number[NUMBER_TEXT];
    int digits = DIGITS_ALWAYS;

    do
        (void)snprintf(number, sizeof number, "%.*g", digits, perf);
    while (strtod(number, NULL) != perf && ++digits <= DIGITS_MAX);
    json_raw(out, "perf", number);
}

bool run_record_write(const struct run_record *record, struct buf *out, struct err *err)
{
    const char mark = RUN_RECORD_MARK;
    struct json_out json = {.buf = out};

    buf_add(out, &mark, 1);
    json_open(&json, NULL, '{');
    json_string(&json, "cause", names[record->cause]);
    json_u64(&json, "status", record->status);
    json_u64(&json, "bytes", record->bytes);
    if (record->cause == RUN_DONE) {
        write_perf(&json, record->perf);
    } else {
        write_why(&json, record->why);
    }
    json_close(&json, '}');
    return json_done(&json, err);
}

static bool read_cause(const char *name, enum run_cause *ret)
{
    for (int i = 0; name != NULL && i < RUN_CAUSES; i++)
        if (strcmp(name, names[i]) == 0) {
            *ret = (enum run_cause)i;
            return true;
        }
    return false;
}

static bool read_perf(const cJSON *root, double *ret)
{
    const cJSON *perf = json_find(root, "perf");

    if (!cJSON_IsNumber(perf) || !isfinite(perf->valuedouble))
        return false;
    *ret = perf->valuedouble;
    return true;
}

static bool read_why(struct json_in *in, char ret[RUN_WHY_MAX + 1])
{
    const char *why = json_read_text(in, "why", JSON_NEEDED);

    if (why == NULL || strlen(why) > RUN_WHY_MAX || !utf8_is_text(why, strlen(why)))
        return false;
    memcpy(ret, why, strlen(why) + 1);
    return true;
}

static bool read_members(const cJSON *root, struct run_record *ret)
{
    struct err err = {0};
    struct json_in in = {.source = "record", .root = root, .err = &err};
    struct run_record record = {.cause = RUN_DONE};

    if (!cJSON_IsObject(root) || cJSON_GetArraySize(root) != MEMBERS ||
        !read_cause(json_read_text(&in, "cause", JSON_NEEDED), &record.cause))
        return false;
    record.status = (uint32_t)json_read_u64(&in, "status", STATUS_MAX);
    record.bytes = json_read_u64(&in, "bytes", UINT64_MAX);
    if (in.failed ||
        !(record.cause == RUN_DONE ? read_perf(root, &record.perf) : read_why(&in, record.why)))
        return false;
    *ret = record;
    return true;
}

bool run_record_read(const char *tail, size_t len, struct run_record *ret, size_t *ret_start)
{
    struct err err = {0};
    const char *start = len == 0 ? NULL : memrchr(tail, RUN_RECORD_MARK, len);
    size_t rest = start == NULL ? 0 : len - (size_t)(start - tail);

    /* At the beginning of a line, and to the end of what there is. */
    if (start == NULL || rest > RUN_RECORD_MAX || tail[len - 1] != '\n' ||
        (start > tail && start[-1] != '\n') || memchr(start, '\n', rest) != tail + len - 1)
        return false;
    cJSON *root = json_parse("record", start + 1, rest - 2, &err);
    bool whole = root != NULL && read_members(root, ret);
    cJSON_Delete(root);
    if (whole)
        *ret_start = (size_t)(start - tail);
    return whole;
}
