#include "aggregator/s3/transfer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/num.h"
#include "common/program.h"
#include "common/stop.h"

enum {
    BUFFER = 512 * 1024, /* bytes that came in and were not read yet */
    PIECE = 128 * 1024,  /* that curl hands over at once */
    CONNECT_S = 10,
    IDLE_S = 60, /* without a byte: given up */
    TICK_MS = 100,
    HEADER_MAX = 10 * 1024,
};

/* SHA-256 of no bytes: what no request of ours has in its body, but for those that are not signed.
 */
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct wire {
    CURLM *multi;
    const char *ca_file;
};

struct transfer {
    struct wire *wire;
    CURL *curl;
    struct curl_slist *headers;
    char why[CURL_ERROR_SIZE];
    struct transfer_head head;
    bool head_seen, paused, done;
    CURLcode code;
    unsigned char *bytes;
    size_t at, len;
};

struct wire *wire_open(const char *ca_file, struct err *err)
{
    struct wire *wire = calloc(1, sizeof *wire);
    bool ready = wire != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;

    if (ready)
        wire->multi = curl_multi_init();
    if (ready && wire->multi != NULL) {
        wire->ca_file = ca_file;
        return wire;
    }
    free(wire);
    (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    return NULL;
}

void wire_close(struct wire *wire)
{
    if (wire == NULL)
        return;
    (void)curl_multi_cleanup(wire->multi);
    curl_global_cleanup();
    free(wire);
}

/* The head. */

static bool is_header(const char *line, const char *name)
{
    return strncasecmp(line, name, strlen(name)) == 0;
}

static void take_etag(struct transfer_head *head, const char *value)
{
    size_t len = strlen(value);

    if (len >= 2 && len - 2 <= S3_ETAG_MAX && value[0] == '"' && value[len - 1] == '"') {
        memcpy(head->etag, value + 1, len - 2);
        head->etag[len - 2] = '\0';
    }
}

/* "bytes 5-9/10" */
static void take_range(struct transfer_head *head, char *value)
{
    char *dash = strchr(value, '-'), *slash = strchr(value, '/');

    if (strncasecmp(value, "bytes ", 6) != 0 || dash == NULL || slash == NULL || slash < dash)
        return;
    *dash = '\0';
    head->ranged = num_u64(value + 6, &head->from) && num_u64(slash + 1, &head->whole);
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    struct transfer_head *head = &transfer->head;
    char line[1024];
    size_t len = count * size;

    if (len >= sizeof line)
        return len;
    memcpy(line, bytes, len);
    while (len > 0 && strchr("\r\n \t", line[len - 1]) != NULL)
        len--;
    line[len] = '\0';
    char *value = line + strcspn(line, ":");
    value += *value == ':';
    value += strspn(value, " \t");
    if (strncmp(line, "HTTP/", 5) == 0)
        *head = (struct transfer_head){0};
    else if (is_header(line, "etag:"))
        take_etag(head, value);
    else if (is_header(line, "content-length:"))
        head->sized = num_u64(value, &head->length);
    else if (is_header(line, "content-range:"))
        take_range(head, value);
    else if (is_header(line, "x-amz-bucket-region:"))
        (void)snprintf(head->region, sizeof head->region, "%.63s", value);
    return count * size;
}

/* The body. */

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const size_t len = size * count;

    transfer->head_seen = true;
    if (transfer->at > 0) {
        memmove(transfer->bytes, transfer->bytes + transfer->at, transfer->len - transfer->at);
        transfer->len -= transfer->at;
        transfer->at = 0;
    }
    if (len > BUFFER - transfer->len) {
        transfer->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    memcpy(transfer->bytes + transfer->len, bytes, len);
    transfer->len += len;
    return len;
}

/* Requests. */

static bool add_header(struct transfer *transfer, const char *begin, const char *value,
                       const char *end)
{
    char line[HEADER_MAX];

    if (snprintf(line, sizeof line, "%s%s%s", begin, value, end) >= (int)sizeof line)
        return false;
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    explicit_bzero(line, sizeof line);
    transfer->headers = longer == NULL ? transfer->headers : longer;
    return longer != NULL;
}

static bool sign(struct transfer *transfer, const struct transfer_request *request)
{
    const struct s3_credentials *signer = request->signer;
    char how[128];

    if (signer == NULL)
        return true;
    (void)snprintf(how, sizeof how, "aws:amz:%s:s3", request->region);
    (void)curl_easy_setopt(transfer->curl, CURLOPT_USERNAME, signer->id);
    (void)curl_easy_setopt(transfer->curl, CURLOPT_PASSWORD, signer->secret);
    return curl_easy_setopt(transfer->curl, CURLOPT_AWS_SIGV4, how) == CURLE_OK &&
           add_header(transfer, "x-amz-content-sha256: ", EMPTY_SHA256, "") &&
           (signer->session[0] == '\0' ||
            add_header(transfer, "x-amz-security-token: ", signer->session, ""));
}

static bool describe(struct transfer *transfer, const struct transfer_request *request)
{
    char number[32];
    CURL *curl = transfer->curl;

    (void)snprintf(number, sizeof number, "%llu-", (unsigned long long)request->from);
    if (request->head)
        (void)curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (request->form != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, request->form);
    return curl_easy_setopt(curl, CURLOPT_URL, request->url) == CURLE_OK &&
           (request->if_match == NULL || request->if_match[0] == '\0' ||
            add_header(transfer, "If-Match: \"", request->if_match, "\"")) &&
           (!request->ranged || add_header(transfer, "Range: bytes=", number, "")) &&
           sign(transfer, request) &&
           curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK;
}

static void set_up(struct transfer *transfer, const char *url)
{
    CURL *curl = transfer->curl;

    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
                           strncmp(url, "http://", 7) == 0 ? "http" : "https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "aggregator/" PROGRAM_VERSION);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)IDLE_S);
    (void)curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)PIECE);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->why);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    (void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (transfer->wire->ca_file != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->wire->ca_file);
}

struct transfer *transfer_begin(struct wire *wire, const struct transfer_request *request,
                                struct err *err)
{
    struct transfer *transfer = calloc(1, sizeof *transfer);

    if (transfer != NULL) {
        transfer->wire = wire;
        transfer->bytes = malloc(BUFFER);
        transfer->curl = curl_easy_init();
        if (transfer->bytes != NULL && transfer->curl != NULL) {
            set_up(transfer, request->url);
            if (describe(transfer, request) &&
                curl_multi_add_handle(wire->multi, transfer->curl) == CURLM_OK)
                return transfer;
        }
    }
    transfer_end(transfer);
    (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    return NULL;
}

void transfer_end(struct transfer *transfer)
{
    if (transfer == NULL)
        return;
    if (transfer->curl != NULL) {
        (void)curl_multi_remove_handle(transfer->wire->multi, transfer->curl);
        curl_easy_cleanup(transfer->curl);
    }
    for (struct curl_slist *line = transfer->headers; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(transfer->headers);
    free(transfer->bytes);
    free(transfer);
}

/* Waiting. */

static bool failed(const struct transfer *transfer, struct err *err)
{
    enum status status = STATUS_TRANSIENT;

    switch (transfer->code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        status = STATUS_REFUSED;
        break;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        status = STATUS_USAGE;
        break;
    default:
        break;
    }
    return err_set(err, status, "%s",
                   transfer->why[0] != '\0' ? transfer->why : curl_easy_strerror(transfer->code));
}

/* Goes on until something has changed, or a moment. */
static bool turn(struct transfer *transfer, struct err *err)
{
    CURLM *multi = transfer->wire->multi;
    int running, left;
    CURLMsg *message;

    if (stop_requested())
        return stop_err(err);
    if (transfer->paused && transfer->at == transfer->len) {
        transfer->paused = false;
        (void)curl_easy_pause(transfer->curl, CURLPAUSE_CONT);
    }
    if (curl_multi_perform(multi, &running) != CURLM_OK)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE && message->easy_handle == transfer->curl) {
            transfer->done = transfer->head_seen = true;
            transfer->code = message->data.result;
        }
    if (!transfer->done && transfer->at == transfer->len)
        (void)curl_multi_poll(multi, NULL, 0, TICK_MS, NULL);
    return true;
}

const struct transfer_head *transfer_head(struct transfer *transfer, struct err *err)
{
    while (!transfer->head_seen)
        if (!turn(transfer, err))
            return NULL;
    (void)curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &transfer->head.status);
    if (transfer->head.status == 0) {
        (void)failed(transfer, err);
        return NULL;
    }
    return &transfer->head;
}

int transfer_read(struct transfer *transfer, void *to, size_t room, size_t *ret, struct err *err)
{
    while (transfer->at == transfer->len && !transfer->done)
        if (!turn(transfer, err))
            return -1;
    *ret = transfer->len - transfer->at < room ? transfer->len - transfer->at : room;
    memcpy(to, transfer->bytes + transfer->at, *ret);
    transfer->at += *ret;
    if (*ret > 0)
        return 1;
    if (transfer->code == CURLE_OK)
        return 0;
    (void)failed(transfer, err);
    return -1;
}
