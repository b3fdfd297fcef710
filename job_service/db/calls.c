#include "job_service/db/calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"

enum { SUBMIT_MAX = 64 << 20, SUBMIT_ARRAYS = 9 };

/* One more element of an array literal; NULL is null. */
static void add_element(struct buf *array, const char *text)
{
    buf_add_text(array, array->len == 0 ? "{" : ",");
    if (text == NULL) {
        buf_add_text(array, "NULL");
        return;
    }
    buf_add_text(array, "\"");
    for (const char *p = text; *p != '\0';) {
        size_t plain = strcspn(p, "\"\\");
        buf_add(array, p, plain);
        p += plain;
        if (*p != '\0') {
            buf_add_text(array, "\\");
            buf_add(array, p++, 1);
        }
    }
    buf_add_text(array, "\"");
}

/* Bytes as bytea's hexadecimal form, whose backslash is escaped within an array. */
static void add_bytes(struct buf *array, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char hex[512];

    buf_add_text(array, array->len == 0 ? "{" : ",");
    if (bytes == NULL) {
        buf_add_text(array, "NULL");
        return;
    }
    buf_add_text(array, "\"\\\\x");
    for (size_t i = 0; i < len;) {
        size_t used = 0;
        for (; i < len && used < sizeof hex; i++) {
            hex[used++] = digits[(unsigned char)bytes[i] >> 4];
            hex[used++] = digits[(unsigned char)bytes[i] & 15];
        }
        buf_add(array, hex, used);
    }
    buf_add_text(array, "\"");
}

static void add_item(struct buf arrays[SUBMIT_ARRAYS], const struct submission *item)
{
    char deadline[16], digest[DIGEST_TEXT_BYTES + 4];

    (void)snprintf(deadline, sizeof deadline, "%u", item->deadline_s);
    (void)snprintf(digest, sizeof digest, "\\x%s", item->digest);
    add_element(&arrays[0], item->token);
    add_element(&arrays[1], item->kind);
    add_element(&arrays[2], item->name);
    add_element(&arrays[3], item->parameters);
    add_element(&arrays[4], item->filename);
    add_bytes(&arrays[5], item->file, item->file_len);
    add_element(&arrays[6], digest);
    add_element(&arrays[7], item->key);
    add_element(&arrays[8], item->deadline_s == 0 ? NULL : deadline);
}

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text);
}

static bool take_submitted(const struct pg_rows *rows, struct submitted *ret, size_t count,
                           struct err *err)
{
    for (int row = 0; row < pg_row_count(rows); row++) {
        uint64_t item, retry = 0;
        if (!num_u64(pg_value(rows, row, 0), &item) || item == 0 || item > count)
            return err_set(err, STATUS_BUG, "jobs_v1.submit answered for a job that is not asked");
        struct submitted *one = &ret[item - 1];
        copy_text(one->outcome, sizeof one->outcome, pg_value(rows, row, 1));
        copy_text(one->id, sizeof one->id, pg_value(rows, row, 2));
        (void)num_u64(pg_value(rows, row, 3), &one->number);
        (void)num_u64(pg_value(rows, row, 4), &retry);
        one->retry_after_s = (unsigned)retry;
    }
    return true;
}

bool calls_submit(struct pg *pg, const struct submission *items, size_t count,
                  struct submitted *ret, struct err *err)
{
    struct buf arrays[SUBMIT_ARRAYS];
    const char *params[SUBMIT_ARRAYS];
    OWNED_ROWS rows = NULL;
    bool done = true;

    memset(ret, 0, count * sizeof *ret);
    for (size_t i = 0; i < SUBMIT_ARRAYS; i++)
        buf_init(&arrays[i], SUBMIT_MAX);
    for (size_t i = 0; i < count; i++)
        add_item(arrays, &items[i]);
    for (size_t i = 0; i < SUBMIT_ARRAYS; i++) {
        buf_add_text(&arrays[i], "}");
        done = done && buf_ok(&arrays[i], err);
        params[i] = arrays[i].data;
    }
    done = done &&
           pg_query_prepared(
               pg,
               "SELECT item, outcome, id, number, retry_after FROM jobs_v1.submit($1::text[],"
               " $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::bytea[],"
               " $8::text[], $9::int[])",
               SUBMIT_ARRAYS, params, &rows, err) &&
           take_submitted(rows, ret, count, err);
    for (size_t i = 0; i < SUBMIT_ARRAYS; i++)
        buf_release(&arrays[i]);
    return done;
}

static void take_found(const struct pg_rows *rows, struct found *ret)
{
    *ret = (struct found){0};
    if (pg_row_count(rows) == 0)
        return;
    copy_text(ret->problem, sizeof ret->problem, pg_value(rows, 0, 0));
    ret->exists = ret->problem[0] == '\0';
}

bool calls_look(struct pg *pg, const char *token, const char *id, uint64_t number,
                struct found *ret, struct buf *job, struct err *err)
{
    char digits[24];
    const char *params[] = {token, id, id == NULL ? digits : NULL};
    OWNED_ROWS rows = NULL;

    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    if (!pg_query(pg,
                  "SELECT problem, job, looked_s, job ->> 'version' FROM"
                  " jobs_v1.look($1::text, $2::uuid, $3::bigint)",
                  3, params, &rows, err))
        return false;
    take_found(rows, ret);
    if (ret->exists) {
        buf_add_text(job, pg_value(rows, 0, 1));
        ret->looked = pg_value(rows, 0, 2)[0] != '\0';
        ret->looked_s = strtod(pg_value(rows, 0, 2), NULL);
        (void)num_u64(pg_value(rows, 0, 3), &ret->version);
    }
    return true;
}

bool calls_cancel(struct pg *pg, const char *token, const char *id, struct found *ret,
                  struct buf *job, struct err *err)
{
    const char *params[] = {token, id};
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg,
                  "SELECT problem, job, job ->> 'version' FROM jobs_v1.cancel($1::text, $2::uuid)",
                  2, params, &rows, err))
        return false;
    take_found(rows, ret);
    if (ret->exists) {
        buf_add_text(job, pg_value(rows, 0, 1));
        (void)num_u64(pg_value(rows, 0, 2), &ret->version);
    }
    return true;
}

bool calls_cancel_queued(struct pg *pg, const char *token, struct found *ret, struct buf *counts,
                         struct err *err)
{
    return calls_cancel(pg, token, NULL, ret, counts, err);
}

bool calls_list(struct pg *pg, const char *token, const char *state, bool has_below, uint64_t below,
                unsigned most, struct found *ret, size_t *ret_count, uint64_t *ret_last,
                struct buf *jobs, struct err *err)
{
    char below_text[24], most_text[16];
    const char *params[] = {token, state, has_below ? below_text : NULL, most_text};
    OWNED_ROWS rows = NULL;

    (void)snprintf(below_text, sizeof below_text, "%llu", (unsigned long long)below);
    (void)snprintf(most_text, sizeof most_text, "%u", most);
    if (!pg_query(pg,
                  "SELECT problem, job, job ->> 'number' FROM"
                  " jobs_v1.list($1::text, $2::text, $3::bigint, $4::int)",
                  4, params, &rows, err))
        return false;
    take_found(rows, ret);
    *ret_count = ret->problem[0] == '\0' ? (size_t)pg_row_count(rows) : 0;
    for (int row = 0; row < (int)*ret_count; row++) {
        buf_printf(jobs, "%s%s", row == 0 ? "" : ", ", pg_value(rows, row, 1));
        (void)num_u64(pg_value(rows, row, 2), ret_last);
    }
    return true;
}

bool calls_whoami(struct pg *pg, const char *token, struct found *ret, struct buf *owner,
                  struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(
            pg, "SELECT problem, owner, owner -> 'scopes' ? 'submit' FROM jobs_v1.whoami($1::text)",
            1, &token, &rows, err))
        return false;
    take_found(rows, ret);
    ret->may_submit = ret->exists && pg_value(rows, 0, 2)[0] == 't';
    if (ret->exists)
        buf_add_text(owner, pg_value(rows, 0, 1));
    return true;
}

/* Two digits a byte. */
static void add_unhexed(struct buf *out, const char *hex)
{
    size_t len = strlen(hex) / 2;
    if (!buf_reserve(out, len))
        return;
    for (size_t i = 0; i < len; i++) {
        unsigned byte = 0;
        for (size_t k = 0; k < 2; k++) {
            char digit = hex[2 * i + k];
            byte = byte << 4 | (unsigned)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
        }
        out->data[out->len + i] = (char)byte;
    }
    buf_grown(out, len);
}

bool calls_logs(struct pg *pg, const char *token, const char *id, uint64_t offset, uint64_t most,
                struct found *ret, struct log_piece *piece, struct buf *bytes, struct err *err)
{
    char digits[24], most_digits[24];
    const char *params[] = {token, id, digits, most_digits};
    OWNED_ROWS rows = NULL;

    (void)snprintf(digits, sizeof digits, "%llu", (unsigned long long)offset);
    (void)snprintf(most_digits, sizeof most_digits, "%llu", (unsigned long long)most);
    if (!pg_query(pg,
                  "SELECT problem, encode(bytes, 'hex'), stored, ended, complete FROM"
                  " jobs_v1.logs($1::text, $2::uuid, $3::bigint, $4::bigint)",
                  4, params, &rows, err))
        return false;
    take_found(rows, ret);
    *piece = (struct log_piece){0};
    if (ret->exists) {
        add_unhexed(bytes, pg_value(rows, 0, 1));
        (void)num_u64(pg_value(rows, 0, 2), &piece->stored);
        piece->ended = pg_value(rows, 0, 3)[0] == 't';
        piece->complete = pg_value(rows, 0, 4)[0] == 't';
    }
    return true;
}

bool calls_changed(struct pg *pg, const char *ids, const char *versions, const char *offsets,
                   void (*changed)(void *context, const char *id), void *context, struct err *err)
{
    const char *params[] = {ids, versions, offsets};
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg, "SELECT id FROM jobs_v1.changed($1::uuid[], $2::bigint[], $3::bigint[])", 3,
                  params, &rows, err))
        return false;
    for (int row = 0; row < pg_row_count(rows); row++)
        changed(context, pg_value(rows, row, 0));
    return true;
}

bool calls_state(struct pg *pg, struct queue_state *ret, struct err *err)
{
    OWNED_ROWS rows = NULL;

    *ret = (struct queue_state){0};
    if (!pg_query(pg,
                  "SELECT looked_s, jobs_by_state ->> 'queued', jobs_by_state ->> 'submitting',"
                  " jobs_by_state ->> 'pending', jobs_by_state ->> 'running' FROM jobs_v1.state()",
                  0, NULL, &rows, err))
        return false;
    ret->looked = pg_value(rows, 0, 0)[0] != '\0';
    ret->looked_s = strtod(pg_value(rows, 0, 0), NULL);
    (void)num_u64(pg_value(rows, 0, 1), &ret->queued);
    (void)num_u64(pg_value(rows, 0, 2), &ret->submitting);
    (void)num_u64(pg_value(rows, 0, 3), &ret->pending);
    (void)num_u64(pg_value(rows, 0, 4), &ret->running);
    return true;
}
