/* What a table of totals holds for a key, and its order. Pure. */
#ifndef AGGREGATOR_TOTALS_SLOT_H
#define AGGREGATOR_TOTALS_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/scan/event.h"

/* A short key and its sum. Once sorted, number is that of its statistics. */
struct slot {
    union {
        unsigned char bytes[EVENT_KEY_INLINE];
        uint64_t words[2]; /* big-endian, while they are sorted */
        const unsigned char *long_key;
    };
    uint32_t key_len;
    union {
        uint32_t hash, number;
    };
    int64_t sum;
};

static inline const unsigned char *slot_key(const struct slot *slot)
{
    return slot->key_len <= EVENT_KEY_INLINE ? slot->bytes : slot->long_key;
}

/* Sorts by key bytes; keys differ, and come in an order that nobody can choose. */
void slots_sort(struct slot *slots, size_t count, bool long_keys);

#endif
