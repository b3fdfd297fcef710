/*
 * A client of S3's protocol: lists objects and reads them, in turn. What may pass is tried again
 * for a while, a broken answer from where it broke, of the same version of the object. One thread
 * at a time.
 */
#ifndef AGGREGATOR_S3_CLIENT_H
#define AGGREGATOR_S3_CLIENT_H

#include "aggregator/s3/answers.h"
#include "aggregator/s3/range.h"

struct s3_settings {
    const char *endpoint, *region, *ca_file; /* or NULL */
    int style;                               /* enum s3_style */
    bool plain_http, anonymous;
    uint64_t retry_ms; /* how long the same trouble may last */
};

struct s3;

/*
 * Settings are borrowed, and looked at with the credentials when the first name comes: USAGE and
 * REFUSED then, as address.h and credentials.h say. NULL without memory.
 */
struct s3 *s3_open(const struct s3_settings *settings, struct err *err);
void s3_close(struct s3 *s3); /* accepts NULL */

/* What it has cost so far. */
struct s3_cost {
    uint64_t requests; /* sent, those that were tried again among them */
    uint64_t bytes;    /* of objects that came in */
};
struct s3_cost s3_cost(const struct s3 *s3);

/*
 * The objects that a name stands for and that are within the range (NULL: all), in byte order of
 * their keys; a name that ends in a slash may stand for none. Markers of directories (keys that end
 * in a slash) are left out. REFUSED where the object, the bucket or the right to it is missing.
 */
bool s3_list(struct s3 *s3, const char *name, const struct s3_range *range, s3_entry_sink *sink,
             void *context, struct err *err);

/* The bytes of an object. */
struct s3_stream;

/* Sends nothing yet. The name is borrowed. NULL without memory, and for what is no such name. */
struct s3_stream *s3_stream_open(struct s3 *s3, const char *name, struct err *err);
void s3_stream_close(struct s3_stream *stream); /* accepts NULL */

/*
 * 1: *ret bytes, 0: the end of a whole object, -1: failed. TRANSIENT also where the object changed
 * or went away; REFUSED without the right to it.
 */
int s3_stream_read(struct s3_stream *stream, void *to, size_t room, size_t *ret, struct err *err);

/* The ETag of the object that was read last, "" where it has none. */
const char *s3_last_etag(const struct s3 *s3);

#endif
