/*
 * What S3 and STS answer, out of XML. Pure.
 * Sources: "ListObjectsV2" and "Error responses" in the Amazon S3 API Reference;
 * "AssumeRoleWithWebIdentity" in the AWS Security Token Service API Reference.
 */
#ifndef AGGREGATOR_S3_ANSWERS_H
#define AGGREGATOR_S3_ANSWERS_H

#include <stdint.h>

#include "aggregator/s3/address.h"

enum { S3_ETAG_MAX = 127, S3_TOKEN_MAX = 4096, S3_ANSWER_MAX = 16 << 20 };

struct s3_entry {
    const char *key; /* valid UTF-8; borrowed */
    uint64_t size;
    char etag[S3_ETAG_MAX + 1]; /* without quotes; "" where there was none */
};

typedef bool s3_entry_sink(void *context, const struct s3_entry *entry, struct err *err);

struct s3_page {
    char next[S3_TOKEN_MAX + 1]; /* the token for the page after it; "": this is the last */
};

/* A page of ListObjectsV2, entry by entry. INPUT where it is none. */
bool s3_read_page(const char *bytes, size_t len, struct s3_page *ret, s3_entry_sink *sink,
                  void *context, struct err *err);

struct s3_error {
    char code[64], message[512], region[64]; /* "": it did not say */
};

/* Whatever of it can be read; an answer may be a proxy's page. */
void s3_read_error(const char *bytes, size_t len, struct s3_error *ret);

enum { S3_SECRET_MAX = 256, S3_SESSION_MAX = 8192 };

/* Who signs requests. */
struct s3_credentials {
    char id[S3_SECRET_MAX + 1], secret[S3_SECRET_MAX + 1];
    char session[S3_SESSION_MAX + 1]; /* "": none */
};

/* The answer to AssumeRoleWithWebIdentity. INPUT where it is none. */
bool s3_read_role(const char *bytes, size_t len, struct s3_credentials *ret, struct err *err);

#endif
