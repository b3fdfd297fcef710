#include "job_service/route/request.h"

#include <string.h>
#include <strings.h>

#include "common/num.h"
#include "common/utf8.h"
#include "job_service/route/events.h"
#include "job_service/token/token.h"

static enum problem_kind bad(struct err *err, const char *what)
{
    (void)err_set(err, STATUS_INPUT, "%s", what);
    return PROBLEM_BAD_REQUEST;
}

static bool is_text(const char *text, size_t max)
{
    size_t len = strlen(text);

    return len <= max && utf8_is_text(text, len);
}

static int hex_digit(char byte)
{
    char lower = (char)(byte | 0x20);

    return byte >= '0' && byte <= '9'     ? byte - '0'
           : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                          : -1;
}

size_t request_decode(char *text)
{
    char *out = text;

    for (const char *p = text; *p != '\0';) {
        int high = *p == '%' ? hex_digit(p[1]) : -1;
        int low = high < 0 ? -1 : hex_digit(p[2]);
        if (low >= 0 && (high | low) != 0) {
            *out++ = (char)(high << 4 | low);
            p += 3;
        } else {
            *out++ = *p++;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

/* Lists in headers (RFC 9110, 5.6.1). */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t");
}

/* The end of the element at p: a comma outside of quotes, or the end of the text. */
static const char *element_end(const char *p)
{
    for (bool quoted = false; *p != '\0' && (quoted || *p != ','); p++) {
        if (*p == '"')
            quoted = !quoted;
        else if (*p == '\\' && quoted && p[1] != '\0')
            p++;
    }
    return p;
}

/* Digits at *p; those that are too many are the most. */
static bool read_digits(const char **p, uint64_t *ret)
{
    const char *at = *p;
    uint64_t value = 0;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            value = UINT64_MAX / 10 + 1; /* whatever follows is too much again */
    if (at == *p)
        return false;
    *p = at;
    *ret = value;
    return true;
}

/* wait=N of Prefer (RFC 7240), in quotes or not. Of several the first counts. */
static bool read_wait(const char *p, uint64_t *ret)
{
    if (strncasecmp(p, "wait", 4) != 0)
        return false;
    p = skip_blanks(p + 4);
    if (*p != '=')
        return false;
    p = skip_blanks(p + 1);
    bool quoted = *p == '"';
    p += quoted;
    if (!read_digits(&p, ret) || (quoted && *p++ != '"'))
        return false;
    p = skip_blanks(p);
    return *p == '\0' || *p == ',' || *p == ';';
}

static unsigned take_prefer(const char *value)
{
    uint64_t seconds;

    for (const char *p = value; p != NULL && *p != '\0'; p += *p == ',') {
        p = skip_blanks(p);
        if (read_wait(p, &seconds))
            return (unsigned)(seconds < REQUEST_WAIT_MAX_S ? seconds : REQUEST_WAIT_MAX_S);
        p = element_end(p);
    }
    return 0;
}

/* Versions only grow, so of several the latest is what the client has seen. */
static uint64_t take_versions(const char *value)
{
    uint64_t latest = 0, version;

    for (const char *p = value; p != NULL && *p != '\0'; p += *p == ',') {
        p = skip_blanks(p);
        const char *at = p + (strncmp(p, "W/", 2) == 0 ? 2 : 0);
        if (*at++ == '"' && read_digits(&at, &version) && *at == '"' && version > latest)
            latest = version;
        p = element_end(p);
    }
    return latest;
}

/* "TOKEN" or "Bearer TOKEN". */
static enum problem_kind take_token(const char *value, struct request *ret, struct err *err)
{
    if (value == NULL)
        return PROBLEM_NONE;
    if (strncasecmp(value, "Bearer ", 7) == 0)
        value += 7;
    value += strspn(value, " ");
    if (!token_may_be_one(value)) {
        (void)err_set(err, STATUS_INPUT,
                      "the Authorization header holds no token, or a damaged one: send "
                      "Authorization: TOKEN, the token whole");
        return PROBLEM_TOKEN_UNKNOWN;
    }
    ret->token = value;
    return PROBLEM_NONE;
}

static bool take_number(const char *text, uint64_t max, uint64_t *ret)
{
    return num_u64(text, ret) && *ret <= max;
}

static bool is_state(const char *text)
{
    static const char *const states[] = {"queued",   "submitting", "pending",  "running",
                                         "finished", "failed",     "cancelled"};

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(text, states[i]) == 0)
            return true;
    return false;
}

static enum problem_kind take_list(const struct request_head *head, struct request *ret,
                                   struct err *err)
{
    if (head->state != NULL && !is_state(head->state))
        return bad(err, "state must be one of queued, submitting, pending, running, finished, "
                        "failed, cancelled");
    if (head->limit != NULL &&
        (!take_number(head->limit, REQUEST_LIST_MAX, &ret->most) || ret->most == 0))
        return bad(err, "limit must be a number from 1 to 100");
    if (head->cursor != NULL && !take_number(head->cursor, INT64_MAX, &ret->below))
        return bad(err, "cursor must be what a list gave as next");
    ret->state = head->state;
    ret->has_below = head->cursor != NULL;
    return PROBLEM_NONE;
}

/* A method that ends jobs takes no word for all of them. */
static enum problem_kind take_cancel(const struct request_head *head, struct err *err)
{
    if (head->state == NULL || strcmp(head->state, "queued") != 0)
        return bad(err, "to end many jobs, say which: DELETE /v1/jobs?state=queued");
    return PROBLEM_NONE;
}

static enum problem_kind take_texts(const struct request_head *head, struct request *ret,
                                    struct err *err)
{
    const char *key = head->idempotency_key;

    if (key != NULL && (key[0] == '\0' || !is_text(key, REQUEST_KEY_MAX)))
        return bad(err, "Idempotency-Key must be a text of 1 to 255 bytes");
    if (head->name != NULL && !is_text(head->name, REQUEST_NAME_MAX))
        return bad(err, "name must be a text of at most 200 bytes");
    if (head->kind != NULL && !is_text(head->kind, REQUEST_KIND_MAX))
        return bad(err, "kind must be a text of at most 63 bytes");
    ret->key = key;
    ret->content_type = head->content_type;
    ret->name = head->name;
    ret->kind = head->kind;
    return PROBLEM_NONE;
}

static enum problem_kind take_length(const char *text, struct err *err)
{
    uint64_t bytes;

    if (text == NULL || take_number(text, REQUEST_BODY_MAX, &bytes))
        return PROBLEM_NONE;
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return bad(err, "Content-Length must be a number of bytes");
    (void)err_set(err, STATUS_INPUT, "a body may have at most %d bytes", REQUEST_BODY_MAX);
    return PROBLEM_TOO_LARGE;
}

/* Range is for GET; and nothing here has what If-Range could name, so the whole is the answer. */
static enum problem_kind take_logs(const struct request_head *head, struct request *ret,
                                   struct err *err)
{
    const char *from = head->offset;

    ret->events = events_are_accepted(head->accept);
    if (ret->events && head->last_event_id != NULL) {
        from = head->last_event_id;
        ret->events_over = strcmp(from, "end") == 0;
        if (!ret->events_over && !take_number(from, INT64_MAX, &ret->offset))
            return bad(err, "Last-Event-ID must be the id of an event");
        return PROBLEM_NONE;
    }
    if (from != NULL && !take_number(from, INT64_MAX, &ret->offset))
        return bad(err, "offset must be a number of bytes");
    if (!ret->events && from == NULL && head->if_range == NULL && strcmp(head->method, "GET") == 0)
        ret->range = range_read(head->range);
    return PROBLEM_NONE;
}

/* What a proxy or a browser sends along is nothing to these. */
static bool needs_no_token(enum route route)
{
    return route == ROUTE_HELLO || route == ROUTE_HEALTHZ || route == ROUTE_READYZ ||
           route == ROUTE_OPENAPI;
}

enum problem_kind request_read(const struct request_head *head, struct request *ret,
                               struct err *err)
{
    enum problem_kind problem;

    *ret = (struct request){0};
    switch (route_find(head->method, head->path, &ret->match)) {
    case ROUTE_UNKNOWN:
        (void)err_set(err, STATUS_INPUT, "there is no such path; GET /openapi.json lists them");
        return PROBLEM_NOT_FOUND;
    case ROUTE_OTHER_METHOD:
        (void)err_set(err, STATUS_INPUT, "the path takes %s", ret->match.allow);
        return PROBLEM_METHOD;
    case ROUTE_FOUND:
        break;
    }
    if ((problem = take_length(head->content_length, err)) != PROBLEM_NONE ||
        (problem = take_token(needs_no_token(ret->match.route) ? NULL : head->authorization, ret,
                              err)) != PROBLEM_NONE ||
        (problem = take_texts(head, ret, err)) != PROBLEM_NONE)
        return problem;
    ret->version = take_versions(head->if_none_match);
    if (ret->match.route == ROUTE_LOOK)
        ret->wait_s = take_prefer(head->prefer);
    if (ret->match.route == ROUTE_LIST)
        return take_list(head, ret, err);
    if (ret->match.route == ROUTE_CANCEL_QUEUED)
        return take_cancel(head, err);
    if (ret->match.route == ROUTE_LOGS)
        return take_logs(head, ret, err);
    if (head->offset != NULL && !take_number(head->offset, INT64_MAX, &ret->offset))
        return bad(err, "offset must be a number of bytes");
    return PROBLEM_NONE;
}
