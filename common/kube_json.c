#include "common/kube_json.h"

#include <stdio.h>
#include <string.h>

#include "common/json_in.h"
#include "common/json_out.h"

/* "" where there is none. */
static const char *text_at(const cJSON *object, const char *path)
{
    const char *text = cJSON_GetStringValue(json_find(object, path));
    return text == NULL ? "" : text;
}

static cJSON *parse(const char *json, size_t len)
{
    struct err ignored = {0};
    return json_parse("", json, len, &ignored);
}

/* Of an array; NULL where there is none. */
static const cJSON *first_of(const cJSON *object, const char *path)
{
    const cJSON *array = json_find(object, path);
    return array == NULL ? NULL : array->child;
}

bool kube_node_read(const char *json, size_t len, const char *label_key,
                    const char *const handlers[2], struct kube_node *ret)
{
    cJSON *node = parse(json, len);
    /* The key has dots of its own. */
    const char *label = cJSON_GetStringValue(
        cJSON_GetObjectItemCaseSensitive(json_find(node, "metadata.labels"), label_key));
    bool done = strcmp(text_at(node, "kind"), "Node") == 0;

    *ret = (struct kube_node){0};
    (void)snprintf(ret->uid, sizeof ret->uid, "%s", text_at(node, "metadata.uid"));
    (void)snprintf(ret->boot_id, sizeof ret->boot_id, "%s",
                   text_at(node, "status.nodeInfo.bootID"));
    (void)snprintf(ret->runtime, sizeof ret->runtime, "%s",
                   text_at(node, "status.nodeInfo.containerRuntimeVersion"));
    (void)snprintf(ret->label, sizeof ret->label, "%s", label == NULL ? "" : label);
    for (const cJSON *item = first_of(node, "status.conditions"); item != NULL; item = item->next)
        if (strcmp(text_at(item, "type"), "Ready") == 0)
            ret->ready = strcmp(text_at(item, "status"), "True") == 0;
    for (const cJSON *item = first_of(node, "status.runtimeHandlers"); item != NULL;
         item = item->next) {
        ret->lists_runtimes = true;
        for (size_t i = 0; i < 2; i++)
            ret->has[i] |= strcmp(text_at(item, "name"), handlers[i]) == 0;
    }
    cJSON_Delete(node);
    return done;
}

/* Why its container waits or how it ended; else what the conditions say. */
static void explain(const cJSON *pod, struct kube_pod *ret)
{
    const cJSON *container = first_of(pod, "status.containerStatuses");
    const cJSON *ended = json_find(container, "state.terminated");
    const cJSON *waiting = json_find(container, "state.waiting");

    if (cJSON_IsObject(ended)) {
        (void)snprintf(ret->why, sizeof ret->why, "status %.0f, %s %s",
                       cJSON_GetNumberValue(json_find(ended, "exitCode")), text_at(ended, "reason"),
                       text_at(ended, "message"));
        return;
    }
    const cJSON *status = cJSON_IsObject(waiting) ? waiting : json_find(pod, "status");
    (void)snprintf(ret->why, sizeof ret->why, "%s %s", text_at(status, "reason"),
                   text_at(status, "message"));
    if (ret->why[0] != ' ')
        return;
    for (const cJSON *item = first_of(pod, "status.conditions"); item != NULL; item = item->next)
        if (strcmp(text_at(item, "status"), "False") == 0)
            (void)snprintf(ret->why, sizeof ret->why, "%s %s", text_at(item, "reason"),
                           text_at(item, "message"));
}

bool kube_pod_read(const char *json, size_t len, struct kube_pod *ret)
{
    cJSON *pod = parse(json, len);
    const char *phase = text_at(pod, "status.phase");
    bool done = strcmp(text_at(pod, "kind"), "Pod") == 0;

    *ret = (struct kube_pod){.phase = strcmp(phase, "Succeeded") == 0 ? POD_SUCCEEDED
                                      : strcmp(phase, "Failed") == 0  ? POD_FAILED
                                                                      : POD_WAITING};
    explain(pod, ret);
    cJSON_Delete(pod);
    return done;
}

bool kube_conclusion_read(const char *log, size_t len, char *out, size_t size)
{
    bool done = false;

    for (size_t start = 0; start < len && !done;) {
        const char *end = memchr(log + start, '\n', len - start);
        size_t line = end == NULL ? len - start : (size_t)(end - log) - start;
        cJSON *report = parse(log + start, line);
        const char *text = text_at(report, "detection.conclusion");
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
