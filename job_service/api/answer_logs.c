#include "job_service/api/answer_logs.h"

#include <inttypes.h>
#include <stdio.h>

#include "job_service/api/answer.h"
#include "job_service/db/calls.h"
#include "job_service/route/events.h"

enum {
    PIECE_MAX = 256 << 10,   /* bytes of a log in one answer */
    EVENTS_PIECE = 64 << 10, /* of a look for an event stream; as JSON at most six times that */
};

static void say_range(struct exchange *exchange, uint64_t from, const struct log_piece *piece)
{
    char total[24] = "*"; /* it is not known while more may come */

    if (piece->ended)
        (void)snprintf(total, sizeof total, "%" PRIu64, piece->stored);
    exchange->status = 206;
    (void)snprintf(exchange->content_range, sizeof exchange->content_range,
                   "bytes %" PRIu64 "-%" PRIu64 "/%s", from, from + exchange->answer.len - 1,
                   total);
}

static void refuse_range(struct exchange *exchange, const struct log_piece *piece)
{
    exchange_problem(exchange, PROBLEM_RANGE, "the log has %" PRIu64 " bytes%s", piece->stored,
                     piece->ended ? "" : " so far");
    (void)snprintf(exchange->content_range, sizeof exchange->content_range, "bytes */%" PRIu64,
                   piece->stored);
}

static bool answer_piece(struct pg *pg, struct exchange *exchange, struct err *err)
{
    const struct request *asked = &exchange->asked;
    const struct range *range = &asked->range;
    uint64_t from = range->asked ? range->first : asked->offset, most = PIECE_MAX;
    struct found found;
    struct log_piece piece;

    if (range->suffix) { /* of what there is now */
        if (!calls_logs(pg, asked->token, asked->match.id, 0, 0, &found, &piece, &exchange->answer,
                        err))
            return false;
        from = piece.stored > range->last ? piece.stored - range->last : 0;
        most = range->last;
    } else if (range->asked && range->last - range->first < PIECE_MAX) {
        most = range->last - range->first + 1;
    }
    if (most > PIECE_MAX)
        most = PIECE_MAX;
    if (!calls_logs(pg, asked->token, asked->match.id, from, most, &found, &piece,
                    &exchange->answer, err))
        return false;
    if (!answer_is_found(exchange, &found))
        return true;
    exchange->status = 200;
    exchange->type = "application/octet-stream";
    exchange->log_complete_known = piece.ended;
    exchange->log_complete = piece.complete;
    exchange->log_stored = piece.stored;
    if (range->asked && exchange->answer.len > 0)
        say_range(exchange, from, &piece);
    else if (range->asked)
        refuse_range(exchange, &piece);
    return true;
}

static bool answer_events(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err)
{
    OWNED_BUF(bytes, EVENTS_PIECE);
    struct buf *out = &exchange->answer;
    struct found found;
    struct log_piece piece;

    if (!exchange->stream)
        exchange->position = exchange->asked.offset;
    if (!calls_logs(pg, exchange->asked.token, exchange->asked.match.id, exchange->position,
                    EVENTS_PIECE, &found, &piece, &bytes, err))
        return false;
    if (!answer_is_found(exchange, &found))
        return true;
    if (!exchange->stream) {
        if (exchange->asked.events_over) {
            exchange->status = 204; /* which tells a browser not to come again */
            return true;
        }
        exchange->status = 200;
        exchange->type = "text/event-stream";
        exchange->stream = true;
        buf_add_text(out, "retry: 1000\n\n");
    }
    bool last = piece.ended && exchange->position + bytes.len >= piece.stored;
    exchange->position += events_add(out, exchange->position, bytes.data, bytes.len, last);
    exchange->stream_over = last || exchange->draining;
    if (last) {
        events_add_end(out, piece.stored, piece.complete);
    } else if (out->len == 0 && exchange->over) {
        buf_add_text(out, ":\n\n"); /* so that a client that is gone is found out */
    } else if (out->len == 0 && !exchange->draining) {
        exchange->seen = exchange->position > piece.stored ? exchange->position : piece.stored;
        *ret_wait = true;
    }
    exchange->over = false;
    return true;
}

bool answer_logs(struct pg *pg, struct exchange *exchange, bool *ret_wait, struct err *err)
{
    return exchange->asked.events ? answer_events(pg, exchange, ret_wait, err)
                                  : answer_piece(pg, exchange, err);
}
