#include "job_service/dispatch/object.h"

#include <stdio.h>
#include <string.h>

#include "common/civil_time.h"
#include "common/json_in.h"
#include "common/num.h"

static const char *text_at(const cJSON *object, const char *path)
{
    const char *text = cJSON_GetStringValue(json_find(object, path));

    return text == NULL ? "" : text;
}

/* Of a key that has dots of its own. */
static const char *text_of(const cJSON *map, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(map, key));

    return text == NULL ? "" : text;
}

static bool whole(char *out, size_t size, const char *text)
{
    return (size_t)snprintf(out, size, "%s", text) < size;
}

/* For people: printable, cut. */
static void shown(char *out, size_t size, const char *text)
{
    char line[ERR_TEXT_MAX];

    (void)snprintf(line, sizeof line, "%s", text);
    err_make_printable(line);
    (void)err_quote(out, size, line, strlen(line));
}

/* 0 where there is none. */
static int64_t time_at(const cJSON *object, const char *path)
{
    int64_t seconds;

    return civil_parse(text_at(object, path), &seconds) ? seconds : 0;
}

bool object_is_id(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i = 0;

    for (; form[i] != '\0'; i++) {
        bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (form[i] == 'x' ? !hex : text[i] != '-')
            return false;
    }
    return text[i] == '\0';
}

static bool read_attempt(const char *text, unsigned *ret)
{
    uint64_t number;

    if (!num_u64(text, &number) || number == 0 || number > 999)
        return false;
    *ret = (unsigned)number;
    return true;
}

bool object_name_read(const char *name, char job[JOB_ID_TEXT + 1], unsigned *ret_attempt)
{
    if (strncmp(name, "job-", 4) != 0 || strlen(name) < 4 + JOB_ID_TEXT + 2 ||
        name[4 + JOB_ID_TEXT] != '-')
        return false;
    memcpy(job, name + 4, JOB_ID_TEXT);
    job[JOB_ID_TEXT] = '\0';
    return object_is_id(job) && read_attempt(name + 4 + JOB_ID_TEXT + 1, ret_attempt);
}

void object_name(char out[WORKFLOW_NAME], const char *job, unsigned attempt)
{
    (void)snprintf(out, WORKFLOW_NAME, "job-%s-%u", job, attempt % 1000);
}

/* Workflows. */

/* "generate(0:1)" and "run(0)" are steps generate and run. */
static void put_step(char *out, size_t size, const char *name)
{
    (void)snprintf(out, size, "%.*s", (int)strcspn(name, "("), name);
    err_make_printable(out);
}

static void read_nodes(const cJSON *nodes, struct workflow *ret)
{
    const cJSON *node;
    const char *last = "";

    cJSON_ArrayForEach(node, nodes)
    {
        const char *phase = text_at(node, "phase");
        ret->nodes++;
        if (strcmp(text_at(node, "type"), "Pod") != 0 || strcmp(phase, "Pending") == 0)
            continue;
        ret->runs = true;
        if (strcmp(phase, "Running") != 0 || strcmp(text_at(node, "startedAt"), last) < 0)
            continue;
        last = text_at(node, "startedAt");
        put_step(ret->step, sizeof ret->step, text_at(node, "displayName"));
    }
}

static void find_output(const cJSON *parameters, const char *name, struct workflow *ret)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, parameters)
    {
        if (strcmp(text_at(item, "name"), name) != 0)
            continue;
        ret->has_output = true;
        if (!whole(ret->output, sizeof ret->output, text_at(item, "value")))
            ret->output[0] = '\0';
    }
}

static enum workflow_phase phase_of(const char *text)
{
    return strcmp(text, "Succeeded") == 0                                 ? WORKFLOW_SUCCEEDED
           : strcmp(text, "Failed") == 0 || strcmp(text, "Error") == 0    ? WORKFLOW_FAILED
           : strcmp(text, "Running") == 0 || strcmp(text, "Pending") == 0 ? WORKFLOW_RUNNING
                                                                          : WORKFLOW_NEW;
}

bool workflow_read(const struct cJSON *object, const struct kinds *kinds, struct workflow *ret)
{
    const cJSON *labels = json_find(object, "metadata.labels");
    const cJSON *notes = json_find(object, "metadata.annotations");
    const struct kind *kind = kinds_find(kinds, text_of(labels, LABEL_KIND));
    const char *phase = text_at(object, "status.phase");
    uint64_t nudged = 0;

    *ret = (struct workflow){0};
    if (!whole(ret->name, sizeof ret->name, text_at(object, "metadata.name")) ||
        !whole(ret->uid, sizeof ret->uid, text_at(object, "metadata.uid")) || ret->uid[0] == '\0' ||
        !whole(ret->version, sizeof ret->version, text_at(object, "metadata.resourceVersion")) ||
        !object_name_read(ret->name, ret->job, &ret->attempt) ||
        strcmp(text_of(labels, LABEL_JOB), ret->job) != 0)
        return false;
    if (!whole(ret->digest, sizeof ret->digest, text_of(notes, ANNOTATION_DIGEST)))
        ret->digest[0] = '\0';
    (void)num_u64(text_of(notes, ANNOTATION_NUDGED), &nudged);
    ret->nudged = (int64_t)nudged;
    ret->created = time_at(object, "metadata.creationTimestamp");
    ret->started = time_at(object, "status.startedAt");
    ret->ended = time_at(object, "status.finishedAt");
    ret->suspended = cJSON_IsTrue(json_find(object, "spec.suspend"));
    ret->shut_down = text_at(object, "spec.shutdown")[0] != '\0';
    ret->phase = phase_of(phase);
    ret->error = strcmp(phase, "Error") == 0;
    shown(ret->message, sizeof ret->message, text_at(object, "status.message"));
    read_nodes(json_find(object, "status.nodes"), ret);
    if (kind != NULL && kind_result(kind) != NULL)
        find_output(json_find(object, "status.outputs.parameters"), kind_result(kind), ret);
    return true;
}

/* Pods. */

static void read_end(const cJSON *container, const cJSON *end, struct pod *ret)
{
    const char *reason = text_at(end, "reason");
    double status = cJSON_GetNumberValue(json_find(end, "exitCode"));

    if (strcmp(reason, "OOMKilled") == 0)
        ret->oom = true;
    if (!(status != 0) || ret->broke)
        return;
    ret->broke = true;
    ret->status = status > 0 && status < 256 ? (int)status : 255;
    shown(ret->container, sizeof ret->container, text_at(container, "name"));
    shown(ret->reason, sizeof ret->reason, reason);
    if (ret->message[0] == '\0')
        shown(ret->message, sizeof ret->message, text_at(end, "message"));
}

static void note_container(const cJSON *container, bool init, struct pod *ret)
{
    const char *name = text_at(container, "name");
    bool started = cJSON_IsObject(json_find(container, "state.terminated")) ||
                   cJSON_IsObject(json_find(container, "state.running"));

    if (ret->container_count == POD_CONTAINERS || (ret->of_argo && strcmp(name, "main") != 0) ||
        !whole(ret->containers[ret->container_count].name, OBJECT_UID, name))
        return;
    ret->containers[ret->container_count].started = started;
    ret->containers[ret->container_count++].init = init;
}

static void read_containers(const cJSON *list, bool init, struct pod *ret)
{
    const cJSON *container;

    cJSON_ArrayForEach(container, list)
    {
        const cJSON *end = json_find(container, "state.terminated");
        note_container(container, init, ret);
        int64_t at = time_at(end, "finishedAt");
        if (cJSON_IsObject(end))
            read_end(container, end, ret);
        if (at > ret->ended)
            ret->ended = at;
        const char *waits = text_at(container, "state.waiting.reason");
        if (waits[0] == '\0' || strcmp(waits, "PodInitializing") == 0 ||
            strcmp(waits, "ContainerCreating") == 0 || ret->waits[0] != '\0')
            continue;
        shown(ret->waits, sizeof ret->waits, waits);
        shown(ret->message, sizeof ret->message, text_at(container, "state.waiting.message"));
    }
}

/* Evicted pods may say Succeeded: then the condition tells. */
static bool was_disrupted(const cJSON *conditions)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, conditions)
    {
        if (strcmp(text_at(item, "type"), "DisruptionTarget") == 0 &&
            strcmp(text_at(item, "status"), "True") == 0)
            return true;
    }
    return false;
}

static bool read_whose(const cJSON *object, struct pod *ret)
{
    const cJSON *labels = json_find(object, "metadata.labels");
    const char *workflow = text_of(labels, LABEL_WORKFLOW);

    ret->of_argo = workflow[0] != '\0';
    if (ret->of_argo) {
        const char *node = text_of(json_find(object, "metadata.annotations"), ANNOTATION_NODE);
        const char *dot = strrchr(node, '.');
        if (dot != NULL)
            put_step(ret->step, sizeof ret->step, dot + 1);
        return object_name_read(workflow, ret->job, &ret->attempt);
    }
    (void)read_attempt(text_of(labels, LABEL_ATTEMPT), &ret->attempt);
    shown(ret->step, sizeof ret->step, text_of(labels, LABEL_STEP));
    return object_is_id(text_of(labels, LABEL_JOB)) &&
           whole(ret->job, sizeof ret->job, text_of(labels, LABEL_JOB));
}

bool pod_read(const struct cJSON *object, struct pod *ret)
{
    const char *phase = text_at(object, "status.phase");
    const char *reason = text_at(object, "status.reason");

    *ret = (struct pod){0};
    if (!whole(ret->name, sizeof ret->name, text_at(object, "metadata.name")) ||
        ret->name[0] == '\0' ||
        !whole(ret->space, sizeof ret->space, text_at(object, "metadata.namespace")) ||
        !whole(ret->uid, sizeof ret->uid, text_at(object, "metadata.uid")) || ret->uid[0] == '\0' ||
        !read_whose(object, ret))
        return false;
    ret->state = strcmp(phase, "Running") == 0     ? POD_RUNNING
                 : strcmp(phase, "Succeeded") == 0 ? POD_DONE
                 : strcmp(phase, "Failed") == 0    ? POD_BROKEN
                                                   : POD_PENDING;
    ret->leaving = text_at(object, "metadata.deletionTimestamp")[0] != '\0';
    ret->evicted =
        strcmp(reason, "Evicted") == 0 || was_disrupted(json_find(object, "status.conditions"));
    ret->deadline = strcmp(reason, "DeadlineExceeded") == 0;
    ret->started = time_at(object, "status.startTime");
    ret->waits_since = time_at(object, "metadata.creationTimestamp");
    shown(ret->message, sizeof ret->message, text_at(object, "status.message"));
    read_containers(json_find(object, "status.initContainerStatuses"), true, ret);
    read_containers(json_find(object, "status.containerStatuses"), false, ret);
    return true;
}
