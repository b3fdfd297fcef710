#include "job_runner/perf.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <string.h>

#include "common/json_in.h"

static bool read_member(const char *name, const cJSON *root, double *ret, struct err *err)
{
    const cJSON *perf = NULL, *member;
    int found = 0;

    if (!cJSON_IsObject(root))
        return err_set(err, STATUS_INPUT, "%s: is not an object such as {\"perf\": 0.99}", name);
    cJSON_ArrayForEach(member, root)
    {
        if (strcmp(member->string, "perf") == 0) {
            perf = member;
            found++;
        }
    }
    if (found != 1)
        return err_set(err, STATUS_INPUT, "%s: has %s member 'perf'", name,
                       found == 0 ? "no" : "more than one");
    if (!cJSON_IsNumber(perf) || !isfinite(perf->valuedouble))
        return err_set(err, STATUS_INPUT, "%s: perf is not a finite number", name);
    *ret = perf->valuedouble;
    return true;
}

bool perf_read(const char *name, const char *text, size_t len, double *ret, struct err *err)
{
    if (len > PERF_FILE_MAX)
        return err_set(err, STATUS_INPUT, "%s: is larger than %d bytes", name, PERF_FILE_MAX);
    cJSON *root = json_parse(name, text, len, err);
    bool done = root != NULL && read_member(name, root, ret, err);
    cJSON_Delete(root);
    return done;
}
