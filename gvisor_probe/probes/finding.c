#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/report/cause.h"

void found(struct finding *ret, enum probe_result result)
{
    ret->result = result;
}

void found_errno(struct finding *ret, int errnum)
{
    ret->errnum = errnum;
    ret->result = result_of_errno(errnum);
}

void found_call(struct finding *ret, long rc)
{
    found_errno(ret, rc >= 0 ? 0 : errno);
}

/* What a kernel says may hold any bytes; a report may not. */
static void put(char out[FINDING_TEXT_MAX], const char *fmt, va_list args)
{
    char text[FINDING_TEXT_MAX];

    (void)vsnprintf(text, sizeof text, fmt, args);
    err_make_printable(text);
    (void)err_quote(out, FINDING_TEXT_MAX, text, strlen(text));
}

void found_value(struct finding *ret, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put(ret->value, fmt, args);
    va_end(args);
}

void found_detail(struct finding *ret, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    put(ret->detail, fmt, args);
    va_end(args);
}

void probe_token(char out[PROBE_TOKEN_MAX], const char *label, const char *probe)
{
    (void)snprintf(out, PROBE_TOKEN_MAX, "%s %s\n", label, probe);
}

long read_small(const char *path, char *out, size_t size)
{
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return -1;
    while (len + 1 < size) {
        ssize_t got = read(fd, out + len, size - 1 - len);
        if (got < 0 && errno != EINTR) {
            int failed = errno;
            (void)close(fd);
            errno = failed;
            return -1;
        }
        if (got == 0)
            break;
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    out[len] = '\0';
    return (long)len;
}
