/*
 * The file in a multipart/form-data body (RFC 7578), as `curl -F file=@Dockerfile` sends it. Pure.
 *
 * Strict and bounded: one part named `file` and no other, CRLF line ends, a closing delimiter. What
 * browsers and curl send fits; everything else is told apart by a message.
 */
#ifndef JOB_SERVICE_FORM_MULTIPART_H
#define JOB_SERVICE_FORM_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum {
    MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046 */
    MULTIPART_HEADERS_MAX = 8 << 10,
    MULTIPART_FILENAME_MAX = 255,
};

struct multipart_file {
    const char *bytes; /* within the body */
    size_t len;
    char name[MULTIPART_FILENAME_MAX + 1]; /* last component, UTF-8 without controls; may be "" */
};

/* Whether the value of Content-Type says multipart/form-data. */
bool multipart_is_meant(const char *content_type);

/* INPUT where the body is not of that form. */
bool multipart_read(const char *content_type, const char *body, size_t len,
                    struct multipart_file *ret, struct err *err);

#endif
