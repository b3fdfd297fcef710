#include "job_service/dispatch/output.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Called on the thread of the logs. */
static void note_over(void *context, const char *job)
{
    struct output *output = context;

    pthread_mutex_lock(&output->lock);
    (void)snprintf(output->over[output->over_count++ % OUTPUT_OVER], JOB_ID_TEXT + 1, "%s", job);
    pthread_mutex_unlock(&output->lock);
    output->news(output->context);
}

static void note_end(void *context, const char *job, bool complete)
{
    struct output *output = context;

    (void)job;
    (void)complete;
    output->news(output->context);
}

bool output_start(struct output *output, struct logs_rules *rules, struct err *err)
{
    pthread_mutex_init(&output->lock, NULL);
    rules->over_limit = note_over;
    rules->ended = note_end;
    rules->context = output;
    output->logs = logs_start(rules, err);
    return output->logs != NULL;
}

void output_stop(struct output *output)
{
    logs_stop(output->logs);
    output->logs = NULL;
}

bool output_is_over(struct output *output, const char *job)
{
    bool over = false;

    pthread_mutex_lock(&output->lock);
    for (size_t i = 0; i < OUTPUT_OVER && i < output->over_count; i++)
        over = over || strcmp(output->over[i], job) == 0;
    pthread_mutex_unlock(&output->lock);
    return over;
}

static uint64_t digest_of(const char *one, const char *other)
{
    uint64_t hash = 1469598103934665603u;

    for (const char *p = one; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    hash *= 1099511628211u;
    for (const char *p = other; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    return hash;
}

/* What is asked for twice does nothing: so one place for each digest is enough. */
static bool is_asked(const struct output *output, uint64_t digest)
{
    return output->asked[digest % OUTPUT_ASKED] == digest;
}

/* "build", or "build/push" where a pod has several. */
static void put_label(char *out, size_t size, const struct pod *pod, const char *container)
{
    const char *step = pod->step[0] == '\0' ? "step" : pod->step;

    if (pod->container_count > 1)
        (void)snprintf(out, size, "%s/%s", step, container);
    else
        (void)snprintf(out, size, "%s", step);
    for (char *p = out; *p != '\0'; p++)
        *p = (char)(isupper((unsigned char)*p)                                ? tolower(*p)
                    : isalnum((unsigned char)*p) || strchr("./-", *p) != NULL ? *p
                                                                              : '-');
}

static bool is_run(const struct pod *pod, size_t container)
{
    return !pod->of_argo && strcmp(pod->step, "run") == 0 && !pod->containers[container].init;
}

static bool follow_pod(struct output *output, const char *job, const struct pod *pod,
                       struct err *err)
{
    char label[2 * OBJECT_UID + 2];

    for (size_t i = 0; i < pod->container_count; i++) {
        const char *container = pod->containers[i].name;
        uint64_t digest = digest_of(pod->uid, container);
        if (!pod->containers[i].started || is_asked(output, digest))
            continue;
        put_label(label, sizeof label, pod, container);
        const struct logs_source source = {.job = job,
                                           .space = pod->space,
                                           .pod = pod->name,
                                           .uid = pod->uid,
                                           .container = container,
                                           .label = label,
                                           .counted = is_run(pod, i)};
        if (!logs_follow(output->logs, &source, err))
            return false;
        output->asked[digest % OUTPUT_ASKED] = digest;
    }
    return true;
}

bool output_follow(struct output *output, const struct view *view, struct err *err)
{
    if (view->row->log_ended)
        return true;
    for (size_t i = 0; i < view->pod_count; i++)
        if (view->pods[i].of_argo != view->by_record &&
            !follow_pod(output, view->row->id, &view->pods[i], err))
            return false;
    return true;
}

bool output_close(struct output *output, const struct view *view, struct err *err)
{
    uint64_t digest = digest_of(view->row->id, "");

    if (is_asked(output, digest))
        return true;
    if (!logs_close(output->logs, view->row->id, NULL, err))
        return false;
    output->asked[digest % OUTPUT_ASKED] = digest;
    return true;
}

/* The pod of the run, and its container; NULL: it is not seen. */
static const struct pod *find_run(const struct view *view, size_t *ret_container)
{
    for (size_t i = 0; i < view->pod_count; i++)
        for (size_t k = 0; k < view->pods[i].container_count; k++)
            if (is_run(&view->pods[i], k)) {
                *ret_container = k;
                return &view->pods[i];
            }
    return NULL;
}

bool output_told(struct pg *pg, const struct view *view, const struct decide_rules *rules,
                 enum told *ret, struct run_record *ret_record, struct err *err)
{
    OWNED_BUF(tail, RUN_RECORD_MAX);
    size_t container, start;
    bool ended;
    const struct pod *pod = find_run(view, &container);

    *ret = TOLD_NOT_YET;
    if (pod == NULL) {
        if (view->now - view->workflow->ended >= (int64_t)rules->settle_s)
            *ret = TOLD_NOTHING;
        return true;
    }
    if (!logs_tail(pg, view->row->id, pod->uid, pod->containers[container].name, RUN_RECORD_MAX,
                   &tail, &ended, err))
        return false;
    if (ended)
        *ret =
            run_record_read(tail.data, tail.len, ret_record, &start) ? TOLD_RECORD : TOLD_NOTHING;
    return true;
}
