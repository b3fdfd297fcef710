#include "common/kube_json.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static char *printed(cJSON *object, bool done)
{
    char *text = done ? cJSON_PrintUnformatted(object) : NULL;
    cJSON_Delete(object);
    return text;
}

static bool put(cJSON *object, const char *name, const char *value)
{
    return cJSON_AddStringToObject(object, name, value) != NULL;
}

char *kube_label_patch(const char *key, const char *value)
{
    cJSON *patch = cJSON_CreateObject();
    cJSON *labels = cJSON_AddObjectToObject(cJSON_AddObjectToObject(patch, "metadata"), "labels");

    return printed(patch, value == NULL ? cJSON_AddNullToObject(labels, key) != NULL
                                        : put(labels, key, value));
}

char *kube_event_json(const struct kube_event *event)
{
    char message[KUBE_TEXT_MAX]; /* as long as the API allows */
    cJSON *object = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(object, "metadata");
    cJSON *about = cJSON_AddObjectToObject(object, "involvedObject");
    cJSON *source = cJSON_AddObjectToObject(object, "source");

    (void)snprintf(message, sizeof message, "%s", event->message);
    bool done =
        put(object, "apiVersion", "v1") & put(object, "kind", "Event") &
        put(metadata, "generateName", "gvisor-installer-") & put(metadata, "namespace", "default") &
        put(about, "apiVersion", "v1") & put(about, "kind", "Node") &
        put(about, "name", event->node) & put(about, "uid", event->uid) &
        put(object, "reason", event->reason) & put(object, "message", message) &
        put(object, "type", event->warning ? "Warning" : "Normal") &
        put(object, "firstTimestamp", event->time) & put(object, "lastTimestamp", event->time) &
        put(source, "component", "gvisor-installer") & put(source, "host", event->node) &
        put(object, "reportingComponent", "gvisor-installer") &
        put(object, "reportingInstance", event->node) &
        (cJSON_AddNumberToObject(object, "count", 1) != NULL);
    return printed(object, done);
}

static bool add_args(cJSON *container, const char *args)
{
    cJSON *list = cJSON_AddArrayToObject(container, "args");
    char *copy = strdup(args), *rest = copy;
    bool done = list != NULL && copy != NULL;

    for (char *arg; done && (arg = strsep(&rest, " ")) != NULL;)
        if (arg[0] != '\0')
            done = cJSON_AddItemToArray(list, cJSON_CreateString(arg));
    free(copy);
    return done;
}

/* What pod security `restricted` asks for. */
static bool add_container(cJSON *spec, const struct kube_smoke *smoke)
{
    cJSON *containers = cJSON_AddArrayToObject(spec, "containers");
    cJSON *container = cJSON_CreateObject();
    bool done = cJSON_AddItemToArray(containers, container);
    cJSON *security = cJSON_AddObjectToObject(container, "securityContext");
    cJSON *dropped =
        cJSON_AddArrayToObject(cJSON_AddObjectToObject(security, "capabilities"), "drop");
    cJSON *resources = cJSON_AddObjectToObject(container, "resources");
    cJSON *limits = cJSON_AddObjectToObject(resources, "limits");
    cJSON *requests = cJSON_AddObjectToObject(resources, "requests");

    done &= put(container, "name", "smoke") & put(container, "image", smoke->image) &
            put(container, "imagePullPolicy", "IfNotPresent") &
            put(container, "terminationMessagePolicy", "FallbackToLogsOnError");
    done &= cJSON_AddItemToArray(dropped, cJSON_CreateString("ALL"));
    done &= cJSON_AddFalseToObject(security, "allowPrivilegeEscalation") != NULL;
    done &= cJSON_AddTrueToObject(security, "readOnlyRootFilesystem") != NULL;
    done &= put(limits, "memory", "128Mi") & put(limits, "cpu", "500m") &
            put(requests, "memory", "64Mi") & put(requests, "cpu", "50m");
    return done & add_args(container, smoke->args);
}

char *kube_smoke_json(const struct kube_smoke *smoke)
{
    cJSON *pod = cJSON_CreateObject();
    cJSON *metadata = cJSON_AddObjectToObject(pod, "metadata");
    cJSON *labels = cJSON_AddObjectToObject(metadata, "labels");
    cJSON *spec = cJSON_AddObjectToObject(pod, "spec");
    cJSON *security = cJSON_AddObjectToObject(spec, "securityContext");
    cJSON *toleration = cJSON_CreateObject();
    bool done = put(pod, "apiVersion", "v1") & put(pod, "kind", "Pod") &
                put(metadata, "name", smoke->name) & put(metadata, "namespace", smoke->namespace) &
                put(labels, "app.kubernetes.io/name", "gvisor-smoke") &
                put(spec, "nodeName", smoke->node) & put(spec, "restartPolicy", "Never") &
                put(toleration, "operator", "Exists");

    if (smoke->runtime_class != NULL)
        done &= put(spec, "runtimeClassName", smoke->runtime_class);
    done &= cJSON_AddItemToArray(cJSON_AddArrayToObject(spec, "tolerations"), toleration);
    done &= cJSON_AddFalseToObject(spec, "automountServiceAccountToken") != NULL;
    done &= cJSON_AddFalseToObject(spec, "enableServiceLinks") != NULL;
    done &= cJSON_AddNumberToObject(spec, "terminationGracePeriodSeconds", 0) != NULL;
    done &= cJSON_AddNumberToObject(spec, "activeDeadlineSeconds", smoke->deadline_s) != NULL;
    done &= cJSON_AddTrueToObject(security, "runAsNonRoot") != NULL;
    done &= cJSON_AddNumberToObject(security, "runAsUser", 65532) != NULL;
    done &= cJSON_AddNumberToObject(security, "runAsGroup", 65532) != NULL;
    done &= put(cJSON_AddObjectToObject(security, "seccompProfile"), "type", "RuntimeDefault");
    done &= add_container(spec, smoke);
    return printed(pod, done);
}
