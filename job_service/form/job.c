#include "job_service/form/job.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"
#include "job_service/form/strict_json.h"

enum { VALUES_MAX = 256 }; /* of a JSON body */

void job_release(struct job *job)
{
    cJSON_Delete(job->request);
    buf_release(&job->parameters);
}

/* One member of a JSON body; false: it is unknown, or of another type. */
static bool take_member(struct job *job, const struct cJSON *item, const char **kind)
{
    const char *name = item->string, *text = cJSON_GetStringValue(item);
    double number = item->valuedouble;

    if (strcmp(name, "kind") == 0 && text != NULL) {
        *kind = text;
    } else if (strcmp(name, "name") == 0 && text != NULL && strlen(text) <= REQUEST_NAME_MAX &&
               utf8_is_text(text, strlen(text))) {
        job->name = text;
    } else if (strcmp(name, "file") == 0 && text != NULL) {
        job->file = text;
        job->file_len = strlen(text);
    } else if (strcmp(name, "deadline_s") == 0 && cJSON_IsNumber(item) && number >= 1 &&
               number <= JOB_DEADLINE_MAX_S && number == (unsigned)number) {
        job->deadline_s = (unsigned)number;
    } else {
        return strcmp(name, "parameters") == 0;
    }
    return true;
}

/* {"kind": ..., "name": ..., "parameters": {...}, "deadline_s": ..., "file": TEXT} */
static bool read_json(const struct buf *body, struct job *job, const char **kind, struct err *err)
{
    const struct cJSON *item;
    char shown[64];

    if (!strict_json_read(body->data, body->len, VALUES_MAX, &job->request, err))
        return err_prefix(err, "the body");
    if (!cJSON_IsObject(job->request))
        return err_set(err, STATUS_INPUT, "the body must be a JSON object: {\"kind\": ...}");
    cJSON_ArrayForEach(item, job->request)
    {
        (void)err_quote(shown, sizeof shown, item->string, strlen(item->string));
        if (cJSON_GetObjectItemCaseSensitive(job->request, item->string) != item)
            return err_set(err, STATUS_INPUT, "member '%s' is there twice", shown);
        if (!take_member(job, item, kind))
            return err_set(err, STATUS_INPUT,
                           "member '%s' is unknown, or not what it must be: kind, name (a text of "
                           "at most %d bytes), parameters (an object), file (a text), deadline_s "
                           "(1 to %d)",
                           shown, REQUEST_NAME_MAX, JOB_DEADLINE_MAX_S);
    }
    return true;
}

static bool is_json(const char *content_type)
{
    static const char json[] = "application/json";
    size_t len = sizeof json - 1;

    return content_type != NULL && strncasecmp(content_type, json, len) == 0 &&
           strchr("; \t", content_type[len]) != NULL;
}

static bool read_body(const struct request *asked, const struct buf *body, struct job *job,
                      const char **kind, struct err *err)
{
    if (multipart_is_meant(asked->content_type)) {
        if (!multipart_read(asked->content_type, body->data, body->len, &job->form, err))
            return false;
        job->file = job->form.bytes;
        job->file_len = job->form.len;
    } else if (body->len > 0 && is_json(asked->content_type) && asked->match.route != ROUTE_BUILD) {
        return read_json(body, job, kind, err);
    } else if (body->len > 0) {
        job->file = body->data;
        job->file_len = body->len;
    }
    return true;
}

static bool check_kind(struct job *job, struct err *err)
{
    const struct kind *kind = job->kind;

    if (kind_takes_file(kind) && job->file == NULL)
        return err_set(err, STATUS_INPUT,
                       "a job of kind '%s' wants a file: curl -F file=@Dockerfile",
                       kind_name(kind));
    if (!kind_takes_file(kind) && job->file != NULL)
        return err_set(err, STATUS_INPUT,
                       "a job of kind '%s' takes no file; parameters go as JSON, with "
                       "Content-Type: application/json",
                       kind_name(kind));
    if (job->file != NULL && !dockerfile_check(job->file, job->file_len, kind_bases(kind), err))
        return false;
    return kind_parameters(kind, cJSON_GetObjectItemCaseSensitive(job->request, "parameters"),
                           &job->parameters, err);
}

/* Lengths keep fields apart. */
static void add_field(struct sha256 *sum, const char *bytes, size_t len)
{
    unsigned char length[8];

    for (size_t i = 0; i < sizeof length; i++)
        length[i] = (unsigned char)((uint64_t)len >> 8 * i);
    sha256_add(sum, length, sizeof length);
    sha256_add(sum, bytes, len);
}

static void add_text(struct sha256 *sum, const char *text)
{
    add_field(sum, text, strlen(text));
}

static void take_digest(struct job *job)
{
    struct sha256 sum;
    char deadline[16];

    (void)snprintf(deadline, sizeof deadline, "%u", job->deadline_s);
    sha256_init(&sum);
    add_text(&sum, kind_name(job->kind));
    add_field(&sum, job->parameters.data, job->parameters.len);
    add_text(&sum, deadline);
    add_text(&sum, job->name == NULL ? "" : job->name);
    add_field(&sum, job->file == NULL ? "" : job->file, job->file_len);
    sha256_hex(&sum, job->digest);
}

static const char *default_kind(const struct request *asked)
{
    if (asked->kind != NULL)
        return asked->kind;
    if (asked->match.route == ROUTE_JOBS)
        return "pipeline";
    if (asked->match.route == ROUTE_BUILD || multipart_is_meant(asked->content_type))
        return "dockerfile";
    return NULL;
}

static enum problem_kind problem_of(const struct err *err, enum problem_kind of_input)
{
    return err->status == STATUS_INPUT ? of_input : PROBLEM_UNAVAILABLE;
}

enum problem_kind job_read(const struct request *asked, const struct buf *body,
                           const struct kinds *kinds, struct job *ret, struct err *err)
{
    const char *kind = default_kind(asked);
    char shown[80];

    *ret = (struct job){.name = asked->name};
    buf_init(&ret->parameters, KIND_TEXT_MAX);
    if (!read_body(asked, body, ret, &kind, err))
        return problem_of(err, PROBLEM_BAD_REQUEST);
    if (kind == NULL) {
        (void)err_set(err, STATUS_INPUT,
                      "which kind of job? {\"kind\": \"pipeline\"} with Content-Type: "
                      "application/json, or a Dockerfile as -F file=@Dockerfile");
        return PROBLEM_JOB;
    }
    ret->kind = kinds_find(kinds, kind);
    if (ret->kind == NULL) {
        (void)err_set(err, STATUS_INPUT, "there is no kind '%s' here",
                      err_quote(shown, sizeof shown, kind, strlen(kind)));
        return PROBLEM_JOB;
    }
    if (!check_kind(ret, err))
        return problem_of(err, PROBLEM_JOB);
    take_digest(ret);
    return PROBLEM_NONE;
}
