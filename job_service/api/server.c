#include "job_service/api/server.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/machine.h"
#include "job_service/api/deadlines.h"
#include "job_service/api/known.h"
#include "job_service/api/listen.h"
#include "job_service/api/metrics.h"

enum {
    THREADS = 2,
    BODIES_MAX = 256 << 20, /* bytes of bodies in memory, over all requests */
    STREAM_BLOCK = 1024,    /* bytes of an event stream at a time, where it is not chunked */
    DISCARD_MAX = 8 << 20,  /* bytes of one body that are read for the sake of an answer */
};

struct server {
    const struct server_rules *rules;
    struct MHD_Daemon *daemon;
    MHD_socket listening; /* since server_drain() */
    uint16_t port;
    struct deadlines *deadlines;
    atomic_bool draining;
    atomic_uint busy;
    atomic_size_t bodies;
};

static void on_connection(void *context, struct MHD_Connection *connection, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        /* A peer that is gone without a word is found out. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &(unsigned){DEADLINE_ANSWER_S * 1000},
                         sizeof(unsigned));
        *slot = deadline_add(server->deadlines, fd, DEADLINE_HEAD_S);
    } else {
        deadline_remove(server->deadlines, *slot);
        *slot = NULL;
    }
}

/* seconds 0: no deadline runs. */
static void set_deadline(struct server *server, struct MHD_Connection *connection, unsigned seconds,
                         bool idle)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    if (info != NULL)
        deadline_set(server->deadlines, info->socket_context, seconds, idle);
}

/* Answers. */

static void release_body(struct server *server, struct exchange *exchange)
{
    atomic_fetch_sub(&server->bodies, exchange->body.len);
    buf_release(&exchange->body);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        (void)MHD_add_response_header(response, name, value);
}

static void add_log_headers(struct MHD_Response *response, const struct exchange *exchange)
{
    char text[24];

    add_header(response, "Accept-Ranges", "bytes");
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)exchange->log_stored);
    add_header(response, "Job-Log-Bytes", text);
    add_header(response, "Job-Log-Complete",
               !exchange->log_complete_known ? "not yet"
               : exchange->log_complete      ? "true"
                                             : "false");
}

/* The next bytes of an event stream; without some the connection sleeps until there are. */
static ssize_t read_stream(void *context, uint64_t at, char *bytes, size_t max)
{
    struct exchange *exchange = context;
    struct server *server = exchange->server;
    size_t left = exchange->answer.len - exchange->sent;

    (void)at;
    if (left > 0) {
        size_t len = left < max ? left : max;
        memcpy(bytes, exchange->answer.data + exchange->sent, len);
        exchange->sent += len;
        return (ssize_t)len;
    }
    if (exchange->stream_over)
        return MHD_CONTENT_READER_END_OF_STREAM;
    buf_release(&exchange->answer);
    exchange->sent = 0;
    set_deadline(server, exchange->connection, 0, false);
    MHD_suspend_connection(exchange->connection);
    server->rules->take(server->rules->context, exchange);
    return 0;
}

static struct MHD_Response *make_response(struct exchange *exchange)
{
    if (exchange->stream)
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream,
                                                 exchange, NULL);
    return MHD_create_response_from_buffer(exchange->answer.len, exchange->answer.data,
                                           MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result queue_answer(struct server *server, struct MHD_Connection *connection,
                                    struct exchange *exchange)
{
    char seconds[16];
    struct err err = {0};

    if (!buf_ok(&exchange->answer, &err))
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "%s", err.text);
    struct MHD_Response *response = make_response(exchange);
    if (response == NULL)
        return MHD_NO;
    (void)snprintf(seconds, sizeof seconds, "%u", exchange->retry_after_s);
    add_header(response, "Content-Type", exchange->status != 304 ? exchange->type : NULL);
    add_header(response, "Location", exchange->location);
    add_header(response, "ETag", exchange->etag);
    add_header(response, "Content-Range", exchange->content_range);
    add_header(response, "Allow", exchange->allow);
    add_header(response, "Retry-After", exchange->retry_after_s > 0 ? seconds : NULL);
    add_header(response, "WWW-Authenticate", exchange->status == 401 ? "Bearer" : NULL);
    (void)snprintf(seconds, sizeof seconds, "wait=%u", exchange->asked.wait_s);
    add_header(response, "Preference-Applied", exchange->wait_applied ? seconds : NULL);
    add_header(response, "Cache-Control", "no-store");
    add_header(response, "X-Content-Type-Options", "nosniff");
    if (exchange->asked.match.route == ROUTE_LOGS && !exchange->stream &&
        (exchange->status == 200 || exchange->status == 206))
        add_log_headers(response, exchange);
    if (atomic_load(&server->draining) || exchange->status == 413 || exchange->close)
        add_header(response, "Connection", "close");
    release_body(server, exchange);
    enum MHD_Result result = MHD_queue_response(connection, exchange->status, response);
    MHD_destroy_response(response);
    set_deadline(server, connection, DEADLINE_ANSWER_S, false);
    metrics_request(exchange->asked.match.route, exchange->status,
                    machine_seconds() - exchange->began);
    return result;
}

void server_answer(struct exchange *exchange)
{
    exchange->answered = true;
    if (exchange->stream) /* each piece is to be taken in time */
        set_deadline(exchange->server, exchange->connection, DEADLINE_ANSWER_S, false);
    MHD_resume_connection(exchange->connection);
}

/* Requests. */

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static size_t decode(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return request_decode(text);
}

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

/* What is asked for, from line and headers. false: answered already. */
static bool take_head(struct server *server, struct exchange *exchange,
                      struct MHD_Connection *connection, const char *method, const char *url)
{
    const struct request_head head = {
        .method = method,
        .path = url,
        .accept = header(connection, "Accept"),
        .authorization = header(connection, "Authorization"),
        .content_length = header(connection, "Content-Length"),
        .content_type = header(connection, "Content-Type"),
        .idempotency_key = header(connection, "Idempotency-Key"),
        .if_none_match = header(connection, "If-None-Match"),
        .if_range = header(connection, "If-Range"),
        .last_event_id = header(connection, "Last-Event-ID"),
        .prefer = header(connection, "Prefer"),
        .range = header(connection, "Range"),
        .cursor = argument(connection, "cursor"),
        .kind = argument(connection, "kind"),
        .limit = argument(connection, "limit"),
        .name = argument(connection, "name"),
        .offset = argument(connection, "offset"),
        .state = argument(connection, "state"),
    };
    const char *encoding = header(connection, "Transfer-Encoding");
    struct err err = {0};

    /* What somebody in front may take for another request. */
    if (encoding != NULL && (head.content_length != NULL || strcasecmp(encoding, "chunked") != 0)) {
        exchange->close = true;
        exchange->asked.match.route = ROUTE_NONE;
        exchange_problem(exchange, PROBLEM_BAD_REQUEST,
                         "send Content-Length, or Transfer-Encoding: chunked, and not both");
        return false;
    }
    if (server->rules->metrics_only) {
        exchange->asked.match.route = strcmp(url, "/healthz") == 0  ? ROUTE_HEALTHZ
                                      : strcmp(url, "/readyz") == 0 ? ROUTE_READYZ
                                                                    : ROUTE_METRICS;
        if (strcmp(method, "GET") == 0 &&
            (exchange->asked.match.route != ROUTE_METRICS || strcmp(url, "/metrics") == 0))
            return true;
        exchange_problem(exchange, PROBLEM_NOT_FOUND,
                         "this port has GET /metrics, /healthz and /readyz");
        return false;
    }
    enum problem_kind problem = request_read(&head, &exchange->asked, &err);

    if (problem == PROBLEM_NONE)
        return true;
    if (problem == PROBLEM_NOT_FOUND)
        exchange->asked.match.route = ROUTE_NONE;
    exchange_problem(exchange, problem, "%s", err.text);
    if (problem == PROBLEM_METHOD)
        exchange->allow = exchange->asked.match.allow;
    return false;
}

static void say(struct exchange *exchange, unsigned status, const char *type, const char *text)
{
    exchange->status = status;
    exchange->type = type;
    buf_add_text(&exchange->answer, text);
}

/* Routes that ask nobody. */
static bool answer_at_once(struct server *server, struct exchange *exchange)
{
    switch (exchange->asked.match.route) {
    case ROUTE_HELLO:
        say(exchange, 200, "application/json", "{\"message\": \"hello\"}\n");
        return true;
    case ROUTE_HEALTHZ:
        say(exchange, 200, "application/json", "{\"healthy\": true}\n");
        return true;
    case ROUTE_OPENAPI:
        say(exchange, 200, "application/json", server->rules->openapi);
        return true;
    case ROUTE_READYZ:
        if (!atomic_load(&server->draining))
            return false;
        exchange_problem(exchange, PROBLEM_UNAVAILABLE, "the service is ending");
        return true;
    default:
        return false;
    }
}

static struct exchange *begin(struct server *server, struct MHD_Connection *connection,
                              const char *method, const char *url)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    if (exchange == NULL)
        return NULL;
    buf_init(&exchange->body, REQUEST_BODY_MAX);
    buf_init(&exchange->answer, EXCHANGE_ANSWER_MAX);
    exchange->server = server;
    exchange->connection = connection;
    exchange->began = machine_seconds();
    atomic_fetch_add(&server->busy, 1);
    set_deadline(server, connection, DEADLINE_BODY_S, false);
    exchange->answered = !take_head(server, exchange, connection, method, url);
    return exchange;
}

/* A job's body is read for those who may submit one: whether that is to be found out. */
static bool must_be_judged(const struct exchange *exchange, struct MHD_Connection *connection)
{
    const char *length = header(connection, "Content-Length");
    bool body = header(connection, "Transfer-Encoding") != NULL ||
                (length != NULL && length[strspn(length, "0")] != '\0');

    return body && route_submits(exchange->asked.match.route) && !known_is(exchange->asked.token);
}

static void hand_over(struct server *server, struct MHD_Connection *connection,
                      struct exchange *exchange)
{
    set_deadline(server, connection, 0, false);
    MHD_suspend_connection(connection);
    server->rules->take(server->rules->context, exchange);
}

/* Keeps what is wanted; the rest is read, up to a bound, so that the answer is heard. */
static bool take_body(struct server *server, struct exchange *exchange, const char *bytes,
                      size_t len)
{
    if (!exchange->answered && route_submits(exchange->asked.match.route) &&
        exchange->body_problem == PROBLEM_NONE) {
        if (len > REQUEST_BODY_MAX - exchange->body.len)
            exchange->body_problem = PROBLEM_TOO_LARGE;
        else if (atomic_fetch_add(&server->bodies, len) + len > BODIES_MAX) {
            atomic_fetch_sub(&server->bodies, len);
            exchange->body_problem = PROBLEM_UNAVAILABLE;
        } else {
            buf_add(&exchange->body, bytes, len);
            if (exchange->body.refused == 0)
                return true;
            atomic_fetch_sub(&server->bodies, len);
            exchange->body_problem = PROBLEM_UNAVAILABLE;
        }
        release_body(server, exchange);
    }
    exchange->discarded += len;
    return exchange->discarded <= DISCARD_MAX;
}

static void refuse_body(struct exchange *exchange)
{
    exchange->close = true;
    if (exchange->body_problem == PROBLEM_TOO_LARGE) {
        exchange_problem(exchange, PROBLEM_TOO_LARGE, "a body may have at most %d bytes",
                         REQUEST_BODY_MAX);
        return;
    }
    exchange_problem(exchange, PROBLEM_UNAVAILABLE, "too many bodies at once; try again");
    exchange->retry_after_s = 2;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *len, void **slot)
{
    struct server *server = context;
    struct exchange *exchange = *slot;

    (void)version;
    if (exchange == NULL) {
        *slot = exchange = begin(server, connection, method, url);
        if (exchange == NULL)
            return MHD_NO;
        /* Before the body: one that is too long is not read at all. */
        if (exchange->answered)
            return queue_answer(server, connection, exchange);
        exchange->judging = must_be_judged(exchange, connection);
        if (exchange->judging)
            hand_over(server, connection, exchange);
        return MHD_YES;
    }
    if (exchange->judging) {
        exchange->judging = false;
        exchange->answered = exchange->status != 0;
        set_deadline(server, connection, DEADLINE_BODY_S, false);
        /* Others have begun to send: closed on, they would not hear the answer. */
        if (exchange->answered && header(connection, "Expect") != NULL)
            return queue_answer(server, connection, exchange);
        return MHD_YES;
    }
    if (*len > 0) {
        bool taken = take_body(server, exchange, bytes, *len);
        *len = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    if (!exchange->answered && exchange->body_problem != PROBLEM_NONE) {
        refuse_body(exchange);
        exchange->answered = true;
    }
    if (!exchange->answered && answer_at_once(server, exchange))
        exchange->answered = true;
    if (exchange->answered)
        return queue_answer(server, connection, exchange);
    hand_over(server, connection, exchange);
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **slot,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = context;
    struct exchange *exchange = *slot;

    (void)code;
    if (exchange == NULL)
        return;
    set_deadline(server, connection, DEADLINE_HEAD_S, true);
    release_body(server, exchange);
    exchange_free(exchange);
    *slot = NULL;
    atomic_fetch_sub(&server->busy, 1);
}

/* Life of the server. */

struct server *server_start(const struct server_rules *rules, struct err *err)
{
    struct server *server = calloc(1, sizeof *server);
    int fd;

    if (server == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    server->rules = rules;
    server->listening = MHD_INVALID_SOCKET;
    if (!listen_open(rules->listen, &fd, &server->port, err)) {
        free(server);
        return NULL;
    }
    server->deadlines = deadlines_start(err);
    if (server->deadlines == NULL) {
        (void)close(fd);
        free(server);
        return NULL;
    }
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC, 0, NULL, NULL,
        on_request, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
        (unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT, rules->connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)SERVER_HEAD_MAX,
        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_UNESCAPE_CALLBACK, decode, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (server->daemon == NULL) {
        (void)close(fd);
        deadlines_stop(server->deadlines);
        free(server);
        (void)err_set(err, STATUS_TRANSIENT, "cannot start the server on %s", rules->listen);
        return NULL;
    }
    return server;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

void server_drain(struct server *server)
{
    atomic_store(&server->draining, true);
    deadlines_drain(server->deadlines);
    server->listening = MHD_quiesce_daemon(server->daemon);
}

unsigned server_busy(const struct server *server)
{
    return atomic_load(&server->busy);
}

size_t server_connections(struct server *server)
{
    return deadlines_count(server->deadlines);
}

void server_stop(struct server *server)
{
    MHD_stop_daemon(server->daemon);
    if (server->listening != MHD_INVALID_SOCKET)
        (void)close(server->listening); /* which the daemon gave back */
    deadlines_stop(server->deadlines);
    free(server);
}
