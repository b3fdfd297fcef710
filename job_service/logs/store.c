#include "job_service/logs/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "job_service/logs/reading.h"

enum { HEX_MAX = 2 * READING_PENDING_MAX + 4, NUMBER_TEXT = 24 };

static void put_number(char out[NUMBER_TEXT], uint64_t value)
{
    (void)snprintf(out, NUMBER_TEXT, "%llu", (unsigned long long)value);
}

bool store_add(struct pg *pg, const struct logs_source *source, struct err *err)
{
    char most[NUMBER_TEXT];
    const char *params[] = {source->job,
                            source->space,
                            source->pod,
                            source->uid,
                            source->container,
                            source->label,
                            source->counted ? "t" : "f",
                            most};

    put_number(most, LOGS_SOURCES_MAX);
    return pg_query(
        pg,
        "INSERT INTO jobs.log_source (job, number, space, pod, uid, container, label, counted)"
        " SELECT $1::uuid, coalesce(max(s.number), 0) + 1, $2, $3, $4, $5, $6, $7::boolean"
        "   FROM jobs.log_source s WHERE s.job = $1::uuid"
        " HAVING count(*) < $8::int AND"
        "   NOT EXISTS (SELECT FROM jobs.log_end e WHERE e.job = $1::uuid)"
        " ON CONFLICT DO NOTHING",
        8, params, NULL, err);
}

#define ROW                                                                                        \
    "number, from_byte IS NOT NULL, complete IS NOT NULL, stored,"                                 \
    " coalesce(reason LIKE '" LOGS_LIMIT ": %', false)"

static void read_row(const struct pg_rows *rows, int row, struct store_row *ret)
{
    uint64_t number = 0;

    *ret = (struct store_row){0};
    (void)num_u64(pg_value(rows, row, 0), &number);
    ret->number = (unsigned)number;
    ret->begun = pg_value(rows, row, 1)[0] == 't';
    ret->ended = pg_value(rows, row, 2)[0] == 't';
    (void)num_u64(pg_value(rows, row, 3), &ret->stored);
    ret->over = pg_value(rows, row, 4)[0] == 't';
}

bool store_each(struct pg *pg, const char *job,
                void (*found)(void *context, const struct logs_source *source,
                              const struct store_row *row),
                void *context, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg,
                  "SELECT " ROW ", space, pod, uid, container, label, counted"
                  " FROM jobs.log_source WHERE job = $1::uuid ORDER BY number",
                  1, &job, &rows, err))
        return false;
    for (int i = 0; i < pg_row_count(rows); i++) {
        struct store_row row;
        const struct logs_source source = {.job = job,
                                           .space = pg_value(rows, i, 5),
                                           .pod = pg_value(rows, i, 6),
                                           .uid = pg_value(rows, i, 7),
                                           .container = pg_value(rows, i, 8),
                                           .label = pg_value(rows, i, 9),
                                           .counted = pg_value(rows, i, 10)[0] == 't'};
        read_row(rows, i, &row);
        found(context, &source, &row);
    }
    return true;
}

bool store_look(struct pg *pg, const char *job, unsigned number, struct store_row *ret,
                bool *ret_exists, struct err *err)
{
    char digits[NUMBER_TEXT];
    const char *params[] = {job, digits};
    OWNED_ROWS rows = NULL;

    put_number(digits, number);
    if (!pg_query(pg,
                  "SELECT " ROW " FROM jobs.log_source WHERE job = $1::uuid AND number = $2::int",
                  2, params, &rows, err))
        return false;
    *ret_exists = pg_row_count(rows) == 1;
    if (*ret_exists)
        read_row(rows, 0, ret);
    return true;
}

bool store_begin(struct pg *pg, const char *job, unsigned number, const char *label,
                 struct err *err)
{
    char digits[NUMBER_TEXT];
    const char *params[] = {job, digits, label};

    put_number(digits, number);
    return pg_query(
        pg,
        "WITH last AS (SELECT l.at_byte + length(l.bytes) AS bytes,"
        "     get_byte(l.bytes, length(l.bytes) - 1) = 10 AS ends_line"
        "   FROM jobs.log l WHERE l.job = $1::uuid ORDER BY l.at_byte DESC LIMIT 1),"
        " heading AS (SELECT coalesce((SELECT bytes FROM last), 0) AS at, convert_to("
        "   CASE WHEN (SELECT NOT ends_line FROM last) THEN E'\\n' ELSE '' END ||"
        "   '==> ' || $3::text || E' <==\\n', 'UTF8') AS bytes),"
        " begun AS (UPDATE jobs.log_source s SET from_byte = h.at + length(h.bytes)"
        "   FROM heading h WHERE s.job = $1::uuid AND s.number = $2::int"
        "     AND s.from_byte IS NULL AND s.complete IS NULL"
        "     AND NOT EXISTS (SELECT FROM jobs.log_source b WHERE b.job = $1::uuid"
        "       AND b.number < $2::int AND b.complete IS NULL)"
        "   RETURNING h.at, h.bytes)"
        " INSERT INTO jobs.log (job, at_byte, bytes) SELECT $1::uuid, at, bytes FROM begun",
        3, params, NULL, err);
}

bool store_digest(struct pg *pg, const char *job, unsigned number, uint64_t *ret_stored,
                  char out[SHA256_HEX + 1], struct err *err)
{
    char digits[NUMBER_TEXT];
    const char *params[] = {job, digits};
    OWNED_ROWS rows = NULL;

    put_number(digits, number);
    if (!pg_query(pg,
                  "SELECT encode(sha256(coalesce(string_agg(l.bytes, ''::bytea ORDER BY l.at_byte),"
                  " '')), 'hex'), coalesce(sum(length(l.bytes)), 0)"
                  " FROM jobs.log_source s JOIN jobs.log l ON l.job = s.job"
                  " AND l.at_byte >= s.from_byte AND l.at_byte < s.from_byte + s.stored"
                  " WHERE s.job = $1::uuid AND s.number = $2::int",
                  2, params, &rows, err))
        return false;
    (void)snprintf(out, SHA256_HEX + 1, "%s", pg_value(rows, 0, 0));
    return num_u64(pg_value(rows, 0, 1), ret_stored) ||
           err_set(err, STATUS_BUG, "a log has no length");
}

static void put_hex(struct buf *out, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    buf_add_text(out, "\\x");
    if (!buf_reserve(out, 2 * len))
        return;
    for (size_t i = 0; i < len; i++) {
        out->data[out->len + 2 * i] = digits[(unsigned char)bytes[i] >> 4];
        out->data[out->len + 2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
    }
    buf_grown(out, 2 * len);
}

bool store_append(struct pg *pg, const char *job, unsigned number, uint64_t stored,
                  const char *bytes, size_t len, bool *ret_done, struct err *err)
{
    OWNED_BUF(hex, HEX_MAX);
    OWNED_ROWS rows = NULL;
    char digits[NUMBER_TEXT], known[NUMBER_TEXT];
    const char *params[] = {job, digits, known, NULL};

    put_number(digits, number);
    put_number(known, stored);
    put_hex(&hex, bytes, len);
    params[3] = hex.data;
    if (!buf_ok(&hex, err) ||
        !pg_query(pg,
                  "WITH moved AS (UPDATE jobs.log_source SET stored = stored + length($4::bytea)"
                  "   WHERE job = $1::uuid AND number = $2::int AND stored = $3::bigint"
                  "     AND from_byte IS NOT NULL AND complete IS NULL"
                  "   RETURNING from_byte + $3::bigint AS at)"
                  " INSERT INTO jobs.log (job, at_byte, bytes)"
                  " SELECT $1::uuid, at, $4::bytea FROM moved",
                  4, params, &rows, err))
        return false;
    *ret_done = pg_affected(rows) == 1;
    return true;
}

bool store_end(struct pg *pg, const char *job, unsigned number, uint64_t stored, bool complete,
               const char *reason, const uint64_t *expected, bool *ret_done, struct err *err)
{
    OWNED_ROWS rows = NULL;
    char digits[NUMBER_TEXT], known[NUMBER_TEXT], wanted[NUMBER_TEXT];
    const char *params[] = {job, digits, known, complete ? "t" : "f", reason, NULL};

    put_number(digits, number);
    put_number(known, stored);
    if (expected != NULL) {
        put_number(wanted, *expected);
        params[5] = wanted;
    }
    if (!pg_query(pg,
                  "UPDATE jobs.log_source SET complete = $4::boolean, reason = $5,"
                  " expected = $6::bigint WHERE job = $1::uuid AND number = $2::int"
                  " AND stored = $3::bigint AND complete IS NULL",
                  6, params, &rows, err))
        return false;
    *ret_done = pg_affected(rows) == 1;
    return true;
}

bool store_end_log(struct pg *pg, const char *job, const char *missing, struct err *err)
{
    const char *params[] = {job, missing};

    return pg_query(
        pg,
        "INSERT INTO jobs.log_end (job, bytes, complete, reason)"
        " SELECT $1::uuid, coalesce((SELECT max(l.at_byte + length(l.bytes)) FROM jobs.log l"
        "     WHERE l.job = $1::uuid), 0),"
        "   coalesce(bool_and(s.complete), true) AND $2::text IS NULL,"
        "   coalesce((array_agg(s.label || ': ' || s.reason ORDER BY s.number)"
        "     FILTER (WHERE NOT s.complete))[1], $2::text)"
        " FROM jobs.log_source s WHERE s.job = $1::uuid"
        " HAVING coalesce(bool_and(s.complete IS NOT NULL), true)"
        " ON CONFLICT (job) DO NOTHING",
        2, params, NULL, err);
}

bool store_log_state(struct pg *pg, const char *job, bool *ret_ended, bool *ret_complete,
                     double *ret_since_s, struct err *err)
{
    OWNED_ROWS rows = NULL;

    if (!pg_query(pg,
                  "SELECT e.job IS NOT NULL, e.complete, CASE WHEN j.cancel_asked OR j.state IN"
                  " ('finished', 'failed', 'cancelled')"
                  " THEN extract(epoch FROM clock_timestamp() - j.changed_at) ELSE 0 END"
                  " FROM jobs.job j LEFT JOIN jobs.log_end e ON e.job = j.id WHERE j.id = $1::uuid",
                  1, &job, &rows, err))
        return false;
    if (pg_row_count(rows) == 0)
        return err_set(err, STATUS_REFUSED, "there is no job %s", job);
    *ret_ended = pg_value(rows, 0, 0)[0] == 't';
    *ret_complete = pg_value(rows, 0, 1)[0] == 't';
    *ret_since_s = strtod(pg_value(rows, 0, 2), NULL);
    return true;
}

/* Two digits a byte. */
static void add_unhexed(struct buf *out, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        const char digits[] = {hex[0], hex[1], '\0'};
        char byte = (char)strtoul(digits, NULL, 16);
        buf_add(out, &byte, 1);
    }
}

bool logs_tail(struct pg *pg, const char *job, const char *uid, const char *container,
               unsigned most, struct buf *tail, bool *ret_exists, struct err *err)
{
    char digits[NUMBER_TEXT];
    const char *params[] = {job, uid, container, digits};
    OWNED_ROWS rows = NULL;

    put_number(digits, most);
    if (!pg_query(
            pg,
            "SELECT (SELECT encode(substr(b.bytes, greatest(length(b.bytes) - $4::int, 0) + 1),"
            "     'hex') FROM (SELECT coalesce(string_agg(l.bytes, '' ORDER BY l.at_byte), '')"
            "     AS bytes FROM jobs.log l WHERE l.job = s.job AND l.at_byte >= s.from_byte"
            "       AND l.at_byte < s.from_byte + s.stored"
            "       AND l.at_byte + length(l.bytes) > s.from_byte + s.stored - $4::int) b)"
            " FROM jobs.log_source s WHERE s.job = $1::uuid AND s.uid = $2"
            " AND s.container = $3 AND s.complete IS NOT NULL",
            4, params, &rows, err))
        return false;
    *ret_exists = pg_row_count(rows) == 1;
    if (*ret_exists)
        add_unhexed(tail, pg_value(rows, 0, 0));
    return buf_ok(tail, err);
}
