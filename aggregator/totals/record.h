/*
 * A key and what it adds up to as they lie in memory: whole words, one record behind the other.
 * Pure.
 *
 *   short key   key, key, sum [, count, min, max]
 *   long key    length, hash, sum [, count, min, max], key ...
 *
 * Keys end in zeros, which no key holds: they tell where a short one ends, and the zero with which
 * a length begins tells a long one.
 */
#ifndef AGGREGATOR_TOTALS_RECORD_H
#define AGGREGATOR_TOTALS_RECORD_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "aggregator/scan/event.h"
#include "aggregator/totals/total.h"

enum {
    RECORD_HASH = 1, /* words */
    RECORD_SUM = 2,
    RECORD_COUNT,
    RECORD_MIN,
    RECORD_MAX,
    RECORD_SHORT_WORDS = EVENT_KEY_INLINE / 8,
};

static inline bool record_is_long(const uint64_t *record)
{
    return *(const unsigned char *)record == 0;
}

/* Words of a record without a long key. */
static inline size_t record_fixed(bool statistics)
{
    return statistics ? RECORD_MAX + 1 : RECORD_SUM + 1;
}

/* Only of a long key. */
static inline size_t record_key_len(const uint64_t *record)
{
    return (size_t)(be64toh(*record));
}

static inline size_t record_key_words(const uint64_t *record)
{
    return record_is_long(record) ? (record_key_len(record) + 7) / 8 : RECORD_SHORT_WORDS;
}

static inline const uint64_t *record_key(const uint64_t *record, bool statistics)
{
    return record_is_long(record) ? record + record_fixed(statistics) : record;
}

static inline size_t record_words(const uint64_t *record, bool statistics)
{
    return record_fixed(statistics) + (record_is_long(record) ? record_key_words(record) : 0);
}

static inline size_t record_words_of(const struct event *event, bool statistics)
{
    return record_fixed(statistics) +
           (event->key_len > EVENT_KEY_INLINE ? (event->key_len + 7) / 8 : 0);
}

/* Fills record_words_of(event) words. */
static inline void record_set(uint64_t *record, const struct event *event, uint64_t hash,
                              bool statistics)
{
    if (event->key_len <= EVENT_KEY_INLINE) {
        memcpy(record, event->bytes, EVENT_KEY_INLINE);
    } else {
        uint64_t *key = record + record_fixed(statistics);
        key[(event->key_len - 1) / 8] = 0;
        memcpy(key, event->long_key, event->key_len);
        record[0] = htobe64(event->key_len);
        record[RECORD_HASH] = hash;
    }
    record[RECORD_SUM] = (uint64_t)event->value;
    if (statistics) {
        record[RECORD_COUNT] = 1;
        record[RECORD_MIN] = record[RECORD_MAX] = (uint64_t)event->value;
    }
}

static inline size_t record_count(const uint64_t *records, size_t len, bool statistics)
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += record_words(records + at, statistics))
        count++;
    return count;
}

static inline bool record_has_key_of(const uint64_t *a, const uint64_t *b, bool statistics)
{
    if (a[0] != b[0] || a[1] != b[1])
        return false;
    return !record_is_long(a) ||
           memcmp(record_key(a, statistics), record_key(b, statistics), record_key_len(a)) == 0;
}

/* Adds one record to another of the same key. */
static inline void record_add(uint64_t *into, const uint64_t *other, bool statistics)
{
    total_add((int64_t *)&into[RECORD_SUM], (int64_t)other[RECORD_SUM]);
    if (!statistics)
        return;
    into[RECORD_COUNT] += other[RECORD_COUNT];
    if (other[RECORD_MIN] < into[RECORD_MIN]) /* values are not negative */
        into[RECORD_MIN] = other[RECORD_MIN];
    if (other[RECORD_MAX] > into[RECORD_MAX])
        into[RECORD_MAX] = other[RECORD_MAX];
}

/* It borrows the record's key. */
static inline struct total record_total(const uint64_t *record, bool statistics)
{
    struct total total = {.key = (const unsigned char *)record_key(record, statistics),
                          .sum = (int64_t)record[RECORD_SUM]};

    if (record_is_long(record))
        total.key_len = record_key_len(record);
    else
        total.key_len = record[1] != 0 ? 16 - (size_t)__builtin_ctzll(be64toh(record[1])) / 8
                                       : 8 - (size_t)__builtin_ctzll(be64toh(record[0])) / 8;
    if (statistics) {
        total.count = (int64_t)record[RECORD_COUNT];
        total.min = (int64_t)record[RECORD_MIN];
        total.max = (int64_t)record[RECORD_MAX];
    }
    return total;
}

#endif
