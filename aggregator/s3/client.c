#include "aggregator/s3/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/s3/credentials.h"
#include "aggregator/s3/role.h"
#include "aggregator/s3/transfer.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/stop.h"

enum {
    ERROR_MAX = 64 * 1024, /* of an error's answer, the rest is passed over */
    URL_MAX = 16 * 1024,
    SHOWN = 1200,
    PAGE = 1000,
    EMPTY_MAX = 100, /* pages without an entry, one after the other */
    PAUSE_FIRST_MS = 100,
    PAUSE_MAX_MS = 5000,
    OK = 200,
    PARTIAL = 206,
};

struct s3 {
    const struct s3_settings *settings;
    struct s3_place place;
    enum s3_identity identity;
    struct s3_credentials credentials;
    struct wire *wire;
    struct s3_cost cost;
    char etag[S3_ETAG_MAX + 1];
};

struct s3 *s3_open(const struct s3_settings *settings, struct err *err)
{
    struct s3 *s3 = calloc(1, sizeof *s3);

    if (s3 == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    s3->settings = settings;
    return s3;
}

static bool make_ready(struct s3 *s3, struct err *err)
{
    const struct s3_settings *settings = s3->settings;

    if (s3->wire != NULL)
        return true;
    s3->identity = S3_NOBODY;
    if (s3_place_set(&s3->place, settings->endpoint, settings->region,
                     (enum s3_style)settings->style, settings->plain_http, err) &&
        (settings->anonymous || s3_credentials_find(&s3->credentials, &s3->identity, err)))
        s3->wire = wire_open(settings->ca_file, err);
    return s3->wire != NULL;
}

void s3_close(struct s3 *s3)
{
    if (s3 == NULL)
        return;
    wire_close(s3->wire);
    explicit_bzero(&s3->credentials, sizeof s3->credentials);
    free(s3);
}

struct s3_cost s3_cost(const struct s3 *s3)
{
    return s3->cost;
}

const char *s3_last_etag(const struct s3 *s3)
{
    return s3->etag;
}

/* What failed answers mean. */

static enum status status_of(long http, const struct s3_error *error)
{
    if (http >= 500 || http == 429 || http == 408 || http == 409 || http == 307 ||
        strcmp(error->code, "RequestTimeout") == 0 || strcmp(error->code, "SlowDown") == 0)
        return STATUS_TRANSIENT;
    return STATUS_REFUSED;
}

static const char *hint_of(long http, const struct s3_error *error)
{
    if (strcmp(error->code, "RequestTimeTooSkewed") == 0)
        return "; this machine's clock is wrong";
    if (strcmp(error->code, "SignatureDoesNotMatch") == 0 ||
        strcmp(error->code, "InvalidAccessKeyId") == 0)
        return "; are the access key, its secret and --s3-endpoint of one another?";
    if (http == 403)
        return "; it takes the rights s3:ListBucket on the bucket and s3:GetObject on its objects";
    if (http == 404)
        return "; is the name right, and --s3-endpoint?";
    if (http == 301 || http == 302 || http == 400)
        return "; see --s3-region, --s3-endpoint and --s3-style";
    return "";
}

static void explain(long http, const struct transfer_head *head, struct s3_error *error,
                    struct err *err)
{
    if (error->region[0] == '\0')
        (void)snprintf(error->region, sizeof error->region, "%s", head->region);
    const bool elsewhere = error->region[0] != '\0' && (http == 301 || http == 307 || http == 400);
    (void)err_set(err, status_of(http, error), "the server answers %ld%s%s%s%s%s%s%s", http,
                  error->code[0] != '\0' ? " " : "", error->code,
                  error->message[0] != '\0' ? ", " : "", error->message,
                  elsewhere ? "; the bucket is in region " : "", elsewhere ? error->region : "",
                  hint_of(http, error));
}

/* Reads an error's body and fills *err. */
static void take_error(struct transfer *transfer, const struct transfer_head *head,
                       struct s3_error *ret, struct err *err)
{
    OWNED_BUF(body, ERROR_MAX);
    char piece[4096];
    size_t len;
    struct err ignored;

    while (body.refused == 0 && transfer_read(transfer, piece, sizeof piece, &len, &ignored) == 1)
        buf_add(&body, piece, len);
    s3_read_error(body.data, body.len, ret);
    explain(head->status, head, ret, err);
}

/* Trying again. */

struct patience {
    double until; /* 0: nothing is wrong */
    int pause_ms;
};

/* Whether to try again after *err, when a pause is over. */
static bool bear(const struct s3 *s3, struct patience *patience, struct err *err)
{
    const double now = machine_seconds();

    if (err->status != STATUS_TRANSIENT)
        return false;
    if (patience->until == 0) {
        patience->until = now + (double)s3->settings->retry_ms / 1000;
        patience->pause_ms = PAUSE_FIRST_MS;
    }
    /* Pods that were sent away together come back one by one. */
    int pause_ms =
        patience->pause_ms / 2 + (int)arc4random_uniform((unsigned)patience->pause_ms / 2 + 1);
    if (now + pause_ms / 1000.0 > patience->until)
        return false;
    log_warn("%s; trying again", err->text);
    if (stop_wait(-1, 0, pause_ms, err) < 0)
        return false;
    patience->pause_ms =
        patience->pause_ms * 2 < PAUSE_MAX_MS ? patience->pause_ms * 2 : PAUSE_MAX_MS;
    *err = (struct err){0};
    return true;
}

/* Temporary credentials that ran out are replaced, once for each request. */
static bool renew(struct s3 *s3, long status, const struct s3_error *error, bool *renewed)
{
    /* The answer to HEAD has no code. */
    const bool expired = strcmp(error->code, "ExpiredToken") == 0 ||
                         strcmp(error->code, "InvalidToken") == 0 ||
                         (error->code[0] == '\0' && (status == 400 || status == 403));
    if (!expired || s3->identity != S3_WEB_IDENTITY || *renewed)
        return false;
    *renewed = true;
    s3->credentials = (struct s3_credentials){0};
    return true;
}

/* Requests. */

struct ask {
    const char *bucket, *key, *query; /* query: NULL, or what follows a ? */
    bool head;
    bool known; /* the object was there a moment ago */
    const char *if_match;
    uint64_t from;
};

static struct transfer *begin(struct s3 *s3, const struct ask *ask, struct err *err)
{
    OWNED_BUF(url, URL_MAX);

    if (s3->identity == S3_WEB_IDENTITY && s3->credentials.id[0] == '\0') {
        s3->cost.requests++;
        if (!s3_role_assume(s3->wire, s3->place.region, s3->settings->plain_http, &s3->credentials,
                            err))
            return NULL;
    }
    s3_add_url(&url, &s3->place, ask->bucket, ask->key);
    if (ask->query != NULL)
        buf_printf(&url, "?%s", ask->query);
    if (!buf_ok(&url, err))
        return NULL;
    s3->cost.requests++;
    return transfer_begin(
        s3->wire,
        &(struct transfer_request){.url = url.data,
                                   .head = ask->head,
                                   .if_match = ask->if_match,
                                   .from = ask->from,
                                   .ranged = ask->from > 0,
                                   .signer = s3->identity == S3_NOBODY ? NULL : &s3->credentials,
                                   .region = s3->place.region},
        err);
}

/* The object at hand is another one by now, or none. */
static bool is_another(long status, const struct s3_error *error)
{
    return status == 412 || status == 416 ||
           (status == 404 && strcmp(error->code, "NoSuchKey") == 0);
}

/* A request whose answer is OK so far; NULL, *err filled, where not even trying again helped. */
static struct transfer *answer(struct s3 *s3, const struct ask *ask, struct patience *patience,
                               const struct transfer_head **ret, struct err *err)
{
    bool renewed = false;

    for (;;) {
        struct s3_error error = {0};
        struct transfer *transfer = begin(s3, ask, err);
        *ret = transfer == NULL ? NULL : transfer_head(transfer, err);
        if (*ret != NULL && ((*ret)->status == OK || (*ret)->status == PARTIAL))
            return transfer;
        const long status = *ret == NULL ? 0 : (*ret)->status;
        if (*ret != NULL)
            take_error(transfer, *ret, &error, err);
        transfer_end(transfer);
        if (ask->known && is_another(status, &error)) {
            (void)err_set(err, STATUS_TRANSIENT,
                          "the object %s while it was read; run again when its writer is done",
                          status == 404 ? "went away" : "changed");
            return NULL;
        }
        if (renew(s3, status, &error, &renewed))
            *err = (struct err){0};
        else if (!bear(s3, patience, err))
            return NULL;
    }
}

static bool name_it(struct err *err, const char *bucket, const char *key)
{
    char shown[SHOWN];
    return err_prefix(err, S3_SCHEME "%s/%s", bucket,
                      err_quote(shown, sizeof shown, key, strlen(key)));
}

/* Lists. */

struct listing {
    const struct s3_address *address;
    const struct s3_range *range;
    s3_entry_sink *sink;
    void *context;
    char last[S3_KEY_MAX + 1]; /* key of the last entry */
    bool past;                 /* the range's end is behind */
    unsigned empty;            /* pages since the last entry */
};

static bool take_entry(void *context, const struct s3_entry *entry, struct err *err)
{
    struct listing *listing = context;
    const struct s3_address *address = listing->address;
    const size_t prefix = strlen(address->key), len = strlen(entry->key);
    char id[S3_ID_MAX + 1];

    if (strncmp(entry->key, address->key, prefix) != 0 || strcmp(entry->key, listing->last) <= 0)
        return err_set(err, STATUS_INPUT,
                       "the list is not in the order of its keys, or has others: this server does "
                       "not list as S3 does");
    (void)stpcpy(listing->last, entry->key);
    listing->empty = 0;
    (void)snprintf(id, sizeof id, "%s/%s", address->bucket, entry->key);
    if (listing->range != NULL && !s3_range_has(listing->range, id)) {
        listing->past = strcmp(id, listing->range->after) > 0;
        return true;
    }
    return entry->key[len - 1] == '/' || listing->sink(listing->context, entry, err);
}

static void add_parameter(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s%s=", out->len > 0 ? "&" : "", name);
    s3_encode(out, value, strlen(value), false);
}

/* In the order of their names, as the signature wants them. */
static void add_query(struct buf *out, const struct listing *listing, const char *token)
{
    const struct s3_address *address = listing->address;
    const char *after = listing->range == NULL ? "" : listing->range->after;
    const size_t bucket = strlen(address->bucket);

    if (token[0] != '\0')
        add_parameter(out, "continuation-token", token);
    add_parameter(out, "encoding-type", "url");
    add_parameter(out, "list-type", "2");
    buf_printf(out, "&max-keys=%d", PAGE);
    add_parameter(out, "prefix", address->key);
    if (strncmp(after, address->bucket, bucket) == 0 && after[bucket] == '/')
        add_parameter(out, "start-after", after + bucket + 1);
}

static bool read_answer(struct transfer *transfer, struct buf *body, struct err *err)
{
    char piece[16 * 1024];
    size_t len;
    int got;

    buf_clear(body);
    while ((got = transfer_read(transfer, piece, sizeof piece, &len, err)) == 1 &&
           body->refused == 0)
        buf_add(body, piece, len);
    if (got >= 0 && body->refused > 0)
        return err_set(err, STATUS_INPUT, "an answer of more than %d bytes", S3_ANSWER_MAX);
    return got == 0;
}

static bool list_page(struct s3 *s3, struct listing *listing, struct s3_page *page, struct err *err)
{
    OWNED_BUF(query, URL_MAX);
    OWNED_BUF(body, S3_ANSWER_MAX);
    struct patience patience = {0};
    const struct transfer_head *head;
    bool done = false;

    add_query(&query, listing, page->next);
    if (!buf_ok(&query, err))
        return false;
    const struct ask ask = {.bucket = listing->address->bucket, .key = "", .query = query.data};
    while (!done) {
        struct transfer *transfer = answer(s3, &ask, &patience, &head, err);
        if (transfer == NULL)
            return false;
        done = read_answer(transfer, &body, err);
        transfer_end(transfer);
        if (!done && !bear(s3, &patience, err))
            return false;
    }
    if (listing->empty++ == EMPTY_MAX)
        return err_set(err, STATUS_INPUT, "the list goes on and on without a key");
    return s3_read_page(body.data, body.len, page, take_entry, listing, err);
}

static bool list_one(struct s3 *s3, const struct s3_address *address, const struct s3_range *range,
                     s3_entry_sink *sink, void *context, struct err *err)
{
    const struct ask ask = {.bucket = address->bucket, .key = address->key, .head = true};
    struct s3_entry entry = {.key = address->key};
    struct patience patience = {0};
    const struct transfer_head *head;
    char id[S3_ID_MAX + 1];

    (void)snprintf(id, sizeof id, "%s/%s", address->bucket, address->key);
    if (range != NULL && !s3_range_has(range, id))
        return true;
    struct transfer *transfer = answer(s3, &ask, &patience, &head, err);
    if (transfer == NULL)
        return false;
    (void)stpcpy(entry.etag, head->etag);
    entry.size = head->length;
    transfer_end(transfer);
    return sink(context, &entry, err);
}

bool s3_list(struct s3 *s3, const char *name, const struct s3_range *range, s3_entry_sink *sink,
             void *context, struct err *err)
{
    struct s3_address address;
    struct s3_page page = {0};

    if (!s3_address_parse(name, &address, err) || !make_ready(s3, err))
        return false;
    struct listing listing = {
        .address = &address, .range = range, .sink = sink, .context = context};
    bool done = address.is_prefix ? list_page(s3, &listing, &page, err)
                                  : list_one(s3, &address, range, sink, context, err);
    while (done && page.next[0] != '\0' && !listing.past)
        done = list_page(s3, &listing, &page, err);
    return done || name_it(err, address.bucket, address.key);
}

/* Streams. */

struct s3_stream {
    struct s3 *s3;
    struct s3_address address;
    struct transfer *transfer;
    struct patience patience;
    uint64_t at, size;
    char etag[S3_ETAG_MAX + 1];
};

struct s3_stream *s3_stream_open(struct s3 *s3, const char *name, struct err *err)
{
    struct s3_address address;

    if (!s3_address_parse(name, &address, err) || !make_ready(s3, err))
        return NULL;
    struct s3_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    stream->s3 = s3;
    stream->address = address;
    s3->etag[0] = '\0';
    return stream;
}

void s3_stream_close(struct s3_stream *stream)
{
    if (stream == NULL)
        return;
    transfer_end(stream->transfer);
    free(stream);
}

/* A first answer says which version of the object it is; later ones must be of the same. */
static bool take_head(struct s3_stream *stream, const struct transfer_head *head, struct err *err)
{
    if (stream->at > 0)
        return (head->status == PARTIAL && head->ranged && head->from == stream->at &&
                head->whole == stream->size && head->sized &&
                head->length <= stream->size - stream->at &&
                strcmp(head->etag, stream->etag) == 0) ||
               err_set(err, STATUS_TRANSIENT,
                       "asked for the rest from byte %" PRIu64
                       " on, the server sends something else",
                       stream->at);
    stream->size = head->length;
    (void)stpcpy(stream->etag, head->etag);
    (void)stpcpy(stream->s3->etag, head->etag);
    /* Without a length nothing tells a connection that was cut from the object's end. */
    return (head->status == OK && head->sized) ||
           err_set(err, STATUS_TRANSIENT, "the server sends %s where it was asked for all",
                   head->sized ? "a part" : "an answer without a length");
}

static bool begin_stream(struct s3_stream *stream, struct err *err)
{
    const struct transfer_head *head;
    const struct ask ask = {.bucket = stream->address.bucket,
                            .key = stream->address.key,
                            .known = true,
                            .if_match = stream->at > 0 ? stream->etag : NULL,
                            .from = stream->at};

    stream->transfer = answer(stream->s3, &ask, &stream->patience, &head, err);
    return stream->transfer != NULL && take_head(stream, head, err);
}

static int read_once(struct s3_stream *stream, void *to, size_t room, size_t *ret, struct err *err)
{
    if (stream->transfer == NULL && !begin_stream(stream, err))
        return -1;
    int got = transfer_read(stream->transfer, to, room, ret, err);
    if (got != 0 || stream->at == stream->size)
        return got;
    (void)err_set(err, STATUS_TRANSIENT, "it ended after %" PRIu64 " of %" PRIu64 " bytes",
                  stream->at, stream->size);
    return -1;
}

int s3_stream_read(struct s3_stream *stream, void *to, size_t room, size_t *ret, struct err *err)
{
    for (;;) {
        int got = read_once(stream, to, room, ret, err);
        if (got == 1) {
            stream->at += *ret;
            stream->s3->cost.bytes += *ret;
            stream->patience.until = 0;
        }
        if (got >= 0)
            return got;
        transfer_end(stream->transfer);
        stream->transfer = NULL;
        const bool lost = stream->at > 0 && stream->etag[0] == '\0'; /* of which version? */
        if (lost || !bear(stream->s3, &stream->patience, err)) {
            (void)name_it(err, stream->address.bucket, stream->address.key);
            return -1;
        }
    }
}
