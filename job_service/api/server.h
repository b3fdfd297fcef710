/*
 * HTTP: requests into exchanges, exchanges into answers; limits and deadlines of connections. The
 * only file that knows the library is server.c.
 *
 * A connection has DEADLINE_HEAD_S for a request's line and headers, and as long between requests;
 * DEADLINE_BODY_S for a body; DEADLINE_ANSWER_S to take an answer. While the answer is worked on,
 * and during a long poll, no deadline runs.
 */
#ifndef JOB_SERVICE_API_SERVER_H
#define JOB_SERVICE_API_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "job_service/api/exchange.h"

enum {
    DEADLINE_HEAD_S = 10,
    DEADLINE_BODY_S = 60,
    DEADLINE_ANSWER_S = 60,
    SERVER_CONNECTIONS = 20000,
    SERVER_HEAD_MAX =
        4096, /* bytes of a request's line and headers, the library's state included */
};

struct server_rules {
    const char *listen;   /* "ADDRESS:PORT"; port 0: any, see server_port() */
    unsigned connections; /* at once, at most */
    void (*take)(void *context, struct exchange *exchange); /* answers it now or later */
    void *context;
    const char *openapi;
    bool metrics_only; /* GET /metrics, /healthz and /readyz, and nothing else */
};

struct server;

struct server *server_start(const struct server_rules *rules, struct err *err);
uint16_t server_port(const struct server *server);

/* The exchange is answered. Any thread, once. */
void server_answer(struct exchange *exchange);

/* No new connections; those that are there are closed after their answer. /readyz says 503. */
void server_drain(struct server *server);
/* Requests that are under way, and connections that have not been closed. */
unsigned server_busy(const struct server *server);
size_t server_connections(struct server *server);
void server_stop(struct server *server);

#endif
