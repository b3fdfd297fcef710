#include "common/json_in.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/json_scan.h"

enum { STEP_MAX = 64 };

#define EXACT_MAX 9007199254740991.0 /* 2^53 - 1 */

static bool broken(const char *source, const char *bytes, const struct json_fault *fault,
                   struct err *err)
{
    const char *at = (const char *)fault->at, *line_start = bytes;
    unsigned long line = 1;

    for (const char *p = bytes; p < at; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    return err_set(err, STATUS_INPUT, "%s:%lu:%lu: %s", source, line,
                   (unsigned long)(at - line_start) + 1, fault->reason);
}

cJSON *json_parse(const char *source, const char *bytes, size_t len, struct err *err)
{
    const unsigned char *start = (const unsigned char *)bytes, *end = start + len;
    struct json_fault fault = {0};
    const unsigned char *p = json_skip_space(start, end);

    p = json_scan_value(p, end, JSON_DEPTH_MAX, &fault);
    if (p != NULL) {
        p = json_skip_space(p, end);
        fault = (struct json_fault){.at = p, .reason = "bytes after the end of the JSON value"};
    }
    if (p != end) {
        (void)broken(source, bytes, &fault, err);
        return NULL;
    }
    errno = 0;
    cJSON *root = cJSON_ParseWithLength(bytes, len);
    if (root == NULL && errno == ENOMEM)
        (void)err_set(err, STATUS_TRANSIENT, "%s: out of memory", source);
    else if (root == NULL) /* well-formed JSON, but cJSON refuses half a surrogate pair */
        (void)err_set(err, STATUS_INPUT, "%s: a text escapes half a surrogate pair", source);
    return root;
}

const cJSON *json_find(const cJSON *root, const char *path)
{
    while (root != NULL && path[0] != '\0') {
        char step[STEP_MAX];
        size_t len = strcspn(path, ".");
        if (cJSON_IsNull(root))
            return root;
        if (len >= sizeof step || !cJSON_IsObject(root))
            return NULL;
        memcpy(step, path, len);
        step[len] = '\0';
        root = cJSON_GetObjectItemCaseSensitive(root, step);
        path += path[len] == '.' ? len + 1 : len;
    }
    return root;
}

bool json_reject(struct json_in *in, const char *path, const char *reason)
{
    if (!in->failed)
        (void)err_set(in->err, STATUS_INPUT, "%s: %s %s", in->source, path, reason);
    in->failed = true;
    return false;
}

/* NULL: rejected, or null where that is allowed. */
static const cJSON *read_item(struct json_in *in, const char *path, enum json_need need,
                              cJSON_bool (*is_kind)(const cJSON *), const char *kind)
{
    const cJSON *item = in->failed ? NULL : json_find(in->root, path);

    if (in->failed || (need == JSON_OR_NULL && item != NULL && cJSON_IsNull(item)))
        return NULL;
    if (item != NULL && is_kind(item))
        return item;
    (void)json_reject(in, path, item == NULL ? "is missing" : kind);
    return NULL;
}

const char *json_read_text(struct json_in *in, const char *path, enum json_need need)
{
    const cJSON *item = read_item(in, path, need, cJSON_IsString, "is not a string");
    return item == NULL ? NULL : item->valuestring;
}

bool json_read_bool(struct json_in *in, const char *path, bool otherwise, enum json_need need)
{
    const cJSON *item = read_item(in, path, need, cJSON_IsBool, "is neither true nor false");
    return item == NULL ? otherwise : cJSON_IsTrue(item) != 0;
}

double json_read_number(struct json_in *in, const char *path)
{
    const cJSON *item = read_item(in, path, JSON_NEEDED, cJSON_IsNumber, "is not a number");
    if (item != NULL && (!isfinite(item->valuedouble) || item->valuedouble < 0)) {
        (void)json_reject(in, path, "is out of range");
        return 0;
    }
    return item == NULL ? 0 : item->valuedouble;
}

uint64_t json_read_u64(struct json_in *in, const char *path, uint64_t max)
{
    double value = json_read_number(in, path);
    if (value != floor(value) || value > EXACT_MAX || (uint64_t)value > max) {
        (void)json_reject(in, path, "is out of range");
        return 0;
    }
    return (uint64_t)value;
}

const cJSON *json_read_array(struct json_in *in, const char *path, size_t max, enum json_need need)
{
    const cJSON *item = read_item(in, path, need, cJSON_IsArray, "is not an array");
    size_t count = 0;

    for (const cJSON *at = item == NULL ? NULL : item->child; at != NULL; at = at->next)
        if (++count > max) {
            (void)json_reject(in, path, "has too many elements");
            return NULL;
        }
    return item == NULL ? NULL : item->child;
}
