#include "aggregator/totals.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    CHUNK_ENTRIES = 1 << 13, /* 256 KiB of entries: entries never move */
    TEXT_CHUNK = 1 << 17,    /* long keys */
    FIRST_SLOTS = 1 << 10,
    BATCH_EVENTS = 64,
    CACHED_ENTRIES = 1 << 12, /* so many are at hand anyway */
};

struct entry {
    union {
        unsigned char bytes[EVENT_KEY_INLINE];
        const unsigned char *long_key;
    };
    uint32_t key_len;
    uint32_t hash;
    int64_t sum;
};

struct statistics {
    int64_t count, min, max;
};

/* An empty slot has entry_plus_1 == 0. The hash saves a visit to the entry. */
struct slot {
    uint32_t hash;
    uint32_t entry_plus_1;
};

struct text_chunk {
    struct text_chunk *next;
    size_t used, size;
    unsigned char bytes[];
};

struct totals {
    size_t budget, used;
    uint64_t seed;
    bool statistics;
    struct slot *slots; /* once sorted: the entries' numbers in order, as uint32_t */
    size_t slot_count;  /* a power of two */
    struct entry **entries;
    struct statistics **stats;
    size_t chunk_count, chunk_slots;
    size_t count;
    struct text_chunk *text;
};

struct totals *totals_new(size_t budget, bool statistics, uint64_t seed)
{
    struct totals *totals = calloc(1, sizeof *totals);
    if (totals == NULL)
        return NULL;
    totals->budget = budget;
    totals->statistics = statistics;
    totals->seed = seed;
    totals->slot_count = FIRST_SLOTS;
    totals->slots = calloc(totals->slot_count, sizeof *totals->slots);
    /* Pointers to chunks: as many as the budget could ever hold. */
    totals->chunk_slots = budget / (CHUNK_ENTRIES * sizeof(struct entry)) + 1;
    totals->entries = calloc(totals->chunk_slots, sizeof(struct entry *));
    totals->stats = calloc(totals->chunk_slots, sizeof(struct statistics *));
    totals->used = totals->slot_count * sizeof *totals->slots +
                   totals->chunk_slots * 2 * sizeof(struct entry *);
    if (totals->slots == NULL || totals->entries == NULL || totals->stats == NULL) {
        totals_free(totals);
        return NULL;
    }
    return totals;
}

static void free_text(struct totals *totals)
{
    while (totals->text != NULL) {
        struct text_chunk *next = totals->text->next;
        totals->used -= totals->text->size;
        free(totals->text);
        totals->text = next;
    }
}

void totals_free(struct totals *totals)
{
    if (totals == NULL)
        return;
    for (size_t i = 0; i < totals->chunk_count; i++) {
        free(totals->entries[i]);
        free(totals->stats[i]);
    }
    free_text(totals);
    free(totals->entries);
    free(totals->stats);
    free(totals->slots);
    free(totals);
}

/* Takes memory from the budget; NULL when it would not hold. */
static void *take(struct totals *totals, size_t size)
{
    if (size > totals->budget - totals->used)
        return NULL;
    void *memory = calloc(1, size);
    if (memory != NULL)
        totals->used += size;
    return memory;
}

static inline struct entry *entry_at(const struct totals *totals, size_t index)
{
    return &totals->entries[index / CHUNK_ENTRIES][index % CHUNK_ENTRIES];
}

static struct statistics *stats_at(const struct totals *totals, size_t index)
{
    return &totals->stats[index / CHUNK_ENTRIES][index % CHUNK_ENTRIES];
}

static const unsigned char *key_of(const struct entry *entry)
{
    return entry->key_len <= EVENT_KEY_INLINE ? entry->bytes : entry->long_key;
}

static inline uint32_t hash_of(const struct totals *totals, const struct event *event)
{
    /* Short keys without their length: that they end in zeros tells it. */
    return (uint32_t)(event->key_len <= EVENT_KEY_INLINE
                          ? XXH3_64bits_withSeed(event->bytes, EVENT_KEY_INLINE, totals->seed)
                          : XXH3_64bits_withSeed(event->long_key, event->key_len, totals->seed));
}

static inline bool same_key(const struct entry *entry, const struct event *event)
{
    if (entry->key_len != event->key_len)
        return false;
    return event->key_len <= EVENT_KEY_INLINE
               ? memcmp(entry->bytes, event->bytes, EVENT_KEY_INLINE) == 0
               : memcmp(entry->long_key, event->long_key, event->key_len) == 0;
}

/* Linear probing from the hash; the slot of this key or the empty one where it belongs. */
static inline struct slot *find(const struct totals *totals, uint32_t hash,
                                const struct event *event)
{
    const size_t mask = totals->slot_count - 1;

    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct slot *slot = &totals->slots[at];
        if (slot->entry_plus_1 == 0 ||
            (slot->hash == hash && same_key(entry_at(totals, slot->entry_plus_1 - 1), event)))
            return slot;
    }
}

/* Doubles the slots; the entries stay where they are. */
static bool grow_slots(struct totals *totals)
{
    size_t count = totals->slot_count * 2, mask = count - 1;
    if (totals->count * 2 > UINT32_MAX)
        return false;
    struct slot *slots = take(totals, count * sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < totals->count; i++) {
        uint32_t hash = entry_at(totals, i)->hash;
        size_t at = hash & mask;
        while (slots[at].entry_plus_1 != 0)
            at = (at + 1) & mask;
        slots[at] = (struct slot){.hash = hash, .entry_plus_1 = (uint32_t)i + 1};
    }
    free(totals->slots);
    totals->used -= totals->slot_count * sizeof *slots;
    totals->slots = slots;
    totals->slot_count = count;
    return true;
}

static bool add_chunk(struct totals *totals)
{
    if (totals->chunk_count == totals->chunk_slots)
        return false;
    struct entry *entries = take(totals, CHUNK_ENTRIES * sizeof *entries);
    if (entries == NULL)
        return false;
    if (totals->statistics) {
        struct statistics *stats = take(totals, CHUNK_ENTRIES * sizeof *stats);
        if (stats == NULL) {
            free(entries);
            totals->used -= CHUNK_ENTRIES * sizeof *entries;
            return false;
        }
        totals->stats[totals->chunk_count] = stats;
    }
    totals->entries[totals->chunk_count++] = entries;
    return true;
}

static unsigned char *take_text(struct totals *totals, size_t len)
{
    struct text_chunk *chunk = totals->text;
    if (chunk == NULL || chunk->size - sizeof *chunk - chunk->used < len) {
        chunk = take(totals, TEXT_CHUNK);
        if (chunk == NULL)
            return NULL;
        chunk->size = TEXT_CHUNK;
        chunk->next = totals->text;
        totals->text = chunk;
    }
    chunk->used += len;
    return chunk->bytes + chunk->used - len;
}

static bool insert(struct totals *totals, uint32_t hash, const struct event *event)
{
    const size_t key_len = event->key_len;
    unsigned char *text = NULL;

    if ((totals->count + 1) * 4 > totals->slot_count * 3 && !grow_slots(totals))
        return false;
    if (totals->count == totals->chunk_count * CHUNK_ENTRIES && !add_chunk(totals))
        return false;
    if (key_len > EVENT_KEY_INLINE && (text = take_text(totals, key_len)) == NULL)
        return false;

    struct entry *entry = entry_at(totals, totals->count);
    *entry = (struct entry){.key_len = event->key_len, .hash = hash, .sum = event->value};
    if (text == NULL) {
        memcpy(entry->bytes, event->bytes, EVENT_KEY_INLINE);
    } else {
        memcpy(text, event->long_key, key_len);
        entry->long_key = text;
    }
    if (totals->statistics)
        *stats_at(totals, totals->count) =
            (struct statistics){.count = 1, .min = event->value, .max = event->value};
    *find(totals, hash, event) =
        (struct slot){.hash = hash, .entry_plus_1 = (uint32_t)++totals->count};
    return true;
}

static void add_sum(int64_t *sum, int64_t value)
{
    if (*sum == TOTAL_OVERFLOW || value == TOTAL_OVERFLOW ||
        __builtin_add_overflow(*sum, value, sum))
        *sum = TOTAL_OVERFLOW;
}

static inline bool add_one(struct totals *totals, uint32_t hash, const struct event *event)
{
    const struct slot *slot = find(totals, hash, event);

    if (slot->entry_plus_1 == 0)
        return insert(totals, hash, event);
    size_t index = slot->entry_plus_1 - 1;
    add_sum(&entry_at(totals, index)->sum, event->value);
    if (totals->statistics) {
        struct statistics *stats = stats_at(totals, index);
        stats->count++;
        stats->min = event->value < stats->min ? event->value : stats->min;
        stats->max = event->value > stats->max ? event->value : stats->max;
    }
    return true;
}

/*
 * In a large table every step waits for memory: so the slots of all events are fetched while they
 * are hashed, then their entries, and then both are at hand.
 */
static void fetch(const struct totals *totals, const uint32_t *hash, size_t count)
{
    const size_t mask = totals->slot_count - 1;

    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(&totals->slots[hash[i] & mask]);
    for (size_t i = 0; i < count; i++) {
        uint32_t entry_plus_1 = totals->slots[hash[i] & mask].entry_plus_1;
        if (entry_plus_1 != 0)
            __builtin_prefetch(entry_at(totals, entry_plus_1 - 1));
    }
}

static size_t add_batch(struct totals *totals, const struct event *events, size_t count)
{
    uint32_t hash[BATCH_EVENTS];

    for (size_t i = 0; i < count; i++)
        hash[i] = hash_of(totals, &events[i]);
    if (totals->count > CACHED_ENTRIES)
        fetch(totals, hash, count);
    for (size_t i = 0; i < count; i++)
        if (!add_one(totals, hash[i], &events[i]))
            return i;
    return count;
}

size_t totals_add(struct totals *totals, const struct event *events, size_t count)
{
    for (size_t done = 0; done < count;) {
        size_t batch = count - done < BATCH_EVENTS ? count - done : BATCH_EVENTS;
        size_t added = add_batch(totals, events + done, batch);
        done += added;
        if (added < batch)
            return done;
    }
    return count;
}

size_t totals_count(const struct totals *totals)
{
    return totals->count;
}

int total_compare(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_entries(const void *a, const void *b, void *context)
{
    const struct totals *totals = context;
    const struct entry *left = entry_at(totals, *(const uint32_t *)a);
    const struct entry *right = entry_at(totals, *(const uint32_t *)b);
    return total_compare(key_of(left), left->key_len, key_of(right), right->key_len);
}

void totals_sort(struct totals *totals)
{
    /* The slots are of no more use and larger than the order. */
    uint32_t *order = (uint32_t *)totals->slots;
    for (size_t i = 0; i < totals->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, totals->count, sizeof *order, compare_entries, totals);
}

void totals_get(const struct totals *totals, size_t index, struct total *ret)
{
    size_t at = ((const uint32_t *)totals->slots)[index];
    const struct entry *entry = entry_at(totals, at);

    *ret = (struct total){.key = key_of(entry), .key_len = entry->key_len, .sum = entry->sum};
    if (totals->statistics) {
        const struct statistics *stats = stats_at(totals, at);
        ret->count = stats->count;
        ret->min = stats->min;
        ret->max = stats->max;
    }
}

void totals_clear(struct totals *totals)
{
    memset(totals->slots, 0, totals->slot_count * sizeof *totals->slots);
    free_text(totals);
    totals->count = 0;
}

void total_merge(struct total *into, const struct total *other)
{
    add_sum(&into->sum, other->sum);
    into->count += other->count;
    into->min = other->min < into->min ? other->min : into->min;
    into->max = other->max > into->max ? other->max : into->max;
}
