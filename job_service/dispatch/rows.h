/*
 * The jobs' tables as dispatch uses them: each function one statement, and so one transaction.
 *
 * Whatever changes a job asks for the attempt and, once there is one, the Workflow's uid that it
 * was decided for: *ret_done is false where the row says otherwise by now, and then nothing
 * changed.
 */
#ifndef JOB_SERVICE_DISPATCH_ROWS_H
#define JOB_SERVICE_DISPATCH_ROWS_H

#include "common/buf.h"
#include "common/postgres/pg.h"
#include "job_service/dispatch/decide.h"

enum { ROWS_FILE_MAX = 2 << 20 };

/* One owner's oldest job, of the owner that was served longest ago; *ret_done false: none waits. */
bool rows_take(struct pg *pg, unsigned at_once, char ret_id[JOB_ID_TEXT + 1], bool *ret_done,
               struct err *err);

struct rows {
    struct row *list; /* sorted by id */
    size_t count;
};

/*
 * All that are handed over and not over, and those of `ids` (an array literal); logless: those,
 * too, that ended lately and whose log has no end. rows_release().
 */
bool rows_read(struct pg *pg, const char *ids, bool logless, struct rows *ret, struct err *err);
void rows_release(struct rows *rows);
const struct row *rows_find(const struct rows *rows, const char *id); /* NULL: there is none */

/* What a job was asked for: a JSON object, and its file as base64 in one line, "" for none. */
bool rows_asked(struct pg *pg, const char *id, struct buf *parameters, struct buf *file,
                struct err *err);

bool rows_store_uid(struct pg *pg, const struct row *row, const char *uid, bool *ret_done,
                    struct err *err);
bool rows_follow(struct pg *pg, const struct row *row, enum job_state state, const char *step,
                 bool *ret_done, struct err *err);
/* Number and state together. */
bool rows_finish(struct pg *pg, const struct row *row, const char *number, bool *ret_done,
                 struct err *err);
bool rows_fail(struct pg *pg, const struct row *row, enum cause cause, const char *reason,
               bool *ret_done, struct err *err);
bool rows_cancelled(struct pg *pg, const struct row *row, bool *ret_done, struct err *err);
bool rows_again(struct pg *pg, const struct row *row, const char *reason, bool *ret_done,
                struct err *err);
/* Back into the queue, not to be taken for a while: its attempt was never made. */
bool rows_requeue(struct pg *pg, const struct row *row, unsigned later_s, const char *reason,
                  bool *ret_done, struct err *err);

/* The log of a job that never had a pod is all there. */
bool rows_end_log(struct pg *pg, const char *id, struct err *err);

#endif
