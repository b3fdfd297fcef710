/*
 * A range of objects in byte order of BUCKET/KEY, and how all are split into ranges of like size.
 * Ranges that follow each other leave no gap: whatever comes to lie between two known keys is in
 * exactly one of them. Pure.
 */
#ifndef AGGREGATOR_S3_RANGE_H
#define AGGREGATOR_S3_RANGE_H

#include <stdint.h>

#include "aggregator/s3/address.h"

/* Both bounds are BUCKET/KEY or "", which is none. */
struct s3_range {
    char after[S3_ID_MAX + 1], upto[S3_ID_MAX + 1];
};

/* AFTER:UPTO, each %-encoded, as s3_range_add() writes it. USAGE where it is none. */
bool s3_range_parse(const char *text, struct s3_range *ret, struct err *err);
void s3_range_add(struct buf *out, const struct s3_range *range);

bool s3_range_has(const struct s3_range *range, const char *id);

/*
 * Where in the sorted list part number `part` of `parts` begins: sizes[i] is the weight of the i-th
 * object. Parts may be empty where there are few objects.
 */
size_t s3_range_begin(const uint64_t *sizes, size_t count, unsigned part, unsigned parts);

#endif
