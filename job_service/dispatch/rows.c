#include "job_service/dispatch/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"

#define ACTIVE "state IN ('submitting', 'pending', 'running')"
/* The row still is what was decided for. */
#define AS_DECIDED "id = $1 AND attempt = $2 AND workflow_uid IS NOT DISTINCT FROM $3 AND " ACTIVE

bool rows_take(struct pg *pg, unsigned at_once, char ret_id[JOB_ID_TEXT + 1], bool *ret_done,
               struct err *err)
{
    char most[16];
    const char *params[] = {most};
    OWNED_ROWS rows = NULL;

    (void)snprintf(most, sizeof most, "%u", at_once);
    /* Accepting a job locks another row of its owner, so neither waits for the other. */
    if (!pg_query(pg,
                  "WITH turn AS MATERIALIZED (SELECT t.owner FROM jobs.owner_turn t"
                  "  WHERE (SELECT count(*) FROM jobs.job a WHERE a." ACTIVE ") < $1::int"
                  "   AND EXISTS (SELECT FROM jobs.job w WHERE w.owner = t.owner"
                  "    AND w.state = 'queued' AND coalesce(w.not_before <= now(), true))"
                  "  ORDER BY t.served_at, t.owner LIMIT 1 FOR UPDATE SKIP LOCKED),"
                  " oldest AS MATERIALIZED (SELECT j.id FROM jobs.job j JOIN turn USING (owner)"
                  "  WHERE j.state = 'queued' AND coalesce(j.not_before <= now(), true)"
                  "  ORDER BY j.number LIMIT 1 FOR UPDATE OF j),"
                  " served AS (UPDATE jobs.owner_turn t SET served_at = clock_timestamp() FROM turn"
                  "  WHERE t.owner = turn.owner)"
                  " UPDATE jobs.job j SET state = 'submitting', attempt = attempt + 1,"
                  "  reason = NULL, not_before = NULL FROM oldest WHERE j.id = oldest.id"
                  " RETURNING j.id",
                  1, params, &rows, err))
        return false;
    *ret_done = pg_row_count(rows) > 0;
    if (*ret_done)
        (void)snprintf(ret_id, JOB_ID_TEXT + 1, "%s", pg_value(rows, 0, 0));
    return true;
}

static enum job_state state_of(const char *name)
{
    for (unsigned i = 0; i < JOB_STATES; i++)
        if (strcmp(job_state_name((enum job_state)i), name) == 0)
            return (enum job_state)i;
    return JOB_CANCELLED; /* an unknown one is left alone */
}

static void copy(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

static uint64_t number_at(const struct pg_rows *rows, int row, int column)
{
    uint64_t number = 0;

    (void)num_u64(pg_value(rows, row, column), &number);
    return number;
}

static void take_row(const struct pg_rows *rows, int i, struct row *ret)
{
    *ret = (struct row){
        .state = state_of(pg_value(rows, i, 1)),
        .attempt = (unsigned)number_at(rows, i, 2),
        .cancel_asked = pg_value(rows, i, 7)[0] == 't',
        .log_ended = pg_value(rows, i, 8)[0] == 't',
        .deadline_s = (unsigned)number_at(rows, i, 9),
        .changed = (int64_t)number_at(rows, i, 10),
    };
    copy(ret->id, sizeof ret->id, pg_value(rows, i, 0));
    copy(ret->uid, sizeof ret->uid, pg_value(rows, i, 3));
    copy(ret->kind, sizeof ret->kind, pg_value(rows, i, 4));
    copy(ret->digest, sizeof ret->digest, pg_value(rows, i, 5));
    copy(ret->step, sizeof ret->step, pg_value(rows, i, 6));
}

bool rows_read(struct pg *pg, const char *ids, bool logless, struct rows *ret, struct err *err)
{
    const char *params[] = {ids, logless ? "t" : "f"};
    OWNED_ROWS rows = NULL;

    *ret = (struct rows){0};
    if (!pg_query(pg,
                  "SELECT id, state, attempt, workflow_uid, kind, encode(digest, 'hex'), step,"
                  " cancel_asked, EXISTS (SELECT FROM jobs.log_end e WHERE e.job = j.id),"
                  " deadline_s, floor(extract(epoch FROM changed_at))::bigint"
                  " FROM jobs.job j WHERE " ACTIVE " OR id = ANY ($1::uuid[])"
                  /* What ended without anything in the cluster. */
                  " OR ($2::boolean AND state IN ('finished', 'failed', 'cancelled')"
                  "  AND changed_at > now() - interval '2 hours'"
                  "  AND NOT EXISTS (SELECT FROM jobs.log_end e WHERE e.job = j.id))"
                  " ORDER BY id",
                  2, params, &rows, err))
        return false;
    size_t count = (size_t)pg_row_count(rows);
    ret->list = calloc(count + 1, sizeof *ret->list);
    if (ret->list == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (size_t i = 0; i < count; i++)
        take_row(rows, (int)i, &ret->list[i]);
    ret->count = count;
    return true;
}

void rows_release(struct rows *rows)
{
    free(rows->list);
    *rows = (struct rows){0};
}

static int by_id(const void *id, const void *row)
{
    return strcmp(id, ((const struct row *)row)->id);
}

const struct row *rows_find(const struct rows *rows, const char *id)
{
    return rows->count == 0 ? NULL
                            : bsearch(id, rows->list, rows->count, sizeof *rows->list, by_id);
}

bool rows_asked(struct pg *pg, const char *id, struct buf *parameters, struct buf *file,
                struct err *err)
{
    char most[16];
    const char *params[] = {id, most};
    OWNED_ROWS rows = NULL;

    /* Half, for base64 is longer. */
    (void)snprintf(most, sizeof most, "%d", ROWS_FILE_MAX / 2);
    if (!pg_query(pg,
                  "SELECT CASE WHEN octet_length(parameters::text) <= $2::int"
                  "  THEN parameters::text ELSE '' END,"
                  " translate(encode(substr(file, 1, $2::int), 'base64'), E'\\n', '')"
                  " FROM jobs.job WHERE id = $1::uuid",
                  2, params, &rows, err))
        return false;
    buf_add_text(parameters, pg_value(rows, 0, 0));
    buf_add_text(file, pg_value(rows, 0, 1));
    return buf_ok(parameters, err) && buf_ok(file, err);
}

/* The first three parameters say which row; *ret_done: it was still so. */
static bool change(struct pg *pg, const struct row *row, const char *sql, const char *fourth,
                   const char *fifth, bool *ret_done, struct err *err)
{
    char attempt[16];
    const char *params[] = {row->id, attempt, row->uid[0] == '\0' ? NULL : row->uid, fourth, fifth};
    int count = fifth != NULL ? 5 : fourth != NULL ? 4 : 3;
    OWNED_ROWS rows = NULL;

    (void)snprintf(attempt, sizeof attempt, "%u", row->attempt);
    if (!pg_query(pg, sql, count, params, &rows, err))
        return false;
    *ret_done = pg_affected(rows) > 0;
    return true;
}

bool rows_store_uid(struct pg *pg, const struct row *row, const char *uid, bool *ret_done,
                    struct err *err)
{
    return change(pg, row,
                  "UPDATE jobs.job SET workflow_uid = $4 WHERE " AS_DECIDED
                  " AND workflow_uid IS NULL AND NOT cancel_asked",
                  uid, NULL, ret_done, err);
}

bool rows_follow(struct pg *pg, const struct row *row, enum job_state state, const char *step,
                 bool *ret_done, struct err *err)
{
    return change(pg, row,
                  "UPDATE jobs.job SET state = $4, step = nullif($5, '') WHERE " AS_DECIDED,
                  job_state_name(state), step, ret_done, err);
}

bool rows_finish(struct pg *pg, const struct row *row, const char *number, bool *ret_done,
                 struct err *err)
{
    return change(pg, row,
                  "WITH ended AS (UPDATE jobs.job SET state = 'finished', step = NULL,"
                  "  reason = NULL WHERE " AS_DECIDED " AND NOT cancel_asked"
                  "  RETURNING id, attempt, workflow_uid)"
                  " INSERT INTO jobs.result (job, attempt, workflow_uid, perf)"
                  " SELECT id, attempt, workflow_uid, $4::double precision FROM ended",
                  number, NULL, ret_done, err);
}

bool rows_fail(struct pg *pg, const struct row *row, enum cause cause, const char *reason,
               bool *ret_done, struct err *err)
{
    return change(pg, row,
                  "UPDATE jobs.job SET state = 'failed', step = NULL, cause = $4, reason = $5"
                  " WHERE " AS_DECIDED " AND NOT cancel_asked",
                  cause_name(cause), reason, ret_done, err);
}

bool rows_cancelled(struct pg *pg, const struct row *row, bool *ret_done, struct err *err)
{
    return change(pg, row,
                  "UPDATE jobs.job SET state = 'cancelled', step = NULL, reason = 'cancelled'"
                  " WHERE " AS_DECIDED " AND cancel_asked",
                  NULL, NULL, ret_done, err);
}

bool rows_again(struct pg *pg, const struct row *row, const char *reason, bool *ret_done,
                struct err *err)
{
    return change(pg, row,
                  "UPDATE jobs.job SET state = 'submitting', attempt = attempt + 1, step = NULL,"
                  " workflow_uid = NULL, reason = $4 WHERE " AS_DECIDED
                  " AND workflow_uid IS NOT NULL AND NOT cancel_asked",
                  reason, NULL, ret_done, err);
}

bool rows_requeue(struct pg *pg, const struct row *row, unsigned later_s, const char *reason,
                  bool *ret_done, struct err *err)
{
    char seconds[16];

    (void)snprintf(seconds, sizeof seconds, "%u", later_s);
    return change(pg, row,
                  "UPDATE jobs.job SET state = 'queued', attempt = attempt - 1, reason = $5,"
                  " not_before = now() + make_interval(secs => $4::int) WHERE " AS_DECIDED
                  " AND workflow_uid IS NULL AND NOT cancel_asked",
                  seconds, reason, ret_done, err);
}

bool rows_end_log(struct pg *pg, const char *id, struct err *err)
{
    return pg_query(pg,
                    "INSERT INTO jobs.log_end (job, bytes, complete)"
                    " SELECT id, 0, true FROM jobs.job WHERE id = $1::uuid ON CONFLICT DO NOTHING",
                    1, &id, NULL, err);
}
