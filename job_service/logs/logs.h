/*
 * Keeps what jobs' containers print: follows pods/log through the Kubernetes API and stores it in
 * PostgreSQL (tables jobs.log, log_source and log_end), each byte once, however many dispatchers
 * follow it at the same time, and however often they are restarted.
 *
 * A job's log is the output of its containers, one after the other in the order in which they were
 * asked for, each after a line of its own, "==> LABEL <==". A container's output is complete when
 * it ended by itself, and a second reading, or what job_runner counted, agrees with what is stored.
 *
 * One thread does all of it, with one session. All functions may be called from any thread, and
 * return at once.
 */
#ifndef JOB_SERVICE_LOGS_LOGS_H
#define JOB_SERVICE_LOGS_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/postgres/pg.h"

enum {
    LOGS_CONTAINER_MAX = 8 << 20, /* bytes of a container; the kubelet cuts files at 10 MiB */
    LOGS_STREAMS_MAX = 512,       /* containers that are read at once; others wait */
    LOGS_SOURCES_MAX = 64,        /* containers of a job */
    LOGS_NAME_MAX = 253,          /* of a namespace, a pod, a container, a label */
};

/* So begins the reason of a container that printed more than that, in log_source. */
#define LOGS_LIMIT "log-limit"

struct logs;

struct logs_rules {
    const char *account; /* directory of the service account, as kube_open() takes it */
    const struct pg_settings *database;
    unsigned streams;    /* at most LOGS_STREAMS_MAX; 0: that many */
    unsigned patience_s; /* from a job's end to that of its log at the latest; 0: an hour */
    /*
     * Both are called on the thread of the logs and must return at once, without calls to this
     * header. Both may be called again for the same job, and by each dispatcher that follows it.
     */
    /* A container of the job has printed more than LOGS_CONTAINER_MAX: it fails as log-limit. */
    void (*over_limit)(void *context, const char *job);
    /* The job's row of log_end is committed: as far as its log goes, its pods may be deleted. */
    void (*ended)(void *context, const char *job, bool complete);
    void *context;
};

/* rules is borrowed. NULL on failure. */
struct logs *logs_start(const struct logs_rules *rules, struct err *err);

/*
 * Ends within a second, at any moment: what was read but not stored is read again by the next one.
 * Accepts NULL.
 */
void logs_stop(struct logs *logs);

/* A container whose output is a part of a job's log; all texts are copied. */
struct logs_source {
    const char *job;       /* UUID */
    const char *space;     /* namespace of the pod */
    const char *pod, *uid; /* its name and uid: another pod of that name is not read */
    const char *container;
    const char *label; /* what people see: [a-z0-9./-]+, such as run */
    bool counted;      /* job_runner's: its last line says how many bytes there are */
};

/*
 * Follows a container that has started or is about to. The same one again, in whatever state, does
 * nothing. USAGE for a text that is not of its form, TRANSIENT when too many jobs wait: ask again.
 */
bool logs_follow(struct logs *logs, const struct logs_source *source, struct err *err);

/*
 * No more containers of the job come: its log ends when those have that were asked for, by this or
 * an earlier dispatcher; after an hour from the job's end (or cancellation) at the latest. missing
 * says in a line for people what output could not be asked for, NULL: none. For each job once, and
 * again after a restart; without a container the log is empty and, unless missing, complete.
 */
bool logs_close(struct logs *logs, const char *job, const char *missing, struct err *err);

/* Adds the metrics: jobs_log_bytes_expected_total, jobs_log_bytes_stored_total and others. */
void logs_count(struct logs *logs, struct buf *text);

/*
 * The last `most` bytes (fewer if there are no more) of a container's output as it is stored, such
 * as RUN_RECORD_MAX for run_record_read(). *ret_exists: it has one, and that has ended. On a
 * session of the caller's.
 */
bool logs_tail(struct pg *pg, const char *job, const char *uid, const char *container,
               unsigned most, struct buf *tail, bool *ret_exists, struct err *err);

#endif
