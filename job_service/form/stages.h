/* The stages of a Dockerfile, what they are built from, and the arguments before them. Pure. */
#ifndef JOB_SERVICE_FORM_STAGES_H
#define JOB_SERVICE_FORM_STAGES_H

#include <stdbool.h>
#include <stddef.h>

#include "job_service/form/dockerfile.h"
#include "job_service/form/words.h"

enum { STAGE_NAME_MAX = 63, ARGUMENTS_MAX = 64 };

struct stages {
    const struct dockerfile_rules *rules;
    char names[DOCKERFILE_STAGES][STAGE_NAME_MAX + 1]; /* "" for one without */
    size_t count;
    struct argument {
        char name[STAGE_NAME_MAX + 1], value[WORD_TEXT_MAX + 1];
    } arguments[ARGUMENTS_MAX]; /* of ARG before the first FROM */
    size_t argument_count;
};

/* What follows ARG, and what follows FROM. INPUT with the place. */
bool stages_take_arguments(struct stages *stages, struct cursor *at, struct err *err);
bool stages_take_from(struct stages *stages, struct cursor *at, struct err *err);

/* Whether name, at word, can be copied from in the last stage: an earlier one, or a base. */
bool stages_check_source(const struct stages *stages, const struct word *word, const char *name,
                         struct err *err);

/* Whether the quotes and variables of a word are as the builder knows them. */
bool stages_check_word(const struct stages *stages, const struct word *word, struct err *err);

#endif
