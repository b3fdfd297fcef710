/*
 * A first look at a Dockerfile, so that most mistakes are told at once and not after a build. Pure.
 *
 * It is for people: what a build may reach does not depend on it. It knows the syntax, the stages,
 * the bases that the operator allows, and what the builder cannot do here: a job is one file, so
 * there is no context to copy from, and a build reaches no network but the bases.
 */
#ifndef JOB_SERVICE_FORM_DOCKERFILE_H
#define JOB_SERVICE_FORM_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

enum {
    DOCKERFILE_MAX = 900 << 10, /* bytes: it travels in a ConfigMap */
    DOCKERFILE_STAGES = 32,
    DOCKERFILE_INSTRUCTIONS = 1000,
};

struct dockerfile_rules {
    const char *const *bases; /* "debian:12", without a tag any tag; borrowed */
    size_t base_count;
};

/* INPUT with "Dockerfile:LINE:COLUMN: what is wrong and what to do". Columns count bytes from 1. */
bool dockerfile_check(const char *bytes, size_t len, const struct dockerfile_rules *rules,
                      struct err *err);

#endif
