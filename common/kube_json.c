#include "common/kube_json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "common/json_out.h"

static const cJSON *at(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const char *text_at(const cJSON *object, const char *name)
{
    const char *text = cJSON_GetStringValue(at(object, name));
    return text == NULL ? "" : text;
}

static void read_conditions(const cJSON *status, struct kube_node *ret)
{
    const cJSON *item;

    cJSON_ArrayForEach(item,
                       at(status, "conditions")) if (strcmp(text_at(item, "type"), "Ready") == 0)
        ret->ready = strcmp(text_at(item, "status"), "True") == 0;
}

static void read_runtimes(const cJSON *status, const char *const handlers[2], struct kube_node *ret)
{
    const cJSON *item, *list = at(status, "runtimeHandlers");

    ret->lists_runtimes = cJSON_GetArraySize(list) > 0;
    cJSON_ArrayForEach(item, list)
    {
        for (size_t i = 0; i < 2; i++)
            ret->has[i] |= strcmp(text_at(item, "name"), handlers[i]) == 0;
    }
}

bool kube_node_read(const char *json, size_t len, const char *label_key,
                    const char *const handlers[2], struct kube_node *ret)
{
    cJSON *node = cJSON_ParseWithLength(json, len);
    const cJSON *metadata = at(node, "metadata"), *status = at(node, "status");
    bool done = strcmp(text_at(node, "kind"), "Node") == 0;

    *ret = (struct kube_node){0};
    (void)snprintf(ret->uid, sizeof ret->uid, "%s", text_at(metadata, "uid"));
    (void)snprintf(ret->boot_id, sizeof ret->boot_id, "%s",
                   text_at(at(status, "nodeInfo"), "bootID"));
    (void)snprintf(ret->runtime, sizeof ret->runtime, "%s",
                   text_at(at(status, "nodeInfo"), "containerRuntimeVersion"));
    (void)snprintf(ret->label, sizeof ret->label, "%s", text_at(at(metadata, "labels"), label_key));
    read_conditions(status, ret);
    read_runtimes(status, handlers, ret);
    cJSON_Delete(node);
    return done;
}

/* Why its container waits or how it ended; else what the conditions say. */
static void explain(const cJSON *status, struct kube_pod *ret)
{
    const cJSON *state = at(cJSON_GetArrayItem(at(status, "containerStatuses"), 0), "state");
    const cJSON *ended = at(state, "terminated"), *waiting = at(state, "waiting"), *item;

    if (ended != NULL) {
        (void)snprintf(ret->why, sizeof ret->why, "status %.0f, %s %s",
                       cJSON_GetNumberValue(at(ended, "exitCode")), text_at(ended, "reason"),
                       text_at(ended, "message"));
        return;
    }
    (void)snprintf(ret->why, sizeof ret->why, "%s %s", text_at(status, "reason"),
                   text_at(status, "message"));
    if (waiting != NULL)
        (void)snprintf(ret->why, sizeof ret->why, "%s %s", text_at(waiting, "reason"),
                       text_at(waiting, "message"));
    if (ret->why[0] != ' ')
        return;
    cJSON_ArrayForEach(
        item, at(status, "conditions")) if (strcmp(text_at(item, "status"), "False") == 0)(void)
        snprintf(ret->why, sizeof ret->why, "%s %s", text_at(item, "reason"),
                 text_at(item, "message"));
}

bool kube_pod_read(const char *json, size_t len, struct kube_pod *ret)
{
    cJSON *pod = cJSON_ParseWithLength(json, len);
    const cJSON *status = at(pod, "status");
    const char *phase = text_at(status, "phase");
    bool done = strcmp(text_at(pod, "kind"), "Pod") == 0;

    *ret = (struct kube_pod){.phase = strcmp(phase, "Succeeded") == 0 ? POD_SUCCEEDED
                                      : strcmp(phase, "Failed") == 0  ? POD_FAILED
                                                                      : POD_WAITING};
    explain(status, ret);
    cJSON_Delete(pod);
    return done;
}

bool kube_conclusion_read(const char *log, size_t len, char *out, size_t size)
{
    bool done = false;

    for (size_t start = 0; start < len && !done;) {
        const char *end = memchr(log + start, '\n', len - start);
        size_t line = end == NULL ? len - start : (size_t)(end - log) - start;
        cJSON *report = cJSON_ParseWithLength(log + start, line);
        const char *text = text_at(at(report, "detection"), "conclusion");
        done = text[0] != '\0' && (size_t)snprintf(out, size, "%s", text) < size;
        cJSON_Delete(report);
        start += line + 1;
    }
    return done;
}

void kube_label_patch(struct buf *out, const char *key, const char *value)
{
    struct json_out json = {.buf = out};

    json_open(&json, NULL, '{');
    json_open(&json, "metadata", '{');
    json_open(&json, "labels", '{');
    json_string(&json, key, value);
    json_close(&json, '}');
    json_close(&json, '}');
    json_close(&json, '}');
}

void kube_event_json(struct buf *out, const struct kube_event *event)
{
    struct json_out json = {.buf = out};
    char message[KUBE_TEXT_MAX]; /* as long as the API allows */

    (void)snprintf(message, sizeof message, "%s", event->message);
    json_open(&json, NULL, '{');
    json_raw(&json, "metadata",
             "{\"generateName\":\"gvisor-installer-\",\"namespace\":\"default\"}");
    json_open(&json, "involvedObject", '{');
    json_string(&json, "apiVersion", "v1");
    json_string(&json, "kind", "Node");
    json_string(&json, "name", event->node);
    json_string(&json, "uid", event->uid);
    json_close(&json, '}');
    json_open(&json, "source", '{');
    json_string(&json, "component", "gvisor-installer");
    json_string(&json, "host", event->node);
    json_close(&json, '}');
    json_string(&json, "apiVersion", "v1");
    json_string(&json, "kind", "Event");
    json_string(&json, "reason", event->reason);
    json_string(&json, "message", message);
    json_string(&json, "type", event->warning ? "Warning" : "Normal");
    json_string(&json, "firstTimestamp", event->time);
    json_string(&json, "lastTimestamp", event->time);
    json_string(&json, "reportingComponent", "gvisor-installer");
    json_string(&json, "reportingInstance", event->node);
    json_u64(&json, "count", 1);
    json_close(&json, '}');
}

static void put_args(struct json_out *json, const char *args)
{
    json_open(json, "args", '[');
    for (size_t len; *args != '\0'; args += len) {
        args += strspn(args, " ");
        len = strcspn(args, " ");
        if (len > 0)
            json_span(json, NULL, args, len);
    }
    json_close(json, ']');
}

/* With what pod security `restricted` asks for. */
void kube_smoke_json(struct buf *out, const struct kube_smoke *smoke)
{
    struct json_out json = {.buf = out};

    json_open(&json, NULL, '{');
    json_open(&json, "metadata", '{');
    json_raw(&json, "labels", "{\"app.kubernetes.io/name\":\"gvisor-smoke\"}");
    json_string(&json, "name", smoke->name);
    json_string(&json, "namespace", smoke->namespace);
    json_close(&json, '}');
    json_open(&json, "spec", '{');
    json_raw(&json, "securityContext",
             "{\"runAsNonRoot\":true,\"runAsUser\":65532,\"runAsGroup\":65532,"
             "\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}");
    json_string(&json, "nodeName", smoke->node);
    json_string(&json, "restartPolicy", "Never");
    if (smoke->runtime_class != NULL)
        json_string(&json, "runtimeClassName", smoke->runtime_class);
    json_raw(&json, "tolerations", "[{\"operator\":\"Exists\"}]");
    json_bool(&json, "automountServiceAccountToken", false);
    json_bool(&json, "enableServiceLinks", false);
    json_u64(&json, "terminationGracePeriodSeconds", 0);
    json_u64(&json, "activeDeadlineSeconds", smoke->deadline_s);
    json_open(&json, "containers", '[');
    json_open(&json, NULL, '{');
    json_raw(&json, "securityContext",
             "{\"capabilities\":{\"drop\":[\"ALL\"]},\"allowPrivilegeEscalation\":false,"
             "\"readOnlyRootFilesystem\":true}");
    json_raw(&json, "resources",
             "{\"limits\":{\"memory\":\"128Mi\",\"cpu\":\"500m\"},"
             "\"requests\":{\"memory\":\"64Mi\",\"cpu\":\"50m\"}}");
    json_string(&json, "name", "smoke");
    json_string(&json, "image", smoke->image);
    json_string(&json, "imagePullPolicy", "IfNotPresent");
    json_string(&json, "terminationMessagePolicy", "FallbackToLogsOnError");
    put_args(&json, smoke->args);
    json_close(&json, '}');
    json_close(&json, ']');
    json_close(&json, '}');
    json_string(&json, "apiVersion", "v1");
    json_string(&json, "kind", "Pod");
    json_close(&json, '}');
}
