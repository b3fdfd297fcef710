#include "job_service/dispatch/seen.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 64 };

void seen_release(struct seen *seen)
{
    free(seen->workflows);
    free(seen->pods);
    *seen = (struct seen){0};
}

static bool make_room(void **list, size_t size, size_t wanted, size_t *room, struct err *err)
{
    size_t more = *room == 0 ? FIRST_ROOM : *room;

    if (wanted <= *room)
        return true;
    if (wanted > SEEN_MAX)
        return err_set(err, STATUS_TRANSIENT, "the cluster has more than %d objects of jobs",
                       SEEN_MAX);
    while (more < wanted)
        more *= 2;
    void *longer = realloc(*list, more * size);
    if (longer == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    *list = longer;
    *room = more;
    return true;
}

static bool workflow_room(struct seen *seen, size_t wanted, struct err *err)
{
    void *list = seen->workflows;
    bool done = make_room(&list, sizeof *seen->workflows, wanted, &seen->workflow_room, err);

    seen->workflows = list;
    return done;
}

static bool pod_room(struct seen *seen, size_t wanted, struct err *err)
{
    void *list = seen->pods;
    bool done = make_room(&list, sizeof *seen->pods, wanted, &seen->pod_room, err);

    seen->pods = list;
    return done;
}

static struct workflow *find_workflow(const struct seen *seen, const char *name)
{
    for (size_t i = 0; i < seen->workflow_count; i++)
        if (strcmp(seen->workflows[i].name, name) == 0)
            return &seen->workflows[i];
    return NULL;
}

static struct pod *find_pod(const struct seen *seen, const struct pod *pod)
{
    for (size_t i = 0; i < seen->pod_count; i++)
        if (strcmp(seen->pods[i].name, pod->name) == 0 &&
            strcmp(seen->pods[i].space, pod->space) == 0)
            return &seen->pods[i];
    return NULL;
}

bool seen_put_workflow(struct seen *seen, const struct workflow *workflow, bool fresh,
                       struct err *err)
{
    struct workflow *place = fresh ? NULL : find_workflow(seen, workflow->name);

    if (place == NULL) {
        if (!workflow_room(seen, seen->workflow_count + 1, err))
            return false;
        place = &seen->workflows[seen->workflow_count++];
        seen->sorted = false;
    }
    *place = *workflow;
    return true;
}

bool seen_put_pod(struct seen *seen, const struct pod *pod, bool fresh, struct err *err)
{
    struct pod *place = fresh ? NULL : find_pod(seen, pod);

    if (place == NULL) {
        if (!pod_room(seen, seen->pod_count + 1, err))
            return false;
        place = &seen->pods[seen->pod_count++];
        seen->sorted = false;
    }
    *place = *pod;
    return true;
}

void seen_drop_workflow(struct seen *seen, const struct workflow *workflow)
{
    struct workflow *place = find_workflow(seen, workflow->name);

    if (place == NULL || strcmp(place->uid, workflow->uid) != 0)
        return;
    *place = seen->workflows[--seen->workflow_count];
    seen->sorted = false;
}

void seen_drop_pod(struct seen *seen, const struct pod *pod)
{
    struct pod *place = find_pod(seen, pod);

    if (place == NULL || strcmp(place->uid, pod->uid) != 0)
        return;
    *place = seen->pods[--seen->pod_count];
    seen->sorted = false;
}

bool seen_replace_workflows(struct seen *seen, const struct seen *fresh, struct err *err)
{
    if (!workflow_room(seen, fresh->workflow_count, err))
        return false;
    if (fresh->workflow_count > 0)
        memcpy(seen->workflows, fresh->workflows, fresh->workflow_count * sizeof *seen->workflows);
    seen->workflow_count = fresh->workflow_count;
    seen->sorted = false;
    return true;
}

bool seen_replace_pods(struct seen *seen, const char *space, const struct seen *fresh,
                       struct err *err)
{
    size_t kept = 0;

    if (!pod_room(seen, seen->pod_count + fresh->pod_count, err))
        return false;
    for (size_t i = 0; i < seen->pod_count; i++)
        if (strcmp(seen->pods[i].space, space) != 0)
            seen->pods[kept++] = seen->pods[i];
    if (fresh->pod_count > 0)
        memcpy(seen->pods + kept, fresh->pods, fresh->pod_count * sizeof *seen->pods);
    seen->pod_count = kept + fresh->pod_count;
    seen->sorted = false;
    return true;
}

static int by_workflow(const void *a, const void *b)
{
    const struct workflow *one = a, *other = b;
    int order = strcmp(one->job, other->job);

    return order != 0 ? order : (one->attempt > other->attempt) - (one->attempt < other->attempt);
}

static int by_pod(const void *a, const void *b)
{
    const struct pod *one = a, *other = b;
    int order = strcmp(one->job, other->job);

    return order != 0 ? order : strcmp(one->name, other->name);
}

static void sort(struct seen *seen)
{
    if (seen->sorted)
        return;
    if (seen->workflow_count > 0)
        qsort(seen->workflows, seen->workflow_count, sizeof *seen->workflows, by_workflow);
    if (seen->pod_count > 0)
        qsort(seen->pods, seen->pod_count, sizeof *seen->pods, by_pod);
    seen->sorted = true;
}

_Static_assert(offsetof(struct workflow, job) == 0 && offsetof(struct pod, job) == 0,
               "first_of() finds both by the job that they begin with");

/* Where the first of a job is, or would be, in a table of either kind. */
static size_t first_of(const void *table, size_t count, size_t size, const char *job)
{
    size_t from = 0, to = count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (strcmp((const char *)table + middle * size, job) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct workflow *seen_workflows(struct seen *seen, const char *job, size_t *ret_count)
{
    sort(seen);
    size_t first = first_of(seen->workflows, seen->workflow_count, sizeof *seen->workflows, job);
    size_t end = first;
    while (end < seen->workflow_count && strcmp(seen->workflows[end].job, job) == 0)
        end++;
    *ret_count = end - first;
    return seen->workflows + first;
}

struct pod *seen_pods(struct seen *seen, const char *job, size_t *ret_count)
{
    sort(seen);
    size_t first = first_of(seen->pods, seen->pod_count, sizeof *seen->pods, job);
    size_t end = first;
    while (end < seen->pod_count && strcmp(seen->pods[end].job, job) == 0)
        end++;
    *ret_count = end - first;
    return seen->pods + first;
}
