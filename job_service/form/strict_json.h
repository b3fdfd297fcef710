/*
 * JSON from somebody else as a tree, whose texts are whole: cJSON alone takes more than JSON, and
 * ends a text at \u0000. Pure.
 */
#ifndef JOB_SERVICE_FORM_STRICT_JSON_H
#define JOB_SERVICE_FORM_STRICT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

struct cJSON;

/*
 * *ret is for cJSON_Delete(). INPUT with the byte, counted from 1, where it is not JSON, has a text
 * with \u0000 or half a surrogate pair, or about more than `most` values; TRANSIENT without memory.
 */
bool strict_json_read(const char *text, size_t len, size_t most, struct cJSON **ret,
                      struct err *err);

#endif
