/* Whole answers, as streams that are waited for. */
#include <string.h>

#include "common/json_in.h"
#include "common/kube.h"
#include "common/pause.h"

enum {
    REQUEST_S = 30,
    ATTEMPTS = 8,
    PAUSE_MS = 500, /* before the second attempt; doubled until PAUSE_MAX_MS */
    PAUSE_MAX_MS = 5000,
    WAIT_MS = 1000,
};

struct wait {
    struct buf *answer;
    struct kube_end end;
    bool ended;
};

static enum kube_taken store(void *context, const char *bytes, size_t len)
{
    struct wait *wait = context;
    struct err ignored = {0};

    buf_add(wait->answer, bytes, len);
    return buf_ok(wait->answer, &ignored) ? KUBE_TAKEN : KUBE_END;
}

static void note(void *context, const struct kube_end *end)
{
    struct wait *wait = context;

    wait->end = *end;
    wait->ended = true;
    if (end->refusal != NULL)
        buf_add(wait->answer, end->refusal->data, end->refusal->len);
}

/* The API's own words, where it has any. */
bool kube_refused(const char *method, const char *path, long status, const struct buf *answer,
                  struct err *err)
{
    struct err ignored = {0};
    cJSON *object = json_parse("", answer->data, answer->len, &ignored);
    const char *said = cJSON_GetStringValue(json_find(object, "message"));
    bool passes = status == 408 || status == 429 || status >= 500;

    (void)err_set(err, passes ? STATUS_TRANSIENT : STATUS_REFUSED, "%s %s: %ld, %s", method, path,
                  status, said == NULL ? "without a reason" : said);
    cJSON_Delete(object);
    return false;
}

bool kube_try(struct kube *kube, const char *method, const char *path, const char *body,
              struct buf *answer, struct kube_end *ret, struct err *err)
{
    struct wait wait = {.answer = answer};
    const struct kube_stream_rules rules = {.path = path,
                                            .method = method,
                                            .body = body,
                                            .whole_s = REQUEST_S,
                                            .take = store,
                                            .ended = note,
                                            .context = &wait};

    buf_clear(answer);
    if (kube_stream_start(kube, &rules, err) == NULL)
        return false;
    while (!wait.ended)
        (void)kube_turn(kube, WAIT_MS);
    *ret = wait.end;
    ret->refusal = NULL;
    if (!buf_ok(answer, err))
        return false;
    if (ret->status != 0 && ret->whole)
        return true;
    *err = ret->err;
    return false;
}

static bool request_once(struct kube *kube, const char *method, const char *path, const char *body,
                         struct buf *answer, long *ret_status, struct err *err)
{
    struct kube_end end = {0};

    if (!kube_try(kube, method, path, body, answer, &end, err))
        return false;
    *ret_status = end.status;
    return (end.status >= 200 && end.status < 300) || end.status == 404 || end.status == 409 ||
           kube_refused(method, path, end.status, answer, err);
}

bool kube_request(struct kube *kube, const char *method, const char *path, const char *body,
                  struct buf *answer, long *ret_status, struct err *err)
{
    unsigned pause_ms = PAUSE_MS;

    for (int attempt = 1;; attempt++) {
        struct err why = {0};
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
