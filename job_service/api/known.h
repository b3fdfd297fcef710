/*
 * Tokens that the database said a moment ago may submit, so that a body is asked for without asking
 * it again. A token that has been revoked since gets its body read, and no more: the submit itself
 * is judged by the database. Any thread.
 */
#ifndef JOB_SERVICE_API_KNOWN_H
#define JOB_SERVICE_API_KNOWN_H

#include <stdbool.h>

enum { KNOWN_MS = 5000, KNOWN_MAX = 1024 };

/* token NULL: nobody's. */
bool known_is(const char *token);
void known_add(const char *token);

#endif
