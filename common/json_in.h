/*
 * Reading members of parsed JSON, with errors that name file and member. Pure.
 * `path` is dotted: "observed.capabilities.effective". Inside null every member is null.
 */
#ifndef COMMON_JSON_IN_H
#define COMMON_JSON_IN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* The first error is kept, and nothing is read after it. */
struct json_in {
    const char *source; /* for messages */
    const cJSON *root;
    struct err *err;
    bool failed;
};

enum json_need { JSON_NEEDED, JSON_OR_NULL };

/* Strict RFC 8259, at most 64 levels; INPUT with line and column. */
cJSON *json_parse(const char *source, const char *bytes, size_t len, struct err *err);

/* NULL when it is missing. */
const cJSON *json_find(const cJSON *root, const char *path);

const char *json_read_text(struct json_in *in, const char *path, enum json_need need);
bool json_read_bool(struct json_in *in, const char *path, bool otherwise, enum json_need need);
/* From 2^53 on all is out of range, whatever max says: cJSON keeps doubles, which lose digits. */
uint64_t json_read_u64(struct json_in *in, const char *path, uint64_t max);
double json_read_number(struct json_in *in, const char *path);

/* An array of at most max elements; its first one, or NULL. */
const cJSON *json_read_array(struct json_in *in, const char *path, size_t max, enum json_need need);

/* Says that what is at path is wrong; returns false. */
bool json_reject(struct json_in *in, const char *path, const char *reason);

#endif
