#include "job_service/dispatch/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/json_in.h"
#include "common/json_out.h"
#include "job_service/dispatch/object.h"

static void put_parameter(struct json_out *json, const char *name, const char *value)
{
    json_open(json, NULL, '{');
    json_string(json, "name", name);
    json_string(json, "value", value);
    json_close(json, '}');
}

static bool put_parameters(struct json_out *json, const struct manifest_job *job, struct err *err)
{
    cJSON *parameters = json_parse("parameters", job->parameters, strlen(job->parameters), err);
    const cJSON *item;
    bool done = cJSON_IsObject(parameters);

    if (parameters != NULL && !done)
        (void)err_set(err, STATUS_INPUT, "parameters are not an object");
    put_parameter(json, "job", job->id);
    cJSON_ArrayForEach(item, parameters)
    {
        if (done && !cJSON_IsString(item))
            done = err_set(err, STATUS_INPUT, "a parameter is not a text");
        if (done)
            put_parameter(json, item->string, item->valuestring);
    }
    cJSON_Delete(parameters);
    return done;
}

bool manifest_workflow(struct buf *out, const struct manifest_job *job, struct err *err)
{
    struct json_out json = {.buf = out};
    char name[WORKFLOW_NAME], attempt[16];

    object_name(name, job->id, job->attempt);
    (void)snprintf(attempt, sizeof attempt, "%u", job->attempt);
    json_open(&json, NULL, '{');
    json_string(&json, "apiVersion", "argoproj.io/v1alpha1");
    json_string(&json, "kind", "Workflow");
    json_open(&json, "metadata", '{');
    json_string(&json, "name", name);
    json_open(&json, "labels", '{');
    json_string(&json, LABEL_JOB, job->id);
    json_string(&json, LABEL_ATTEMPT, attempt);
    json_string(&json, LABEL_KIND, kind_name(job->kind));
    json_close(&json, '}');
    json_open(&json, "annotations", '{');
    json_string(&json, ANNOTATION_DIGEST, job->digest);
    json_close(&json, '}');
    json_close(&json, '}');
    json_open(&json, "spec", '{');
    json_bool(&json, "suspend", true);
    json_open(&json, "workflowTemplateRef", '{');
    json_string(&json, "name", kind_template(job->kind));
    json_close(&json, '}');
    json_open(&json, "arguments", '{');
    json_open(&json, "parameters", '[');
    if (!put_parameters(&json, job, err))
        return false;
    json_close(&json, ']');
    json_close(&json, '}');
    json_close(&json, '}');
    json_close(&json, '}');
    return buf_ok(out, err);
}

bool manifest_inputs(struct buf *out, const char *id, const char *base64, struct err *err)
{
    struct json_out json = {.buf = out};
    char name[WORKFLOW_NAME];

    (void)snprintf(name, sizeof name, "job-%.36s", id);
    json_open(&json, NULL, '{');
    json_string(&json, "apiVersion", "v1");
    json_string(&json, "kind", "ConfigMap");
    json_open(&json, "metadata", '{');
    json_string(&json, "name", name);
    json_open(&json, "labels", '{');
    json_string(&json, LABEL_JOB, id);
    json_close(&json, '}');
    json_close(&json, '}');
    json_bool(&json, "immutable", true);
    json_open(&json, "binaryData", '{');
    json_string(&json, "Dockerfile", base64);
    json_close(&json, '}');
    json_close(&json, '}');
    return buf_ok(out, err);
}

/* {"metadata":{"uid":UID},"spec":{MEMBER:VALUE}} */
static void put_patch(struct buf *out, const char *uid, const char *member, const char *value)
{
    struct json_out json = {.buf = out};

    json_open(&json, NULL, '{');
    json_open(&json, "metadata", '{');
    json_string(&json, "uid", uid);
    json_close(&json, '}');
    json_open(&json, "spec", '{');
    json_raw(&json, member, value);
    json_close(&json, '}');
    json_close(&json, '}');
}

void manifest_resume(struct buf *out, const char *uid)
{
    put_patch(out, uid, "suspend", "false");
}

void manifest_shut_down(struct buf *out, const char *uid)
{
    put_patch(out, uid, "shutdown", "\"Terminate\"");
}

void manifest_nudge(struct buf *out, const char *uid, int64_t now)
{
    struct json_out json = {.buf = out};
    char seconds[24];

    (void)snprintf(seconds, sizeof seconds, "%" PRId64, now);
    json_open(&json, NULL, '{');
    json_open(&json, "metadata", '{');
    json_string(&json, "uid", uid);
    json_open(&json, "annotations", '{');
    json_string(&json, ANNOTATION_NUDGED, seconds);
    json_close(&json, '}');
    json_close(&json, '}');
    json_close(&json, '}');
}

void manifest_delete(struct buf *out, const char *uid, const char *version)
{
    struct json_out json = {.buf = out};

    json_open(&json, NULL, '{');
    json_string(&json, "apiVersion", "v1");
    json_string(&json, "kind", "DeleteOptions");
    json_string(&json, "propagationPolicy", "Background");
    json_open(&json, "preconditions", '{');
    json_string(&json, "uid", uid);
    if (version != NULL)
        json_string(&json, "resourceVersion", version);
    json_close(&json, '}');
    json_close(&json, '}');
}
