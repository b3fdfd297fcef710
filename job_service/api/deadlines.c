#include "job_service/api/deadlines.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/machine.h"
#include "common/pause.h"
#include "job_service/api/metrics.h"

enum { DEADLINE_TICK_MS = 250 };

struct deadline {
    struct deadline *next, **back;
    int fd;
    uint64_t expires_ms; /* 0: never */
    bool idle;
};

struct deadlines {
    pthread_mutex_t lock;
    pthread_t thread;
    struct deadline *first;
    size_t count;
    bool draining, ending;
};

/* Whether to go on. */
static bool look_at_all(struct deadlines *deadlines)
{
    uint64_t now = machine_ms();

    pthread_mutex_lock(&deadlines->lock);
    bool on = !deadlines->ending;
    for (struct deadline *one = deadlines->first; one != NULL; one = one->next) {
        bool unused = one->idle && deadlines->draining;
        if (unused || (one->expires_ms != 0 && one->expires_ms <= now)) {
            (void)shutdown(one->fd, SHUT_RDWR);
            if (!unused)
                metrics_refused();
            one->expires_ms = 0;
        }
    }
    pthread_mutex_unlock(&deadlines->lock);
    return on;
}

static void *watch_deadlines(void *argument)
{
    while (look_at_all(argument))
        pause_for(DEADLINE_TICK_MS);
    return NULL;
}

struct deadlines *deadlines_start(struct err *err)
{
    struct deadlines *deadlines = calloc(1, sizeof *deadlines);

    if (deadlines == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    pthread_mutex_init(&deadlines->lock, NULL);
    int errnum = pthread_create(&deadlines->thread, NULL, watch_deadlines, deadlines);
    if (errnum == 0)
        return deadlines;
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines);
    (void)err_errno(err, errnum, "cannot start the thread for deadlines");
    return NULL;
}

void deadlines_stop(struct deadlines *deadlines)
{
    pthread_mutex_lock(&deadlines->lock);
    deadlines->ending = true;
    pthread_mutex_unlock(&deadlines->lock);
    (void)pthread_join(deadlines->thread, NULL);
    pthread_mutex_destroy(&deadlines->lock);
    free(deadlines);
}

void deadlines_drain(struct deadlines *deadlines)
{
    pthread_mutex_lock(&deadlines->lock);
    deadlines->draining = true;
    pthread_mutex_unlock(&deadlines->lock);
}

struct deadline *deadline_add(struct deadlines *deadlines, int fd, unsigned seconds)
{
    struct deadline *one = calloc(1, sizeof *one);

    if (one == NULL)
        return NULL;
    one->fd = fd;
    one->idle = true;
    one->expires_ms = machine_ms() + seconds * UINT64_C(1000);
    pthread_mutex_lock(&deadlines->lock);
    one->next = deadlines->first;
    one->back = &deadlines->first;
    if (one->next != NULL)
        one->next->back = &one->next;
    deadlines->first = one;
    deadlines->count++;
    pthread_mutex_unlock(&deadlines->lock);
    return one;
}

void deadline_remove(struct deadlines *deadlines, struct deadline *one)
{
    if (one == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    *one->back = one->next;
    if (one->next != NULL)
        one->next->back = one->back;
    deadlines->count--;
    pthread_mutex_unlock(&deadlines->lock);
    free(one);
}

void deadline_set(struct deadlines *deadlines, struct deadline *one, unsigned seconds, bool idle)
{
    if (one == NULL)
        return;
    pthread_mutex_lock(&deadlines->lock);
    one->expires_ms = seconds == 0 ? 0 : machine_ms() + seconds * UINT64_C(1000);
    one->idle = idle;
    pthread_mutex_unlock(&deadlines->lock);
}

size_t deadlines_count(struct deadlines *deadlines)
{
    pthread_mutex_lock(&deadlines->lock);
    size_t count = deadlines->count;
    pthread_mutex_unlock(&deadlines->lock);
    return count;
}
