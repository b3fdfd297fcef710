#include "common/kube.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json_in.h"
#include "common/pause.h"
#include "common/whole.h"

enum {
    TOKEN_MAX = 1 << 14,
    CA_MAX = 1 << 18,
    URL_MAX = 2048,
    CONNECT_S = 10,
    REQUEST_S = 30,
    ATTEMPTS = 8,
    PAUSE_MS = 500, /* before the second attempt; doubled until PAUSE_MAX_MS */
    PAUSE_MAX_MS = 5000,
};

struct kube {
    int directory;
    struct buf authority;
    char base[URL_MAX / 2];
};

static bool read_at(int directory, const char *name, struct buf *out, struct err *err)
{
    char shown[64];

    (void)snprintf(shown, sizeof shown, "the service account's %s", name);
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", shown);
    bool done = whole_read(fd, shown, out, err);
    (void)close(fd);
    return done;
}

static bool find_api(struct kube *kube, struct err *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");

    if (host == NULL || host[0] == '\0')
        return err_set(err, STATUS_USAGE,
                       "--node is given, but KUBERNETES_SERVICE_HOST is not set: run in a pod, or "
                       "without --node");
    bool v6 = strchr(host, ':') != NULL;
    int len = snprintf(kube->base, sizeof kube->base, "https://%s%s%s:%s", v6 ? "[" : "", host,
                       v6 ? "]" : "", port == NULL || port[0] == '\0' ? "443" : port);
    return len < (int)sizeof kube->base ||
           err_set(err, STATUS_USAGE, "KUBERNETES_SERVICE_HOST is too long");
}

struct kube *kube_open(const char *directory, struct err *err)
{
    struct kube *kube = calloc(1, sizeof *kube);

    if (kube == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    buf_init(&kube->authority, CA_MAX);
    kube->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = kube->directory >= 0 || err_errno(err, errno, "cannot open %s", directory);
    if (done && read_at(kube->directory, "ca.crt", &kube->authority, err) && find_api(kube, err))
        return kube;
    kube_close(kube);
    return NULL;
}

void kube_close(struct kube *kube)
{
    if (kube == NULL)
        return;
    if (kube->directory >= 0)
        (void)close(kube->directory);
    buf_release(&kube->authority);
    free(kube);
}

static size_t store(char *bytes, size_t size, size_t count, void *context)
{
    struct err ignored = {0};
    (void)size;
    buf_add(context, bytes, count);
    return buf_ok(context, &ignored) ? count : 0;
}

/* The headers, the token among them; the caller frees. NULL without memory. */
static struct curl_slist *headers(const struct buf *token, const char *method)
{
    char line[TOKEN_MAX + 64];
    struct curl_slist *list = NULL, *longer;
    const char *const lines[] = {
        line, "Accept: application/json", "User-Agent: gvisor_installer", "Expect:",
        strcmp(method, "PATCH") == 0 ? "Content-Type: application/merge-patch+json"
                                     : "Content-Type: application/json"};

    (void)snprintf(line, sizeof line, "Authorization: Bearer %.*s", (int)token->len, token->data);
    line[strcspn(line, "\r\n")] = '\0';
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

/* The API's own words, where it has any. */
static void describe(const char *method, const char *path, long status, const struct buf *answer,
                     struct err *err)
{
    struct err ignored = {0};
    cJSON *object = json_parse("", answer->data, answer->len, &ignored);
    const char *said = cJSON_GetStringValue(json_find(object, "message"));
    bool passes = status == 408 || status == 429 || status >= 500;

    (void)err_set(err, passes ? STATUS_TRANSIENT : STATUS_REFUSED, "%s %s: %ld, %s", method, path,
                  status, said == NULL ? "without a reason" : said);
    cJSON_Delete(object);
}

static void set_options(CURL *curl, const struct kube *kube, const char *url, const char *method,
                        const char *body, struct buf *answer, char why[CURL_ERROR_SIZE])
{
    struct curl_blob authority = {
        .data = kube->authority.data, .len = kube->authority.len, .flags = CURL_BLOB_NOCOPY};

    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    (void)curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &authority);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)REQUEST_S);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, store);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
    if (body != NULL)
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
}

static bool request_once(struct kube *kube, const char *method, const char *path, const char *body,
                         struct buf *answer, long *ret_status, struct err *err)
{
    OWNED_BUF(token, TOKEN_MAX);
    char why[CURL_ERROR_SIZE] = "", url[URL_MAX];

    if (!read_at(kube->directory, "token", &token, err))
        return false;
    if (snprintf(url, sizeof url, "%s%s", kube->base, path) >= (int)sizeof url)
        return err_set(err, STATUS_BUG, "too long a path: %s", path);
    struct curl_slist *list = headers(&token, method);
    CURL *curl = curl_easy_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;
    if (curl != NULL && list != NULL) {
        set_options(curl, kube, url, method, body, answer, why);
        (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
        code = curl_easy_perform(curl);
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
    }
    curl_easy_cleanup(curl);
    curl_slist_free_all(list);
    if (code != CURLE_OK)
        return err_set(err, STATUS_TRANSIENT, "%s %s: %s", method, path,
                       why[0] != '\0' ? why : curl_easy_strerror(code));
    if ((*ret_status >= 200 && *ret_status < 300) || *ret_status == 404 || *ret_status == 409)
        return true;
    describe(method, path, *ret_status, answer, err);
    return false;
}

bool kube_request(struct kube *kube, const char *method, const char *path, const char *body,
                  struct buf *answer, long *ret_status, struct err *err)
{
    unsigned pause_ms = PAUSE_MS;

    for (int attempt = 1;; attempt++) {
        struct err why = {0};
        buf_clear(answer);
        if (request_once(kube, method, path, body, answer, ret_status, &why))
            return true;
        if (why.status != STATUS_TRANSIENT || attempt == ATTEMPTS) {
            *err = why;
            return false;
        }
        pause_for(pause_ms);
        pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
    }
}
