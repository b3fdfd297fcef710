/*
 * The tables log, log_source and log_end. A container's row says how many of its bytes are stored;
 * only who knows that number adds to it, so two dispatchers never store a byte twice.
 */
#ifndef JOB_SERVICE_LOGS_STORE_H
#define JOB_SERVICE_LOGS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/postgres/pg.h"
#include "common/sha256.h"
#include "job_service/logs/logs.h"

/* A row of log_source; number orders those of a job. */
struct store_row {
    unsigned number;
    bool begun, ended; /* a part of the log is its own; no more comes */
    bool over;         /* it has ended, since it printed more than is kept */
    uint64_t stored;
};

/* Adds a container to its job's, unless it is there or the log has ended. */
bool store_add(struct pg *pg, const struct logs_source *source, struct err *err);

/* Calls found(context, source, row) for each container of the job, in order. */
bool store_each(struct pg *pg, const char *job,
                void (*found)(void *context, const struct logs_source *source,
                              const struct store_row *row),
                void *context, struct err *err);

/* One row as it is now. *ret_exists is false: it was erased. */
bool store_look(struct pg *pg, const char *job, unsigned number, struct store_row *ret,
                bool *ret_exists, struct err *err);

/* Puts the container's heading into the log, once, when those before it have ended. */
bool store_begin(struct pg *pg, const char *job, unsigned number, const char *label,
                 struct err *err);

/* How much is stored of a container, and its SHA-256. */
bool store_digest(struct pg *pg, const char *job, unsigned number, uint64_t *ret_stored,
                  char out[SHA256_HEX + 1], struct err *err);

/* Adds bytes after the `stored` ones. *ret_done is false: another did, or it has ended. */
bool store_append(struct pg *pg, const char *job, unsigned number, uint64_t stored,
                  const char *bytes, size_t len, bool *ret_done, struct err *err);

/* Ends a container of which `stored` bytes are kept. expected NULL: not known; reason NULL: none.
 */
bool store_end(struct pg *pg, const char *job, unsigned number, uint64_t stored, bool complete,
               const char *reason, const uint64_t *expected, bool *ret_done, struct err *err);

/* Ends the log if each of its containers has ended. */
bool store_end_log(struct pg *pg, const char *job, const char *missing, struct err *err);

/* *ret_ended: the log has ended, and how. *ret_since_s: seconds since the job's end or
 * cancellation; 0 while it lives. */
bool store_log_state(struct pg *pg, const char *job, bool *ret_ended, bool *ret_complete,
                     double *ret_since_s, struct err *err);

#endif
