#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

/* Bytes of the character at p; 0 where a message may not hold it: control and stray bytes. */
static size_t shown_length(const unsigned char *p, size_t len)
{
    size_t width = utf8_length(p, len);
    bool control = p[0] < 0x20 || p[0] == 0x7f || (p[0] == 0xc2 && width == 2 && p[1] < 0xa0);
    return control ? 0 : width;
}

void err_make_printable(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        text[--len] = '\0';
    for (size_t i = 0; i < len;) {
        size_t width = shown_length((const unsigned char *)text + i, len - i);
        if (width == 0)
            text[i] = text[i] == '\n' || text[i] == '\t' ? ' ' : '?';
        i += width == 0 ? 1 : width;
    }
}

bool err_set(struct err *err, enum status status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    err->status = status;
    (void)vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    err_make_printable(err->text);
    return false;
}

bool err_prefix(struct err *err, const char *fmt, ...)
{
    char prefixed[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    int len = vsnprintf(prefixed, sizeof prefixed, fmt, args);
    va_end(args);
    size_t at = len < 0 ? 0 : (size_t)len;
    if (at + sizeof ": " <= sizeof prefixed) {
        size_t kept = strnlen(err->text, sizeof prefixed - at - sizeof ": ");
        memcpy(prefixed + at, ": ", 2);
        memcpy(prefixed + at + 2, err->text, kept);
        prefixed[at + 2 + kept] = '\0';
    }
    memcpy(err->text, prefixed, sizeof err->text);
    err_make_printable(err->text);
    return false;
}

bool err_errno(struct err *err, int errnum, const char *fmt, ...)
{
    char what[ERR_TEXT_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return err_set(err, err_errno_status(errnum), "%s: %s", what, strerror(errnum));
}

enum status err_errno_status(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case EINTR:
    case ESTALE:
    case ETIMEDOUT:
        return STATUS_TRANSIENT;
    default:
        return STATUS_REFUSED;
    }
}

const char *err_quote(char *out, size_t size, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    const size_t widest = 4 + sizeof "..."; /* one more character, then the cut mark */
    size_t at = 0;

    for (size_t i = 0; i < len;) {
        size_t width = shown_length(in + i, len - i);
        if (at + widest > size) {
            memcpy(out + at, "...", sizeof "...");
            return out;
        }
        if (width == 0) {
            at += (size_t)snprintf(out + at, size - at, "\\x%02x", in[i]);
            i++;
        } else {
            memcpy(out + at, in + i, width);
            at += width;
            i += width;
        }
    }
    out[at] = '\0';
    return out;
}
