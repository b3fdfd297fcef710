/* A program and its arguments, as an image's configuration has them: ["python3", "job.py"]. Pure.
 */
#ifndef JOB_RUNNER_COMMAND_H
#define JOB_RUNNER_COMMAND_H

#include <stdbool.h>

#include "common/err.h"

enum {
    COMMAND_TEXT_MAX = 65536, /* bytes of the JSON */
    COMMAND_WORDS_MAX = 1024,
};

/*
 * Reads a JSON array of strings. *ret is ended by NULL, and command_free() frees it; no word at all
 * is not an error here. INPUT: it is no such array, or larger than the limits.
 */
bool command_read(const char *text, char ***ret, struct err *err);
void command_free(char **command);

#endif
