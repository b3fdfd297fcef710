#include "aggregator/s3/range.h"

#include <string.h>

static bool read_bound(const char *text, size_t len, char ret[S3_ID_MAX + 1])
{
    struct err ignored;
    OWNED_BUF(bound, S3_ID_MAX);

    bool done = s3_decode(&bound, text, len, false) && buf_ok(&bound, &ignored);
    if (done)
        memcpy(ret, bound.data, bound.len + 1);
    return done;
}

bool s3_range_parse(const char *text, struct s3_range *ret, struct err *err)
{
    const char *colon = strchr(text, ':');

    *ret = (struct s3_range){0};
    if (colon == NULL || strchr(colon + 1, ':') != NULL ||
        !read_bound(text, (size_t)(colon - text), ret->after) ||
        !read_bound(colon + 1, strlen(colon + 1), ret->upto))
        return err_set(err, STATUS_USAGE,
                       "the range is to be AFTER:UPTO, as `aggregator split` prints it");
    return ret->after[0] == '\0' || ret->upto[0] == '\0' || strcmp(ret->after, ret->upto) <= 0 ||
           err_set(err, STATUS_USAGE, "the range ends before it begins");
}

void s3_range_add(struct buf *out, const struct s3_range *range)
{
    s3_encode(out, range->after, strlen(range->after), true);
    buf_add_text(out, ":");
    s3_encode(out, range->upto, strlen(range->upto), true);
}

bool s3_range_has(const struct s3_range *range, const char *id)
{
    return strcmp(id, range->after) > 0 && (range->upto[0] == '\0' || strcmp(id, range->upto) <= 0);
}

size_t s3_range_begin(const uint64_t *sizes, size_t count, unsigned part, unsigned parts)
{
    unsigned __int128 all = 0, sum = 0;
    size_t i = 0;

    for (size_t at = 0; at < count; at++)
        all += sizes[at];
    /* An object is of the part in which its middle lies. */
    for (; i < count && (sum * 2 + sizes[i]) * parts < all * 2 * part; i++)
        sum += sizes[i];
    return i;
}
