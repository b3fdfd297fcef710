/*
 * A request's head, as texts that end in a zero byte, in the order below; "-" is an absent one.
 * What is taken keeps its limits, what is refused is told by a printable line.
 */
#include <string.h>

#include "common/utf8.h"
#include "job_service/route/request.h"
#include "tests/fuzz/fuzz.h"

static const char *next_text(char **p, const char *end)
{
    char *text = *p;

    if (text >= end)
        return NULL;
    *p += strlen(text) + 1;
    return strcmp(text, "-") == 0 ? NULL : text;
}

static void check_request(const struct request *request)
{
    HOLDS(request->wait_s <= REQUEST_WAIT_MAX_S && request->most <= REQUEST_LIST_MAX);
    HOLDS(request->below <= INT64_MAX && request->offset <= INT64_MAX);
    HOLDS(request->wait_s == 0 || request->match.route == ROUTE_LOOK);
    HOLDS(strlen(request->match.id) == 0 || strlen(request->match.id) == JOB_ID_TEXT);
    HOLDS(request->key == NULL ||
          (request->key[0] != '\0' && utf8_is_text(request->key, strlen(request->key)) &&
           strlen(request->key) <= REQUEST_KEY_MAX));
    HOLDS(request->name == NULL || utf8_is_text(request->name, strlen(request->name)));
    HOLDS(request->token == NULL || strpbrk(request->token, " \t\r\n") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *p = text;
    struct request request;
    struct err err = {0};

    HOLDS(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    const char *end = text + size;
    const char *method = next_text(&p, end), *path = next_text(&p, end);
    if (path != NULL) {
        char *decoded = strdup(path);
        HOLDS(decoded != NULL && request_decode(decoded) == strlen(decoded));
        HOLDS(strlen(decoded) <= strlen(path));
        struct request_head head = {.method = method == NULL ? "" : method, .path = decoded};
        head.authorization = next_text(&p, end);
        head.content_length = next_text(&p, end);
        head.content_type = next_text(&p, end);
        head.idempotency_key = next_text(&p, end);
        head.if_none_match = next_text(&p, end);
        head.prefer = next_text(&p, end);
        head.cursor = next_text(&p, end);
        head.kind = next_text(&p, end);
        head.limit = next_text(&p, end);
        head.name = next_text(&p, end);
        head.offset = next_text(&p, end);
        head.state = next_text(&p, end);
        if (request_read(&head, &request, &err) == PROBLEM_NONE)
            check_request(&request);
        else
            HOLDS(err.text[0] != '\0' && utf8_is_text(err.text, strlen(err.text)));
        free(decoded);
    }
    free(text);
    return 0;
}
