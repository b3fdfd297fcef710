/*
 * The Kubernetes API as a service account in a pod sees it: HTTPS to KUBERNETES_SERVICE_HOST with
 * the account's token. Token and ca.crt are read again for each request because both are renewed.
 *
 * A `struct kube` carries any number of requests at once, whose answers come in bit by bit (logs,
 * watches) or whole. It belongs to one thread, but for kube_wake() and kube_stop().
 */
#ifndef COMMON_KUBE_H
#define COMMON_KUBE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"

enum { KUBE_ANSWER_MAX = 8 << 20, KUBE_PATH_MAX = 1536 };

struct kube;

/* directory holds token and ca.crt; it stays reachable after a chroot(). NULL on failure. */
struct kube *kube_open(const char *directory, struct err *err);
/* Requests that still run end without a word. Accepts NULL. */
void kube_close(struct kube *kube);

/* From any thread: kube_turn() returns at once. */
void kube_wake(struct kube *kube);
/* From any thread, for good: what runs and what will be asked ends as CANCELLED, at once. */
void kube_stop(struct kube *kube);

/* What is known of an answer that has ended. */
struct kube_end {
    long status;               /* of HTTP; 0: no answer came */
    unsigned retry_after_s;    /* 0: not said */
    bool whole;                /* the server ended it as it should: nothing was cut off */
    bool idle;                 /* given up because nothing came for idle_s */
    const struct buf *refusal; /* with `ended` alone: what a status that is not 2xx came with */
    /* Filled unless status is 2xx and the answer whole. One line, with the API's own words. */
    struct err err;
};

enum kube_taken {
    KUBE_TAKEN,
    KUBE_HOLD, /* nothing was taken: the same bytes come again after kube_resume() */
    KUBE_END,  /* no more is wanted: ends as CANCELLED */
};

/* One request that is answered bit by bit. */
struct kube_stream_rules {
    const char *path;   /* begins with /api; copied */
    const char *method; /* NULL: GET */
    const char *body;   /* JSON or NULL (of PATCH a merge patch); borrowed until the end */
    /*
     * 0: bytes as they come, at most 16 KiB at once. Else whole lines without their line ends, each
     * terminated by a NUL; a longer one ends the stream as REFUSED. What follows the last line end
     * of an answer was cut off, and is not handed on. Lines cannot be held.
     */
    size_t line_max;
    unsigned idle_s;  /* how long nothing may come; 0: for ever */
    unsigned whole_s; /* how long all of it may take; 0: for ever */
    /* Gets what a 2xx answer brings; must not call this header's functions but kube_wake(). */
    enum kube_taken (*take)(void *context, const char *bytes, size_t len);
    /* Once, from kube_turn(), kube_try() or kube_end_stream(); may start another stream. */
    void (*ended)(void *context, const struct kube_end *end);
    void *context; /* borrowed */
};

struct kube_stream; /* gone when `ended` has returned */

/*
 * Starts it; what comes is told by kube_turn(). A 401 is tried once more with the token read again.
 * NULL: the account cannot be read, or memory is short; `ended` is then not called.
 */
struct kube_stream *kube_stream_start(struct kube *kube, const struct kube_stream_rules *rules,
                                      struct err *err);
/* Not from `take`, which it may call; if that ends the stream, `ended` comes in the next turn. */
void kube_resume(struct kube_stream *stream);
void kube_end_stream(struct kube_stream *stream); /* calls `ended`; not from `take` */

/*
 * Moves what can be moved, after waiting for it for at most wait_ms. False after kube_stop(), when
 * all streams have ended.
 */
bool kube_turn(struct kube *kube, int wait_ms);

/*
 * One request, one attempt. True when an answer came whole, whatever its status; kube_refused()
 * puts one that is not wanted into words. Streams of the same kube go on meanwhile. Not from
 * callbacks.
 */
bool kube_try(struct kube *kube, const char *method, const char *path, const char *body,
              struct buf *answer, struct kube_end *ret, struct err *err);

/* "GET /api/...: 403, <the API's message>"; TRANSIENT for 408, 429 and 5xx, else REFUSED. False. */
bool kube_refused(const char *method, const char *path, long status, const struct buf *answer,
                  struct err *err);

/*
 * One request; path begins with /api, body is JSON or NULL (of PATCH a merge patch). The answer and
 * its HTTP status come back for 2xx, 404 and 409; everything else is an error: TRANSIENT for what
 * may pass, and that was tried for a while, else REFUSED with the API's message.
 */
bool kube_request(struct kube *kube, const char *method, const char *path, const char *body,
                  struct buf *answer, long *ret_status, struct err *err);

#endif
