#include "aggregator/s3/role.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/s3/credentials.h"

enum { FORM_MAX = 64 * 1024, BODY_MAX = 64 * 1024 };

static bool make_form(struct buf *out, struct err *err)
{
    char token[S3_WEB_TOKEN_MAX + 1];
    const char *role = getenv("AWS_ROLE_ARN"), *session = getenv("AWS_ROLE_SESSION_NAME");

    if (!s3_web_token_read(token, err))
        return false;
    buf_add_text(out, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=");
    s3_encode(out, role, strlen(role), false);
    buf_add_text(out, "&RoleSessionName=");
    session = session == NULL || session[0] == '\0' ? "aggregator" : session;
    s3_encode(out, session, strlen(session), false);
    buf_add_text(out, "&WebIdentityToken=");
    s3_encode(out, token, strlen(token), false);
    explicit_bzero(token, sizeof token);
    return buf_ok(out, err);
}

static bool find_url(struct buf *out, const char *region, bool plain_http, struct err *err)
{
    const char *endpoint = getenv("AWS_ENDPOINT_URL_STS");
    struct s3_place place;

    if (endpoint == NULL || endpoint[0] == '\0') {
        buf_printf(out, "https://sts.%s.amazonaws.com%s/", region,
                   strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
        return buf_ok(out, err);
    }
    if (!s3_place_set(&place, endpoint, region, S3_STYLE_PATH, plain_http, err))
        return err_prefix(err, "AWS_ENDPOINT_URL_STS");
    buf_printf(out, "%s/", place.endpoint);
    return buf_ok(out, err);
}

static bool refuse(long status, const struct buf *body, struct err *err)
{
    struct s3_error error;

    s3_read_error(body->data, body->len, &error);
    return err_set(err, status >= 500 || status == 429 ? STATUS_TRANSIENT : STATUS_REFUSED,
                   "the server answers %ld %s%s%s", status, error.code,
                   error.message[0] != '\0' ? ", " : "", error.message);
}

static bool exchange(struct wire *wire, const char *url, const char *form, struct buf *body,
                     struct s3_credentials *ret, struct err *err)
{
    struct transfer *transfer =
        transfer_begin(wire, &(struct transfer_request){.url = url, .form = form}, err);
    const struct transfer_head *head = transfer == NULL ? NULL : transfer_head(transfer, err);
    char piece[4096];
    size_t len;
    int got = head == NULL ? -1 : 1;

    while (got == 1 && body->refused == 0 &&
           (got = transfer_read(transfer, piece, sizeof piece, &len, err)) == 1)
        buf_add(body, piece, len);
    explicit_bzero(piece, sizeof piece);
    bool done = buf_ok(body, err) && got == 0 &&
                (head->status == 200 ? s3_read_role(body->data, body->len, ret, err)
                                     : refuse(head->status, body, err));
    transfer_end(transfer);
    return done;
}

bool s3_role_assume(struct wire *wire, const char *region, bool plain_http,
                    struct s3_credentials *ret, struct err *err)
{
    OWNED_BUF(form, FORM_MAX);
    OWNED_BUF(url, 1024);
    OWNED_BUF(body, BODY_MAX);

    bool done = make_form(&form, err) && find_url(&url, region, plain_http, err) &&
                exchange(wire, url.data, form.data, &body, ret, err);
    explicit_bzero(form.data, form.len);
    explicit_bzero(body.data, body.len);
    return done || err_prefix(err, "cannot assume the role AWS_ROLE_ARN");
}
