/*
 * Names of objects: s3://BUCKET/KEY is one, s3://BUCKET/PREFIX/ all whose keys begin with it. Pure.
 * Sources: "Bucket naming rules", "Creating object key names" and "Virtual hosting of buckets" in
 * the Amazon S3 User Guide; RFC 3986 for the encoding.
 */
#ifndef AGGREGATOR_S3_ADDRESS_H
#define AGGREGATOR_S3_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

#define S3_SCHEME "s3://"

enum { S3_BUCKET_MAX = 63, S3_KEY_MAX = 1024, S3_ID_MAX = S3_BUCKET_MAX + 1 + S3_KEY_MAX };

/* Whether a name is meant as one. */
bool s3_is_name(const char *name);

struct s3_address {
    char bucket[S3_BUCKET_MAX + 1];
    const char *key; /* borrowed from the name; of a prefix it is empty or ends in a slash */
    bool is_prefix;
};

/* USAGE where it is no such name; the message quotes it. */
bool s3_address_parse(const char *name, struct s3_address *ret, struct err *err);

/* Bytes that RFC 3986 does not reserve, slashes among them, stay; all others become %XX. */
void s3_encode(struct buf *out, const char *bytes, size_t len, bool keep_slashes);

/* The reverse; with plus, + is a space. False: a % without two digits, or a NUL. */
bool s3_decode(struct buf *out, const char *text, size_t len, bool plus);

enum s3_style { S3_STYLE_AUTO, S3_STYLE_PATH, S3_STYLE_HOST };

/* Where requests go. */
struct s3_place {
    char endpoint[512]; /* https://host or https://host:port, without a slash at the end */
    char region[64];
    enum s3_style style; /* PATH or HOST */
};

/*
 * endpoint NULL: Amazon's for the region. USAGE for one that is no http or https URL of a host
 * alone, for http unless plain_http, and for a region that is none.
 */
bool s3_place_set(struct s3_place *ret, const char *endpoint, const char *region,
                  enum s3_style style, bool plain_http, struct err *err);

/* The URL of an object, or of the bucket where the key is "". */
void s3_add_url(struct buf *out, const struct s3_place *place, const char *bucket, const char *key);

#endif
