#include "job_service/form/strict_json.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "common/json_scan.h"

enum { DEPTH_MAX = 16 };

static bool wrong(struct err *err, size_t at, const char *what)
{
    return err_set(err, STATUS_INPUT, "at byte %zu: %s", at + 1, what);
}

static bool not_json(struct err *err, size_t at, const char *what)
{
    return err_set(err, STATUS_INPUT, "not JSON, at byte %zu: %s", at + 1, what);
}

/* text is JSON. A tree takes 64 bytes a value and more, so values are counted beforehand. */
static bool check_values(const char *text, size_t len, size_t most, struct err *err)
{
    const unsigned char *start = (const unsigned char *)text, *p = start, *end = start + len;
    struct json_fault fault;
    size_t count = 1;

    while (p < end) {
        if (*p == '"') {
            struct json_string string;
            size_t at = (size_t)(p - start);
            p = json_scan_string(p, end, &string, &fault);
            if (!string.text)
                return wrong(err, at, "a text with \\u0000, or with half a surrogate pair");
            continue;
        }
        count += *p == ',' || *p == '[' || *p == '{';
        if (count > most)
            return wrong(err, (size_t)(p - start), "too many values");
        p++;
    }
    return true;
}

bool strict_json_read(const char *text, size_t len, size_t most, struct cJSON **ret,
                      struct err *err)
{
    const unsigned char *start = (const unsigned char *)text, *end = start + len;
    struct json_fault fault = {.at = end, .reason = "nothing is there"};
    const unsigned char *p = json_skip_space(start, end);

    p = p == end ? NULL : json_scan_value(p, end, DEPTH_MAX, &fault);
    if (p == NULL)
        return not_json(err, (size_t)(fault.at - start), fault.reason);
    p = json_skip_space(p, end);
    if (p != end)
        return not_json(err, (size_t)(p - start), "something follows the value");
    if (!check_values(text, len, most, err))
        return false;
    *ret = cJSON_ParseWithLength(text, len);
    return *ret != NULL || err_set(err, STATUS_TRANSIENT, "out of memory");
}
