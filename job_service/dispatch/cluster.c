#include "job_service/dispatch/cluster.h"

#include <stdio.h>
#include <string.h>

#include "common/civil_time.h"
#include "common/json_in.h"
#include "job_service/dispatch/manifest.h"

enum {
    PAGE = 100,      /* objects in one answer */
    INPUTS_PAGE = 5, /* of which each may have a megabyte */
    PAGES_MAX = 20000,
    CONTINUE_MAX = 1024,
};

/* The selectors, encoded: each takes objects that have the label. */
#define OF_JOBS     "argo-steps%2Fjob"
#define OF_WORKFLOW "workflows.argoproj.io%2Fworkflow"

static enum cluster_answer judge(const char *method, long status, const struct buf *answer)
{
    if (status >= 200 && status < 300)
        return CLUSTER_DONE;
    /* A policy that cannot be asked says nothing about the job: its operator mends it. */
    if (strstr(answer->data, "failed to configure") != NULL)
        return CLUSTER_LATER;
    switch (status) {
    case 404:
        return CLUSTER_GONE;
    case 409:
        return CLUSTER_CONFLICT;
    case 422:
        /* A patch for another uid: so says the API server, where an update is told 409. */
        if (strcmp(method, "PATCH") == 0 && strstr(answer->data, "metadata.uid") != NULL)
            return CLUSTER_CONFLICT;
        return CLUSTER_REFUSED;
    case 400:
    case 413:
        return CLUSTER_REFUSED;
    case 403:
        if (strstr(answer->data, "exceeded quota") != NULL)
            return CLUSTER_QUOTA;
        return strstr(answer->data, "denied request") != NULL ? CLUSTER_REFUSED : CLUSTER_LATER;
    default:
        return CLUSTER_LATER;
    }
}

static enum cluster_answer ask(struct cluster *cluster, const char *method, const char *path,
                               const char *body, struct buf *answer, struct err *err)
{
    struct kube_end end = {0};

    cluster->retry_after_s = 0;
    buf_clear(answer);
    if (!kube_try(cluster->kube, method, path, body, answer, &end, err))
        return CLUSTER_LATER;
    enum cluster_answer is = judge(method, end.status, answer);
    if (is == CLUSTER_LATER)
        cluster->retry_after_s = end.retry_after_s;
    if (is != CLUSTER_DONE)
        (void)kube_refused(method, path, end.status, answer, err);
    return is;
}

static void workflow_path(const struct cluster *cluster, const char *name, char out[KUBE_PATH_MAX])
{
    (void)snprintf(out, KUBE_PATH_MAX, "/apis/argoproj.io/v1alpha1/namespaces/%s/workflows%s%s",
                   cluster->space, name == NULL ? "" : "/", name == NULL ? "" : name);
}

enum cluster_answer cluster_create_workflow(struct cluster *cluster, const char *manifest,
                                            struct buf *answer, struct err *err)
{
    char path[KUBE_PATH_MAX];

    workflow_path(cluster, NULL, path);
    return ask(cluster, "POST", path, manifest, answer, err);
}

enum cluster_answer cluster_get_workflow(struct cluster *cluster, const char *name,
                                         struct buf *answer, struct err *err)
{
    char path[KUBE_PATH_MAX];

    workflow_path(cluster, name, path);
    return ask(cluster, "GET", path, NULL, answer, err);
}

enum cluster_answer cluster_patch_workflow(struct cluster *cluster, const char *name,
                                           const char *patch, struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char path[KUBE_PATH_MAX];

    workflow_path(cluster, name, path);
    return ask(cluster, "PATCH", path, patch, &answer, err);
}

enum cluster_answer cluster_delete_workflow(struct cluster *cluster, const char *name,
                                            const char *options, struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char path[KUBE_PATH_MAX];

    workflow_path(cluster, name, path);
    return ask(cluster, "DELETE", path, options, &answer, err);
}

enum cluster_answer cluster_delete_pod(struct cluster *cluster, const struct pod *pod,
                                       struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    OWNED_BUF(options, 1024);
    char path[KUBE_PATH_MAX];

    manifest_delete(&options, pod->uid, NULL);
    if (!buf_ok(&options, err))
        return CLUSTER_LATER;
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/pods/%s", pod->space, pod->name);
    return ask(cluster, "DELETE", path, options.data, &answer, err);
}

enum cluster_answer cluster_create_inputs(struct cluster *cluster, const char *manifest,
                                          struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char path[KUBE_PATH_MAX];

    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps", cluster->builds);
    return ask(cluster, "POST", path, manifest, &answer, err);
}

enum cluster_answer cluster_delete_inputs(struct cluster *cluster, const char *id, struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char path[KUBE_PATH_MAX];

    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps/job-%s", cluster->builds,
                   id);
    return ask(cluster, "DELETE", path, NULL, &answer, err);
}

/* Lists. */

const char *cluster_source_space(const struct cluster *cluster, enum cluster_source source)
{
    return source == SOURCE_BUILDS ? cluster->builds
           : source == SOURCE_RUNS ? cluster->runs
                                   : cluster->space;
}

void cluster_source_path(const struct cluster *cluster, enum cluster_source source,
                         char out[KUBE_PATH_MAX])
{
    if (source == SOURCE_WORKFLOWS)
        (void)snprintf(out, KUBE_PATH_MAX,
                       "/apis/argoproj.io/v1alpha1/namespaces/%s/workflows?labelSelector=%s",
                       cluster->space, OF_JOBS);
    else
        (void)snprintf(out, KUBE_PATH_MAX, "/api/v1/namespaces/%s/pods?labelSelector=%s",
                       cluster_source_space(cluster, source),
                       source == SOURCE_PODS ? OF_WORKFLOW : OF_JOBS);
}

bool cluster_put(const struct cluster *cluster, enum cluster_source source,
                 const struct cJSON *object, struct seen *seen, bool fresh, struct err *err)
{
    struct workflow workflow;
    struct pod pod;

    if (source == SOURCE_WORKFLOWS)
        return !workflow_read(object, cluster->kinds, &workflow) ||
               seen_put_workflow(seen, &workflow, fresh, err);
    return !pod_read(object, &pod) || seen_put_pod(seen, &pod, fresh, err);
}

void cluster_drop(const struct cluster *cluster, enum cluster_source source,
                  const struct cJSON *object, struct seen *seen)
{
    struct workflow workflow;
    struct pod pod;

    if (source != SOURCE_WORKFLOWS && pod_read(object, &pod))
        seen_drop_pod(seen, &pod);
    else if (source == SOURCE_WORKFLOWS && workflow_read(object, cluster->kinds, &workflow))
        seen_drop_workflow(seen, &workflow);
}

static bool is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~="
                             "%")] == '\0';
}

static cJSON *read_page(struct cluster *cluster, const char *path, int most,
                        const char *continue_at, struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char page[KUBE_PATH_MAX];

    (void)snprintf(page, sizeof page, "%s&limit=%d%s%s", path, most,
                   continue_at[0] == '\0' ? "" : "&continue=", continue_at);
    if (ask(cluster, "GET", page, NULL, &answer, err) != CLUSTER_DONE) {
        err->status = STATUS_TRANSIENT;
        return NULL;
    }
    cJSON *list = json_parse("a list", answer.data, answer.len, err);
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(list, "items");
    /* Of what is no list, all would be absent. */
    if (list != NULL &&
        (!(cJSON_IsArray(items) || cJSON_IsNull(items)) ||
         cJSON_GetStringValue(json_find(list, "metadata.resourceVersion")) == NULL)) {
        (void)err_set(err, STATUS_TRANSIENT, "GET %s: the answer is not a list", path);
        cJSON_Delete(list);
        return NULL;
    }
    return list;
}

typedef bool take_item(void *context, const cJSON *item, struct err *err);

static bool list(struct cluster *cluster, const char *path, int most, take_item *take,
                 void *context, char version[OBJECT_UID], struct err *err)
{
    char continue_at[CONTINUE_MAX] = "";

    for (int page = 0; page < PAGES_MAX; page++) {
        cJSON *answer = read_page(cluster, path, most, continue_at, err);
        const cJSON *item;
        bool done = answer != NULL;
        cJSON_ArrayForEach(item, json_find(answer, "items"))
        {
            done = done && take(context, item, err);
        }
        const char *rest = cJSON_GetStringValue(json_find(answer, "metadata.continue"));
        const char *at = cJSON_GetStringValue(json_find(answer, "metadata.resourceVersion"));
        int len = snprintf(continue_at, sizeof continue_at, "%s", rest == NULL ? "" : rest);
        (void)snprintf(version, OBJECT_UID, "%s", at == NULL ? "" : at);
        cJSON_Delete(answer);
        if (!done)
            return false;
        if (len >= (int)sizeof continue_at || !is_plain(continue_at))
            return err_set(err, STATUS_TRANSIENT, "%s: a page's end that cannot be asked for",
                           path);
        if (continue_at[0] == '\0')
            return true;
    }
    return err_set(err, STATUS_TRANSIENT, "%s: more than %d pages", path, PAGES_MAX);
}

struct listing {
    const struct cluster *cluster;
    enum cluster_source source;
    struct seen *fresh;
};

static bool take_object(void *context, const cJSON *item, struct err *err)
{
    const struct listing *listing = context;

    return cluster_put(listing->cluster, listing->source, item, listing->fresh, true, err);
}

bool cluster_list(struct cluster *cluster, enum cluster_source source, struct seen *fresh,
                  char version[OBJECT_UID], struct err *err)
{
    struct listing listing = {.cluster = cluster, .source = source, .fresh = fresh};
    char path[KUBE_PATH_MAX];

    cluster_source_path(cluster, source, path);
    return list(cluster, path, PAGE, take_object, &listing, version, err);
}

struct input_listing {
    void (*found)(void *context, const char *id, int64_t created);
    void *context;
};

static bool take_input(void *context, const cJSON *item, struct err *err)
{
    const struct input_listing *listing = context;
    const char *name = cJSON_GetStringValue(json_find(item, "metadata.name"));
    const char *made = cJSON_GetStringValue(json_find(item, "metadata.creationTimestamp"));
    char job[JOB_ID_TEXT + 1];
    int64_t created = 0;

    (void)err;
    if (name == NULL || strncmp(name, "job-", 4) != 0 || strlen(name) != 4 + JOB_ID_TEXT)
        return true;
    (void)snprintf(job, sizeof job, "%s", name + 4);
    if (object_is_id(job) && made != NULL && civil_parse(made, &created))
        listing->found(listing->context, job, created);
    return true;
}

bool cluster_list_inputs(struct cluster *cluster,
                         void (*found)(void *context, const char *id, int64_t created),
                         void *context, struct err *err)
{
    struct input_listing listing = {.found = found, .context = context};
    char path[KUBE_PATH_MAX], version[OBJECT_UID];

    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%s/configmaps?labelSelector=%s",
                   cluster->builds, OF_JOBS);
    return list(cluster, path, INPUTS_PAGE, take_input, &listing, version, err);
}
