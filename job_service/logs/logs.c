#include "job_service/logs/logs.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "job_service/logs/follow.h"

enum { WAITING_MAX = 20000, PATIENCE_S = 3600 };

struct logs *logs_start(const struct logs_rules *rules, struct err *err)
{
    struct logs *logs = calloc(1, sizeof *logs);

    if (logs == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    logs->rules = *rules;
    if (rules->streams == 0 || rules->streams > LOGS_STREAMS_MAX)
        logs->rules.streams = LOGS_STREAMS_MAX;
    if (rules->patience_s == 0)
        logs->rules.patience_s = PATIENCE_S;
    logs->last = &logs->first;
    logs->kube = kube_open(rules->account, err);
    if (logs->kube == NULL) {
        free(logs);
        return NULL;
    }
    pthread_mutex_init(&logs->lock, NULL);
    int errnum = pthread_create(&logs->thread, NULL, follow_all, logs);
    if (errnum == 0)
        return logs;
    (void)err_errno(err, errnum, "cannot start the thread of the logs");
    kube_close(logs->kube);
    pthread_mutex_destroy(&logs->lock);
    free(logs);
    return NULL;
}

void logs_stop(struct logs *logs)
{
    if (logs == NULL)
        return;
    atomic_store(&logs->stopping, true);
    kube_wake(logs->kube);
    (void)pthread_join(logs->thread, NULL);
    kube_close(logs->kube);
    while (logs->first != NULL) {
        struct command *command = logs->first;
        logs->first = command->next;
        free(command);
    }
    pthread_mutex_destroy(&logs->lock);
    free(logs);
}

/* What comes from Kubernetes goes into paths: nothing but names may. */
static bool check_text(const char *what, const char *text, const char *allowed, struct err *err)
{
    char shown[64];
    size_t len = strlen(text);

    if (len > 0 && len <= LOGS_NAME_MAX && strspn(text, allowed) == len)
        return true;
    return err_set(err, STATUS_USAGE, "'%s' is not %s", err_quote(shown, sizeof shown, text, len),
                   what);
}

static bool check_job(const char *job, struct err *err)
{
    return check_text("a job's id", job, "0123456789abcdef-", err) &&
           (strlen(job) == FOLLOW_JOB_TEXT ||
            err_set(err, STATUS_USAGE, "'%s' is not a job's id", job));
}

static bool put_command(struct logs *logs, struct command *command, struct err *err)
{
    if (atomic_fetch_add(&logs->waiting, 1) >= WAITING_MAX) {
        atomic_fetch_sub(&logs->waiting, 1);
        free(command);
        return err_set(err, STATUS_TRANSIENT, "too many jobs' logs wait");
    }
    pthread_mutex_lock(&logs->lock);
    *logs->last = command;
    logs->last = &command->next;
    pthread_mutex_unlock(&logs->lock);
    kube_wake(logs->kube);
    return true;
}

bool logs_follow(struct logs *logs, const struct logs_source *source, struct err *err)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    static const char label[] = "abcdefghijklmnopqrstuvwxyz0123456789.-/";
    const char *const texts[] = {source->space, source->pod, source->uid, source->container,
                                 source->label};

    if (!check_job(source->job, err) || !check_text("a namespace", source->space, name, err) ||
        !check_text("a pod's name", source->pod, name, err) ||
        !check_text("a pod's uid", source->uid, name, err) ||
        !check_text("a container's name", source->container, name, err) ||
        !check_text("a label", source->label, label, err))
        return false;
    struct command *command = calloc(1, sizeof *command);
    if (command == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    memcpy(command->job, source->job, FOLLOW_JOB_TEXT);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        memcpy(command->texts[i], texts[i], strlen(texts[i]));
    command->source = (struct logs_source){.job = command->job,
                                           .space = command->texts[0],
                                           .pod = command->texts[1],
                                           .uid = command->texts[2],
                                           .container = command->texts[3],
                                           .label = command->texts[4],
                                           .counted = source->counted};
    return put_command(logs, command, err);
}

bool logs_close(struct logs *logs, const char *job, const char *missing, struct err *err)
{
    if (!check_job(job, err))
        return false;
    struct command *command = calloc(1, sizeof *command);
    if (command == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    memcpy(command->job, job, FOLLOW_JOB_TEXT);
    command->close = true;
    command->has_missing = missing != NULL;
    if (missing != NULL)
        (void)err_quote(command->missing, sizeof command->missing, missing, strlen(missing));
    return put_command(logs, command, err);
}

static void count(struct buf *text, const char *name, const char *help, unsigned long long value)
{
    buf_printf(text, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name, value);
}

void logs_count(struct logs *logs, struct buf *text)
{
    count(text, "jobs_log_bytes_expected_total",
          "Bytes that containers printed whose part of a log has ended.",
          atomic_load(&logs->expected));
    count(text, "jobs_log_bytes_stored_total", "Bytes of those that are in the database.",
          atomic_load(&logs->stored));
    buf_printf(text,
               "# HELP jobs_log_containers_total Containers whose part of a log has ended.\n"
               "# TYPE jobs_log_containers_total counter\n"
               "jobs_log_containers_total{complete=\"true\"} %llu\n"
               "jobs_log_containers_total{complete=\"false\"} %llu\n",
               atomic_load(&logs->complete), atomic_load(&logs->incomplete));
    count(text, "jobs_log_readings_total", "Readings of containers' logs that were begun.",
          atomic_load(&logs->readings));
    buf_printf(text,
               "# HELP jobs_log_streams Requests for logs and pods that are open.\n"
               "# TYPE jobs_log_streams gauge\njobs_log_streams %zu\n",
               atomic_load(&logs->streams));
}
