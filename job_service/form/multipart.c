#include "job_service/form/multipart.h"

#include <string.h>
#include <strings.h>

#include "common/utf8.h"

static const char media_type[] = "multipart/form-data";

enum { VALUE_MAX = 1023 };

struct parameter {
    char name[32], value[VALUE_MAX + 1];
};

struct headers {
    bool has_disposition, is_file; /* Content-Disposition: form-data; name="file" */
    char *filename;
};

bool multipart_is_meant(const char *content_type)
{
    size_t len = sizeof media_type - 1;

    return content_type != NULL && strncasecmp(content_type, media_type, len) == 0 &&
           strchr("; \t", content_type[len]) != NULL;
}

static bool wrong(struct err *err, const char *what)
{
    return err_set(err, STATUS_INPUT, "the multipart body %s", what);
}

static const char *past_blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p;
}

/* A value at p, in quotes or up to a semicolon or a blank; its end, or NULL: it cannot be read. */
static const char *read_value(const char *p, const char *end, char value[VALUE_MAX + 1])
{
    size_t len = 0;
    bool quoted = p < end && *p == '"';

    for (p += quoted; p < end && (quoted ? *p != '"' : strchr("; \t", *p) == NULL); p++) {
        if (quoted && *p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
            p++;
        if (len == VALUE_MAX)
            return NULL;
        value[len++] = *p;
    }
    value[len] = '\0';
    return quoted && p == end ? NULL : p + quoted;
}

enum next { NEXT_ONE, NEXT_NONE, NEXT_WRONG };

/* One `; name=value`; *p is past it then. */
static enum next next_parameter(const char **p, const char *end, struct parameter *ret)
{
    const char *at = past_blanks(*p, end);
    size_t len = 0;

    if (at == end)
        return NEXT_NONE;
    if (*at++ != ';')
        return NEXT_WRONG;
    at = past_blanks(at, end);
    if (at == end)
        return NEXT_NONE;
    for (; at < end && *at != '=' && len + 1 < sizeof ret->name; at++)
        ret->name[len++] = *at;
    ret->name[len] = '\0';
    if (at == end || *at != '=')
        return NEXT_WRONG;
    *p = read_value(at + 1, end, ret->value);
    return *p == NULL ? NEXT_WRONG : NEXT_ONE;
}

static bool find_boundary(const char *content_type, char ret[MULTIPART_BOUNDARY_MAX + 1],
                          struct err *err)
{
    static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                  "'()+_,-./:=? ";
    const char *p = content_type + sizeof media_type - 1, *end = p + strlen(p);
    struct parameter parameter;

    while (next_parameter(&p, end, &parameter) == NEXT_ONE) {
        if (strcasecmp(parameter.name, "boundary") != 0)
            continue;
        size_t len = strlen(parameter.value);
        if (len == 0 || len > MULTIPART_BOUNDARY_MAX || strspn(parameter.value, allowed) != len ||
            parameter.value[len - 1] == ' ')
            return wrong(err, "needs a boundary of 1 to 70 letters, digits and '()+_,-./:=?");
        memcpy(ret, parameter.value, len + 1);
        return true;
    }
    return wrong(err, "needs its boundary in Content-Type: let the client set that header");
}

/* The bytes of a character that a log can show, or 0. */
static size_t shown_length(const char *p)
{
    const unsigned char *bytes = (const unsigned char *)p;
    size_t width = utf8_length(bytes, strlen(p));

    if (bytes[0] < ' ' || bytes[0] == 0x7f || (bytes[0] == 0xc2 && bytes[1] < 0xa0))
        return 0;
    return width;
}

/* What a client calls the file, without directories and without what a log cannot show. */
static void take_filename(char out[MULTIPART_FILENAME_MAX + 1], const char *value)
{
    const char *slash = strrchr(value, '/'), *backslash = strrchr(value, '\\');
    const char *p = slash == NULL ? value : slash + 1;
    size_t len = 0;

    if (backslash != NULL && backslash >= p)
        p = backslash + 1;
    while (*p != '\0') {
        size_t width = shown_length(p);
        if (len + width > MULTIPART_FILENAME_MAX)
            break;
        memcpy(out + len, p, width);
        len += width;
        p += width == 0 ? 1 : width;
    }
    out[len] = '\0';
}

static bool read_disposition(const char *p, const char *end, struct headers *headers,
                             struct err *err)
{
    static const char form_data[] = "form-data";
    size_t len = sizeof form_data - 1;
    struct parameter parameter;
    enum next next;

    p = past_blanks(p, end);
    if (headers->has_disposition || (size_t)(end - p) < len || strncasecmp(p, form_data, len) != 0)
        return wrong(err, "needs one Content-Disposition: form-data; name=\"file\"");
    headers->has_disposition = true;
    for (p += len; (next = next_parameter(&p, end, &parameter)) == NEXT_ONE;) {
        if (strcasecmp(parameter.name, "name") == 0)
            headers->is_file = strcmp(parameter.value, "file") == 0;
        else if (strcasecmp(parameter.name, "filename") == 0)
            take_filename(headers->filename, parameter.value);
    }
    return next == NEXT_NONE || wrong(err, "has a Content-Disposition that cannot be read");
}

/* After the name of a header, if the line is that one; else NULL. */
static const char *header_value(const char *line, const char *end, const char *name)
{
    size_t len = strlen(name);

    return (size_t)(end - line) >= len && strncasecmp(line, name, len) == 0 ? line + len : NULL;
}

/* As bytes, in other words. */
static bool is_plain_encoding(const char *p, const char *end)
{
    static const char *const plain[] = {"7bit", "8bit", "binary"};

    p = past_blanks(p, end);
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if ((size_t)(end - p) == strlen(plain[i]) &&
            strncasecmp(p, plain[i], strlen(plain[i])) == 0)
            return true;
    return false;
}

static bool read_headers(const char *p, const char *end, struct headers *headers, struct err *err)
{
    if (memchr(p, '\0', (size_t)(end - p)) != NULL)
        return wrong(err, "has a zero byte in a header");
    while (p < end) {
        const char *line_end = memmem(p, (size_t)(end - p), "\r\n", 2), *value;
        if (line_end == NULL)
            line_end = end;
        if ((value = header_value(p, line_end, "Content-Disposition:")) != NULL) {
            if (!read_disposition(value, line_end, headers, err))
                return false;
        } else if ((value = header_value(p, line_end, "Content-Transfer-Encoding:")) != NULL) {
            if (!is_plain_encoding(value, line_end))
                return wrong(err, "is encoded: send the file's bytes as they are");
        } else if (memchr(p, ':', (size_t)(line_end - p)) == NULL) {
            return wrong(err, "has a header line without a colon");
        }
        p = line_end == end ? end : line_end + 2;
    }
    return true;
}

/* Past the first delimiter and its line end; NULL: there is no part. */
static const char *find_part(const char *body, size_t len, const char *delimiter, struct err *err)
{
    size_t size = strlen(delimiter);
    const char *at = body, *end = body + len;

    /* It needs no line end before it where it begins the body. */
    if (len >= size - 2 && memcmp(body, delimiter + 2, size - 2) == 0)
        at += size - 2;
    else if ((at = memmem(body, len, delimiter, size)) != NULL)
        at += size;
    else
        (void)wrong(err, "does not hold its boundary");
    if (at == NULL)
        return NULL;
    at = past_blanks(at, end);
    if (end - at >= 2 && memcmp(at, "\r\n", 2) == 0)
        return at + 2;
    (void)wrong(err, "holds no part: curl -F file=@Dockerfile");
    return NULL;
}

bool multipart_read(const char *content_type, const char *body, size_t len,
                    struct multipart_file *ret, struct err *err)
{
    char delimiter[4 + MULTIPART_BOUNDARY_MAX + 1] = "\r\n--";
    const char *end = body + len;
    struct headers headers = {.filename = ret->name};

    ret->name[0] = '\0';
    if (!find_boundary(content_type, delimiter + 4, err))
        return false;
    size_t size = strlen(delimiter);
    const char *at = find_part(body, len, delimiter, err);
    if (at == NULL)
        return false;
    size_t rest = (size_t)(end - at),
           most = rest < MULTIPART_HEADERS_MAX ? rest : MULTIPART_HEADERS_MAX;
    const char *blank = memmem(at, most, "\r\n\r\n", 4);
    if (blank == NULL)
        return wrong(err, "has a part whose headers do not end within 8 KiB");
    if (!read_headers(at, blank, &headers, err))
        return false;
    if (!headers.is_file)
        return wrong(err, "must have one part named 'file': curl -F file=@Dockerfile");
    ret->bytes = blank + 4;
    const char *close = memmem(ret->bytes, (size_t)(end - ret->bytes), delimiter, size);
    if (close == NULL)
        return wrong(err, "ends before its last boundary");
    ret->len = (size_t)(close - ret->bytes);
    if (end - close < (ptrdiff_t)size + 2 || memcmp(close + size, "--", 2) != 0)
        return wrong(err, "must have one part only, named 'file'");
    return true;
}
