#include "aggregator/totals/compact.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/totals/key_hash.h"

enum { FIRST_BITS = 11 };

void compact_index_release(struct compact_index *index)
{
    free(index->slots);
    index->slots = NULL;
    index->size = 0;
}

/* At most three of four slots are taken. Returns the bits of a slot's number, 0 without memory. */
static unsigned clear_index(struct compact_index *index, size_t records)
{
    unsigned bits = FIRST_BITS;

    while (((size_t)3 << bits) / 4 <= records)
        bits++;
    const size_t size = (size_t)1 << bits;
    if (size > index->size) {
        if (size * sizeof *index->slots > index->most)
            return 0;
        uint32_t *slots = malloc(size * sizeof *slots);
        if (slots == NULL)
            return 0;
        free(index->slots);
        index->slots = slots;
        index->size = size;
    }
    memset(index->slots, 0, size * sizeof *index->slots);
    return bits;
}

/* Where records are kept: at or before the place of the one that is read. */
struct cursor {
    uint32_t chunk, word;
};

static inline uint64_t *keep(const struct list *list, struct cursor *to, const uint64_t *record,
                             size_t words)
{
    if (to->word + words > CHUNK_WORDS) {
        list->chunks[to->chunk++]->used = to->word;
        to->word = 0;
    }
    uint64_t *kept = list->chunks[to->chunk]->words + to->word;
    if (kept != record)
        memmove(kept, record, words * sizeof *kept);
    to->word += (uint32_t)words;
    return kept;
}

static inline __attribute__((always_inline)) size_t keep_unique(struct list *list, size_t unique,
                                                                uint32_t *slots, unsigned bits,
                                                                struct cursor *to, uint64_t seed,
                                                                const bool statistics)
{
    const uint32_t last = (uint32_t)(((uint64_t)1 << bits) - 1);
    size_t kept = 0, seen = 0;

    for (uint32_t c = 0; c < list->count; c++) {
        const uint64_t *record = list->chunks[c]->words, *end = record + list->chunks[c]->used;
        for (size_t words; record < end; record += words, seen++) {
            const uint32_t hash = (uint32_t)key_hash_record(record, seed);
            uint32_t slot = hash >> (32 - bits);
            words = record_words(record, statistics);
            for (; slots[slot] != 0; slot = (slot + 1) & last) {
                uint64_t *other = list_at(list, slots[slot]);
                if (seen >= unique && record_has_key_of(other, record, statistics)) {
                    record_add(other, record, statistics);
                    break;
                }
            }
            if (slots[slot] != 0)
                continue;
            (void)keep(list, to, record, words);
            slots[slot] = list_place(to->chunk, to->word - (uint32_t)words);
            kept++;
        }
    }
    return kept;
}

bool compact(struct list *list, size_t unique, struct compact_index *index, struct pool *pool,
             uint64_t seed, bool statistics)
{
    struct cursor to = {0, 0};

    if (list->records == unique)
        return true;
    const unsigned bits = clear_index(index, list->records);
    if (bits == 0)
        return false;
    list->records = statistics ? keep_unique(list, unique, index->slots, bits, &to, seed, true)
                               : keep_unique(list, unique, index->slots, bits, &to, seed, false);
    list->chunks[to.chunk]->used = to.word;
    list_cut(list, pool, to.chunk + 1);
    return true;
}
