#include "aggregator/s3/address.h"

#include <string.h>

enum { SHOWN = 512 };

bool s3_is_name(const char *name)
{
    return strncmp(name, S3_SCHEME, strlen(S3_SCHEME)) == 0;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_bucket(const char *name, size_t len)
{
    if (len < 3 || len > S3_BUCKET_MAX || !is_letter_or_digit(name[0]) ||
        !is_letter_or_digit(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!is_letter_or_digit(name[i]) && name[i] != '-' && name[i] != '.' && name[i] != '_')
            return false;
    return memmem(name, len, "..", 2) == NULL;
}

static bool refuse(const char *name, const char *why, struct err *err)
{
    char shown[SHOWN];

    return err_set(err, STATUS_USAGE, "%s: %s", err_quote(shown, sizeof shown, name, strlen(name)),
                   why);
}

bool s3_address_parse(const char *name, struct s3_address *ret, struct err *err)
{
    const char *bucket = name + strlen(S3_SCHEME);
    const char *slash = strchr(bucket, '/');
    size_t len = slash == NULL ? strlen(bucket) : (size_t)(slash - bucket);

    if (!is_bucket(bucket, len))
        return refuse(name,
                      "the bucket's name is not one: s3://BUCKET/KEY names an object, "
                      "s3://BUCKET/PREFIX/ all whose keys begin so",
                      err);
    if (slash == NULL)
        return refuse(name, "write s3://BUCKET/ for all objects of the bucket", err);
    *ret = (struct s3_address){.key = slash + 1};
    memcpy(ret->bucket, bucket, len);
    len = strlen(ret->key);
    ret->is_prefix = len == 0 || ret->key[len - 1] == '/';
    if (strpbrk(ret->key, "*?[") != NULL && !ret->is_prefix)
        return refuse(name,
                      "patterns are not expanded: name the prefix up to a slash, or list the "
                      "objects with --files-from",
                      err);
    return len <= S3_KEY_MAX || refuse(name, "a key has at most 1024 bytes", err);
}

static bool is_unreserved(char c)
{
    return is_letter_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_' ||
           c == '~';
}

void s3_encode(struct buf *out, const char *bytes, size_t len, bool keep_slashes)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        const unsigned char byte = (unsigned char)bytes[i];
        const char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        bool stays = is_unreserved(bytes[i]) || (keep_slashes && byte == '/');
        buf_add(out, stays ? bytes + i : code, stays ? 1 : sizeof code);
    }
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

bool s3_decode(struct buf *out, const char *text, size_t len, bool plus)
{
    for (size_t i = 0; i < len; i++) {
        char byte = plus && text[i] == '+' ? ' ' : text[i];
        if (text[i] == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            byte = (char)(high << 4 | low);
            i += 2;
        }
        if (byte == '\0')
            return false;
        buf_add(out, &byte, 1);
    }
    return true;
}

static bool is_host(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_unreserved(text[i]) && text[i] != ':' && text[i] != '[' && text[i] != ']')
            return false;
    return len > 0;
}

static bool check_endpoint(const char *endpoint, bool plain_http, struct err *err)
{
    const bool plain = strncmp(endpoint, "http://", 7) == 0;

    if (!plain && strncmp(endpoint, "https://", 8) != 0)
        return err_set(err, STATUS_USAGE,
                       "the endpoint is to be https://HOST or https://HOST:PORT; a bucket goes "
                       "into the s3:// address");
    const char *host = endpoint + (plain ? 7 : 8);
    size_t len = strlen(host);
    len -= len > 0 && host[len - 1] == '/';
    if (!is_host(host, len) || len > sizeof((struct s3_place *)0)->endpoint - 16)
        return err_set(err, STATUS_USAGE,
                       "the endpoint is to be https://HOST or https://HOST:PORT, without a user, a "
                       "path or a query");
    return !plain || plain_http ||
           err_set(err, STATUS_USAGE,
                   "the endpoint is plain http, over which anybody on the way can read and change "
                   "events: use https, or allow it with --s3-plain-http");
}

static bool is_region(const char *region)
{
    size_t len = strspn(region, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return len > 0 && region[len] == '\0' && len < sizeof((struct s3_place *)0)->region;
}

bool s3_place_set(struct s3_place *ret, const char *endpoint, const char *region,
                  enum s3_style style, bool plain_http, struct err *err)
{
    *ret = (struct s3_place){.style = style};
    if (!is_region(region))
        return err_set(err, STATUS_USAGE,
                       "the region is to be a name such as us-east-1, of letters, digits and -");
    memcpy(ret->region, region, strlen(region));
    if (style == S3_STYLE_AUTO)
        ret->style = endpoint == NULL ? S3_STYLE_HOST : S3_STYLE_PATH;
    if (endpoint == NULL) {
        const char *end = strncmp(region, "cn-", 3) == 0 ? ".amazonaws.com.cn" : ".amazonaws.com";
        char *at = stpcpy(ret->endpoint, "https://s3.");
        (void)stpcpy(stpcpy(at, region), end);
        return true;
    }
    if (!check_endpoint(endpoint, plain_http, err))
        return false;
    size_t len = strlen(endpoint);
    memcpy(ret->endpoint, endpoint, len - (endpoint[len - 1] == '/'));
    return true;
}

void s3_add_url(struct buf *out, const struct s3_place *place, const char *bucket, const char *key)
{
    const char *host = strstr(place->endpoint, "://") + 3;
    /* No certificate is for a name with a dot in the place of its star. */
    bool by_path = place->style == S3_STYLE_PATH || strchr(bucket, '.') != NULL;

    if (by_path)
        buf_printf(out, "%s/%s/", place->endpoint, bucket);
    else
        buf_printf(out, "%.*s%s.%s/", (int)(host - place->endpoint), place->endpoint, bucket, host);
    s3_encode(out, key, strlen(key), true);
}
