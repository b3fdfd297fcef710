#include "job_service/logs/pod_state.h"

#include <string.h>

#include "common/civil_time.h"
#include "common/json_in.h"

static const char *text_at(const cJSON *object, const char *path)
{
    const char *text = cJSON_GetStringValue(json_find(object, path));
    return text == NULL ? "" : text;
}

static const cJSON *find_named(const cJSON *array, const char *name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, array)
    {
        if (strcmp(text_at(item, "name"), name) == 0)
            return item;
    }
    return NULL;
}

/* Among the containers or the init containers. */
static const cJSON *find_container(const cJSON *pod, const char *const paths[2], const char *name)
{
    const cJSON *found = find_named(json_find(pod, paths[0]), name);
    return found != NULL ? found : find_named(json_find(pod, paths[1]), name);
}

static bool is_disrupted(const cJSON *pod)
{
    const cJSON *condition = json_find(pod, "status.conditions"), *item;
    cJSON_ArrayForEach(item, condition)
    {
        if (strcmp(text_at(item, "type"), "DisruptionTarget") == 0 &&
            strcmp(text_at(item, "status"), "True") == 0)
            return true;
    }
    return false;
}

/*
 * Whether the container ended before the deletion was asked for, which is that many seconds before
 * the timestamp. Within the same second it cannot be told, and counts as cut off.
 */
static bool ended_before_deletion(const cJSON *pod, const cJSON *status)
{
    int64_t deleted, ended;
    const cJSON *grace = json_find(pod, "metadata.deletionGracePeriodSeconds");

    return civil_parse(text_at(pod, "metadata.deletionTimestamp"), &deleted) &&
           civil_parse(text_at(status, "state.terminated.finishedAt"), &ended) &&
           ended + (cJSON_IsNumber(grace) ? (int64_t)grace->valuedouble : 0) < deleted;
}

static const char *find_cut_off(const cJSON *pod, const cJSON *status)
{
    if (strcmp(text_at(pod, "status.reason"), "Evicted") == 0)
        return "its pod was evicted";
    if (is_disrupted(pod))
        return "its pod was evicted or preempted";
    if (text_at(pod, "metadata.deletionTimestamp")[0] != '\0' &&
        !ended_before_deletion(pod, status))
        return "its pod was deleted";
    return NULL;
}

bool pod_state_read(const char *json, size_t len, const char *uid, const char *container,
                    struct pod_state *ret)
{
    static const char *const specs[] = {"spec.containers", "spec.initContainers"};
    static const char *const statuses[] = {"status.containerStatuses",
                                           "status.initContainerStatuses"};
    struct err ignored = {0};
    cJSON *pod = json_parse("", json, len, &ignored);
    bool found =
        strcmp(text_at(pod, "kind"), "Pod") == 0 && find_container(pod, specs, container) != NULL;

    *ret = (struct pod_state){0};
    if (found) {
        const cJSON *status = find_container(pod, statuses, container);
        const char *phase = text_at(pod, "status.phase");
        ret->is_it = strcmp(text_at(pod, "metadata.uid"), uid) == 0;
        ret->cut_off = find_cut_off(pod, status);
        if (json_find(status, "state.terminated") != NULL)
            ret->container = CONTAINER_ENDED;
        else if (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
            ret->container = CONTAINER_NEVER_RUNS;
        else if (json_find(status, "state.running") != NULL)
            ret->container = CONTAINER_RUNS;
    }
    cJSON_Delete(pod);
    return found;
}
