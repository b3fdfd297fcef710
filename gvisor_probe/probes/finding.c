/* What probes fill a finding with. Pure. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/words/cause.h"

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

/* Texts of a kernel may hold any bytes; those that a report may not hold are escaped. */
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
