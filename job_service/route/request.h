/* What a request's line, query and headers ask for. Pure. */
#ifndef JOB_SERVICE_ROUTE_REQUEST_H
#define JOB_SERVICE_ROUTE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "job_service/route/problem.h"
#include "job_service/route/range.h"
#include "job_service/route/route.h"

enum {
    REQUEST_BODY_MAX = 1 << 20, /* bytes */
    REQUEST_KEY_MAX = 255,      /* bytes, as of the other texts */
    REQUEST_NAME_MAX = 200,
    REQUEST_KIND_MAX = 63,
    REQUEST_WAIT_MAX_S = 60,
    REQUEST_LIST_MAX = 100, /* jobs */
};

/* As they came, percent-decoded; NULL where absent. */
struct request_head {
    const char *method, *path;
    const char *accept, *authorization, *content_length, *content_type, *idempotency_key,
        *if_none_match, *if_range, *last_event_id, *prefer, *range;
    const char *cursor, *kind, *limit, *name, *offset, *state; /* of the query */
};

/* Texts are those of the head, or parts of them; NULL where absent. */
struct request {
    struct route_match match;
    const char *token, *key, *content_type, *name, *kind;
    const char *state;            /* of a list */
    uint64_t below, most, offset; /* of a list (most 0: not said), of logs */
    bool has_below;
    uint64_t version;         /* the latest of If-None-Match, or 0 */
    unsigned wait_s;          /* of Prefer: wait, where the route can wait */
    struct range range;       /* of logs */
    bool events, events_over; /* of logs: as a stream, whose end the client has seen */
};

/* PROBLEM_NONE, or what is wrong, with *err as its detail; match.allow is then set for METHOD. */
enum problem_kind request_read(const struct request_head *head, struct request *ret,
                               struct err *err);

/*
 * Decodes %XX in place and returns the length. %00 and what is not of that form stay as they are:
 * no text is cut short by what somebody put into it.
 */
size_t request_decode(char *text);

#endif
