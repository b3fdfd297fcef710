/* The functions of schema jobs_v1 as C calls, each one statement on one session. */
#ifndef JOB_SERVICE_DB_CALLS_H
#define JOB_SERVICE_DB_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/postgres/pg.h"
#include "job_service/route/route.h"

enum { DIGEST_TEXT_BYTES = 64, OUTCOME_TEXT = 16 };

struct submission {
    const char *token;                    /* NULL: nobody's */
    const char *kind, *name, *parameters; /* name may be NULL; parameters is JSON */
    const char *filename, *file;          /* both may be NULL */
    size_t file_len;
    const char *digest;  /* of what was asked for, as hexadecimal */
    const char *key;     /* Idempotency-Key, or NULL */
    unsigned deadline_s; /* 0: the kind's own */
};

struct submitted {
    char outcome[OUTCOME_TEXT]; /* accepted, repeated, key-used, rate, day, active, token-... */
    char id[JOB_ID_TEXT + 1];
    uint64_t number;
    unsigned retry_after_s;
};

/* All in one transaction: on failure none is accepted, unless the answer to COMMIT was lost. */
bool calls_submit(struct pg *pg, const struct submission *items, size_t count,
                  struct submitted *ret, struct err *err);

/* What went wrong with a token: "token-missing", "token-unknown", "token-scope"; "" for nothing. */
struct found {
    char problem[OUTCOME_TEXT];
    bool exists;      /* there is such a job of that owner */
    bool looked;      /* a dispatcher has looked for work, ever */
    double looked_s;  /* seconds since */
    uint64_t version; /* of the job */
    bool may_submit;  /* whoami: among the token's scopes */
};

/* Adds the job as JSON, one object. id NULL: by number. */
bool calls_look(struct pg *pg, const char *token, const char *id, uint64_t number,
                struct found *ret, struct buf *job, struct err *err);
bool calls_cancel(struct pg *pg, const char *token, const char *id, struct found *ret,
                  struct buf *job, struct err *err);

/* Ends all jobs of the owner that are queued; adds {"cancelled": N, "left": N} as JSON. */
bool calls_cancel_queued(struct pg *pg, const char *token, struct found *ret, struct buf *counts,
                         struct err *err);

/* Adds the jobs as JSON objects with ", " between; *ret_last is the last one's number. */
bool calls_list(struct pg *pg, const char *token, const char *state, bool has_below, uint64_t below,
                unsigned most, struct found *ret, size_t *ret_count, uint64_t *ret_last,
                struct buf *jobs, struct err *err);

bool calls_whoami(struct pg *pg, const char *token, struct found *ret, struct buf *owner,
                  struct err *err);

struct log_piece {
    uint64_t stored; /* bytes, in all */
    bool ended, complete;
};

/* Adds at most `most` bytes of the log. */
bool calls_logs(struct pg *pg, const char *token, const char *id, uint64_t offset, uint64_t most,
                struct found *ret, struct log_piece *piece, struct buf *bytes, struct err *err);

/*
 * Arrays of ids, of versions and of offsets, as PostgreSQL writes them. Calls changed(context, id)
 * for each job that has another version, or, where an offset is not NULL, a log that has more bytes
 * than that, or has ended.
 */
bool calls_changed(struct pg *pg, const char *ids, const char *versions, const char *offsets,
                   void (*changed)(void *context, const char *id), void *context, struct err *err);

struct queue_state {
    bool looked;
    double looked_s;
    uint64_t queued, submitting, pending, running;
};
bool calls_state(struct pg *pg, struct queue_state *ret, struct err *err);

#endif
