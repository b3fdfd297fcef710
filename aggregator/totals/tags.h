/*
 * A byte for each slot of a hash table: 0 while it is empty, else seven bits of its hash. Eight are
 * compared at once, so that a key may stand in any slot of its group. Pure.
 */
#ifndef AGGREGATOR_TOTALS_TAGS_H
#define AGGREGATOR_TOTALS_TAGS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { TAGS_GROUP = 8 };

#define TAGS_ONES  UINT64_C(0x0101010101010101)
#define TAGS_HIGHS (TAGS_ONES * 0x80)

/* Of the lowest bits: a slot's place comes of the highest. */
static inline unsigned char tag_of(uint32_t hash)
{
    return (unsigned char)(0x80 | hash);
}

static inline uint64_t tags_read(const unsigned char *group)
{
    uint64_t tags;
    memcpy(&tags, group, sizeof tags);
    return tags;
}

/* The high bits of tags that are this hash's, or that follow one that is. */
static inline uint64_t tags_same(uint64_t tags, uint32_t hash)
{
    uint64_t differ = tags ^ (TAGS_ONES * tag_of(hash));
    return (differ - TAGS_ONES) & ~differ & TAGS_HIGHS;
}

/* The high bits of tags of empty slots. */
static inline uint64_t tags_empty(uint64_t tags)
{
    return ~tags & TAGS_HIGHS;
}

/* The number of the first tag of which a high bit is set. */
static inline size_t tags_first(uint64_t highs)
{
    return (size_t)__builtin_ctzll(highs) / 8;
}

#endif
