#include "common/kube.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/kube_account.h"
#include "common/machine.h"

enum {
    CONNECT_S = 10,
    KEEPALIVE_S = 30,      /* of silence before the first probe, and between two */
    REFUSAL_MAX = 1 << 16, /* of an answer that is not 2xx */
    TURN_MS = 1000,        /* between two looks at what has been silent for too long */
    UNAUTHORIZED = 401,
};

struct kube_stream {
    struct kube *kube;
    struct kube_stream *next, **link;
    struct kube_stream_rules rules;
    CURL *curl;
    struct curl_slist *headers;
    char *path;
    struct buf body; /* of an answer that is not 2xx, or the line that is being made */
    uint64_t began_ms, last_ms;
    bool again; /* a 401 was tried once more */
    bool held;
    CURLcode resumed; /* what came of it, when it was resumed the last time */
    struct err why;   /* why we ended it ourselves */
    bool idle;
    char curl_says[CURL_ERROR_SIZE];
};

struct kube {
    struct kube_account account;
    CURLM *multi;
    struct kube_stream *streams;
    atomic_bool stopped;
};

struct kube *kube_open(const char *directory, struct err *err)
{
    struct kube *kube = calloc(1, sizeof *kube);

    if (kube == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    if (!kube_account_open(&kube->account, directory, err)) {
        free(kube);
        return NULL;
    }
    kube->multi = curl_multi_init();
    if (kube->multi != NULL)
        return kube;
    (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    kube_account_close(&kube->account);
    free(kube);
    return NULL;
}

static void release(struct kube_stream *stream)
{
    if (stream->curl != NULL)
        (void)curl_multi_remove_handle(stream->kube->multi, stream->curl);
    curl_easy_cleanup(stream->curl);
    curl_slist_free_all(stream->headers);
    buf_release(&stream->body);
    free(stream->path);
    free(stream);
}

static void unlink_stream(struct kube_stream *stream)
{
    *stream->link = stream->next;
    if (stream->next != NULL)
        stream->next->link = stream->link;
}

void kube_close(struct kube *kube)
{
    if (kube == NULL)
        return;
    while (kube->streams != NULL) {
        struct kube_stream *stream = kube->streams;
        unlink_stream(stream);
        release(stream);
    }
    (void)curl_multi_cleanup(kube->multi);
    kube_account_close(&kube->account);
    free(kube);
}

void kube_wake(struct kube *kube)
{
    (void)curl_multi_wakeup(kube->multi);
}

void kube_stop(struct kube *kube)
{
    atomic_store(&kube->stopped, true);
    kube_wake(kube);
}

/* What comes in. */

static long status_of(struct kube_stream *stream)
{
    long status = 0;
    (void)curl_easy_getinfo(stream->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_2xx(long status)
{
    return status >= 200 && status < 300;
}

/* Hands whole lines on; what is left is kept for the next bytes. */
static bool take_lines(struct kube_stream *stream, const char *bytes, size_t len)
{
    const struct kube_stream_rules *rules = &stream->rules;

    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end == NULL ? len : (size_t)(end - bytes);
        if (part > rules->line_max - stream->body.len)
            return err_set(&stream->why, STATUS_REFUSED, "a line of more than %zu bytes",
                           rules->line_max);
        buf_add(&stream->body, bytes, part);
        if (!buf_ok(&stream->body, &stream->why))
            return false;
        if (end == NULL)
            return true;
        if (rules->take(rules->context, stream->body.data, stream->body.len) == KUBE_END)
            return err_set(&stream->why, STATUS_CANCELLED, "no more was wanted");
        buf_clear(&stream->body);
        bytes += part + 1;
        len -= part + 1;
    }
    return true;
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct kube_stream *stream = context;
    const struct kube_stream_rules *rules = &stream->rules;
    (void)size;

    stream->last_ms = machine_ms();
    if (!is_2xx(status_of(stream))) {
        if (count <= REFUSAL_MAX - stream->body.len)
            buf_add(&stream->body, bytes, count);
        return count;
    }
    if (rules->line_max > 0)
        return take_lines(stream, bytes, count) ? count : 0;
    switch (rules->take(rules->context, bytes, count)) {
    case KUBE_TAKEN:
        return count;
    case KUBE_HOLD:
        stream->held = true;
        return CURL_WRITEFUNC_PAUSE;
    default:
        (void)err_set(&stream->why, STATUS_CANCELLED, "no more was wanted");
        return 0;
    }
}

/* Asking. */

/* The headers, the token among them; the caller frees. NULL without memory. */
static struct curl_slist *headers(const struct buf *token, const char *method)
{
    char line[KUBE_TOKEN_MAX + 64], agent[64];
    struct curl_slist *list = NULL, *longer;
    const char *const lines[] = {line, "Accept: application/json, */*", agent, "Expect:",
                                 strcmp(method, "PATCH") == 0
                                     ? "Content-Type: application/merge-patch+json"
                                     : "Content-Type: application/json"};

    (void)snprintf(line, sizeof line, "Authorization: Bearer %s", token->data);
    (void)snprintf(agent, sizeof agent, "User-Agent: %s", program_invocation_short_name);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        longer = curl_slist_append(list, lines[i]);
        if (longer == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_options(struct kube_stream *stream, const char *url, struct buf *authority)
{
    CURL *curl = stream->curl;
    const struct kube_stream_rules *rules = &stream->rules;
    struct curl_blob blob = {
        .data = authority->data, .len = authority->len, .flags = CURL_BLOB_COPY};

    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, rules->method);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)rules->whole_s);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    (void)curl_easy_setopt(curl, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, stream);
    (void)curl_easy_setopt(curl, CURLOPT_PRIVATE, stream);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, stream->curl_says);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, stream->headers);
    if (rules->body != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, rules->body);
}

/* Asks, with the account's files as they are now. */
static bool ask(struct kube_stream *stream, struct err *err)
{
    OWNED_BUF(token, KUBE_TOKEN_MAX);
    OWNED_BUF(authority, KUBE_CA_MAX);
    char url[KUBE_BASE_MAX + KUBE_PATH_MAX];
    const struct kube_account *account = &stream->kube->account;

    if (!kube_account_read(account, &token, &authority, err))
        return false;
    (void)snprintf(url, sizeof url, "%s%s", account->base, stream->path);
    curl_slist_free_all(stream->headers);
    stream->headers = headers(&token, stream->rules.method);
    stream->curl = curl_easy_init();
    if (stream->headers == NULL || stream->curl == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    set_options(stream, url, &authority);
    stream->began_ms = stream->last_ms = machine_ms();
    stream->curl_says[0] = '\0';
    CURLMcode code = curl_multi_add_handle(stream->kube->multi, stream->curl);
    return code == CURLM_OK || err_set(err, STATUS_TRANSIENT, "%s", curl_multi_strerror(code));
}

struct kube_stream *kube_stream_start(struct kube *kube, const struct kube_stream_rules *rules,
                                      struct err *err)
{
    struct kube_stream *stream;

    if (strlen(rules->path) >= KUBE_PATH_MAX) {
        (void)err_set(err, STATUS_BUG, "too long a path: %s", rules->path);
        return NULL;
    }
    stream = calloc(1, sizeof *stream);
    if (stream == NULL || (stream->path = strdup(rules->path)) == NULL) {
        free(stream);
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    stream->kube = kube;
    stream->rules = *rules;
    stream->rules.path = stream->path;
    if (rules->method == NULL)
        stream->rules.method = "GET";
    buf_init(&stream->body, rules->line_max > REFUSAL_MAX ? rules->line_max : REFUSAL_MAX);
    if (!ask(stream, err)) {
        release(stream);
        return NULL;
    }
    stream->next = kube->streams;
    stream->link = &kube->streams;
    if (stream->next != NULL)
        stream->next->link = &stream->next;
    kube->streams = stream;
    return stream;
}

/* Ending. */

static void describe(struct kube_stream *stream, CURLcode code, struct kube_end *ret)
{
    const struct kube_stream_rules *rules = &stream->rules;
    curl_off_t retry_after = 0;

    ret->status = status_of(stream);
    ret->whole = code == CURLE_OK;
    ret->idle = stream->idle;
    ret->refusal = ret->status == 0 || is_2xx(ret->status) ? NULL : &stream->body;
    (void)curl_easy_getinfo(stream->curl, CURLINFO_RETRY_AFTER, &retry_after);
    ret->retry_after_s = (unsigned)retry_after;
    if (stream->why.status != STATUS_DONE)
        (void)err_set(&ret->err, stream->why.status, "%s %s: %s", rules->method, stream->path,
                      stream->why.text);
    else if (code != CURLE_OK)
        (void)err_set(&ret->err, STATUS_TRANSIENT, "%s %s: %s", rules->method, stream->path,
                      stream->curl_says[0] != '\0' ? stream->curl_says : curl_easy_strerror(code));
    else if (!is_2xx(ret->status))
        (void)kube_refused(rules->method, stream->path, ret->status, &stream->body, &ret->err);
}

static void finish(struct kube_stream *stream, CURLcode code)
{
    struct kube_end end = {0};

    if (code == CURLE_OK && status_of(stream) == UNAUTHORIZED && !stream->again) {
        (void)curl_multi_remove_handle(stream->kube->multi, stream->curl);
        curl_easy_cleanup(stream->curl);
        stream->curl = NULL;
        buf_clear(&stream->body);
        stream->again = true;
        if (ask(stream, &end.err))
            return;
    } else {
        describe(stream, code, &end);
    }
    unlink_stream(stream);
    stream->rules.ended(stream->rules.context, &end);
    release(stream);
}

void kube_resume(struct kube_stream *stream)
{
    if (!stream->held)
        return;
    stream->held = false;
    stream->last_ms = machine_ms();
    /* Hands on what it had kept. If that is refused, only this says so: the next turn ends it. */
    stream->resumed = curl_easy_pause(stream->curl, CURLPAUSE_CONT);
    if (stream->resumed != CURLE_OK)
        kube_wake(stream->kube);
}

static void end_stream(struct kube_stream *stream, enum status status, const char *why)
{
    (void)err_set(&stream->why, status, "%s", why);
    finish(stream, CURLE_ABORTED_BY_CALLBACK);
}

void kube_end_stream(struct kube_stream *stream)
{
    end_stream(stream, STATUS_CANCELLED, "no more was wanted");
}

static bool is_silent(const struct kube_stream *stream, uint64_t now)
{
    return stream->rules.idle_s != 0 && !stream->held &&
           now - stream->last_ms >= 1000 * (uint64_t)stream->rules.idle_s;
}

/* Those that curl does not end. */
static void end_others(struct kube *kube)
{
    uint64_t now = machine_ms();
    struct kube_stream *next;

    for (struct kube_stream *stream = kube->streams; stream != NULL; stream = next) {
        next = stream->next;
        if (stream->resumed != CURLE_OK) {
            finish(stream, stream->resumed);
        } else if (is_silent(stream, now)) {
            stream->idle = true;
            end_stream(stream, STATUS_TRANSIENT, "nothing came for too long");
        } else {
            continue;
        }
        /* `ended` may have ended others. */
        next = kube->streams;
    }
}

bool kube_turn(struct kube *kube, int wait_ms)
{
    int left;
    CURLMsg *message;

    if (!atomic_load(&kube->stopped)) {
        (void)curl_multi_perform(kube->multi, &left);
        (void)curl_multi_poll(kube->multi, NULL, 0, wait_ms < TURN_MS ? wait_ms : TURN_MS, NULL);
        (void)curl_multi_perform(kube->multi, &left);
    }
    while ((message = curl_multi_info_read(kube->multi, &left)) != NULL) {
        char *private = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        finish((struct kube_stream *)(void *)private, code);
    }
    end_others(kube);
    if (!atomic_load(&kube->stopped))
        return true;
    while (kube->streams != NULL)
        end_stream(kube->streams, STATUS_CANCELLED, "stopped");
    return false;
}
