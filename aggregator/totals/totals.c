#include "aggregator/totals/totals.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "aggregator/totals/slot.h"
#include "aggregator/totals/statistics.h"
#include "aggregator/totals/tags.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FIRST_SLOTS = 64,
    TEXT_FIRST = 1 << 12, /* of chunks of long keys, each twice as large as the last */
    TEXT_MOST = 1 << 17,
    BATCH_EVENTS = 24, /* what processors keep track of; they drop what they are asked beyond */
    CACHED_BYTES = 1 << 18, /* of a table that is at hand anyway */
    HUGE_PAGE = 2 << 20,
    HUGE_FROM = 1 << 20, /* bytes that get whole ones; more slots fill the rest */
};

struct text_chunk {
    struct text_chunk *next;
    size_t used, size;
    unsigned char bytes[];
};

struct part {
    struct total_stream stream;    /* first: a sorted part is a stream */
    size_t at;                     /* of the stream */
    struct slot *slots;            /* one piece of memory with what follows */
    struct statistics *statistics; /* of the slots, or NULL */
    unsigned char *tags;
    size_t size, count; /* size: a multiple of TAGS_GROUP */
    bool long_keys;
    struct text_chunk *text;
};

struct totals {
    size_t budget;
    atomic_size_t used;
    uint64_t seed;
    bool statistics;
    struct part part[TOTALS_PARTS];
};

/* Memory. */

/* From the budget; NULL when it would not hold. Large pieces ask for huge pages. */
static void *take(struct totals *totals, size_t size)
{
    void *memory = NULL;

    if (atomic_fetch_add(&totals->used, size) + size <= totals->budget) {
        if (size < HUGE_FROM)
            memory = malloc(size);
        else if (posix_memalign(&memory, HUGE_PAGE, size) == 0)
            (void)madvise(memory, size, MADV_HUGEPAGE);
    }
    if (memory == NULL)
        (void)atomic_fetch_sub(&totals->used, size);
    return memory;
}

static void give_back(struct totals *totals, void *memory, size_t size)
{
    free(memory);
    if (memory != NULL)
        (void)atomic_fetch_sub(&totals->used, size);
}

static size_t slot_bytes(const struct totals *totals)
{
    return sizeof(struct slot) + (totals->statistics ? sizeof(struct statistics) : 0) + 1;
}

static void free_slots(struct totals *totals, struct part *part)
{
    give_back(totals, part->slots, part->size * slot_bytes(totals));
    part->slots = NULL;
    part->size = part->count = 0;
    part->long_keys = false;
}

/* Fresh slots for a part; what it had is the caller's. */
static bool take_slots(struct totals *totals, struct part *part, size_t size)
{
    struct slot *slots = take(totals, size * slot_bytes(totals));
    if (slots == NULL)
        return false;
    part->slots = slots;
    part->statistics = totals->statistics ? (struct statistics *)(slots + size) : NULL;
    part->tags = totals->statistics ? (unsigned char *)(part->statistics + size)
                                    : (unsigned char *)(slots + size);
    part->size = size;
    memset(part->tags, 0, size); /* the rest is filled slot by slot */
    return true;
}

static void free_text(struct totals *totals, struct part *part)
{
    while (part->text != NULL) {
        struct text_chunk *next = part->text->next;
        give_back(totals, part->text, part->text->size);
        part->text = next;
    }
}

static unsigned char *take_text(struct totals *totals, struct part *part, size_t len)
{
    struct text_chunk *chunk = part->text;
    if (chunk == NULL || chunk->size - sizeof *chunk - chunk->used < len) {
        size_t size = chunk == NULL ? TEXT_FIRST : chunk->size * 2;
        size = size < TEXT_MOST ? size : TEXT_MOST;
        size = size > sizeof *chunk + len ? size : sizeof *chunk + len;
        chunk = take(totals, size);
        if (chunk == NULL)
            return NULL;
        *chunk = (struct text_chunk){.next = part->text, .size = size};
        part->text = chunk;
    }
    chunk->used += len;
    return chunk->bytes + chunk->used - len;
}

static bool part_rewind(struct total_stream *stream, struct err *err);
static int part_next(struct total_stream *stream, struct total *ret, struct err *err);

struct totals *totals_new(size_t budget, bool statistics, uint64_t seed)
{
    struct totals *totals = calloc(1, sizeof *totals);
    if (totals == NULL)
        return NULL;
    totals->budget = budget;
    totals->statistics = statistics;
    totals->seed = seed;
    for (unsigned p = 0; p < TOTALS_PARTS; p++) {
        totals->part[p].stream = (struct total_stream){.rewind = part_rewind, .next = part_next};
        if (!take_slots(totals, &totals->part[p], FIRST_SLOTS)) {
            totals_free(totals);
            return NULL;
        }
    }
    return totals;
}

void totals_free(struct totals *totals)
{
    if (totals == NULL)
        return;
    for (unsigned p = 0; p < TOTALS_PARTS; p++) {
        free_slots(totals, &totals->part[p]);
        free_text(totals, &totals->part[p]);
    }
    free(totals);
}

/* Adding. */

/* Short keys without their length: that they end in zeros tells it. */
void totals_hash(const struct totals *totals, const struct event *events, size_t count,
                 uint64_t *ret)
{
    const uint64_t seed = totals->seed;

    for (size_t i = 0; i < count; i++)
        ret[i] = events[i].key_len <= EVENT_KEY_INLINE
                     ? XXH3_64bits_withSeed(events[i].bytes, EVENT_KEY_INLINE, seed)
                     : XXH3_64bits_withSeed(events[i].long_key, events[i].key_len, seed);
}

static inline uint64_t group_tags(const struct part *part, size_t group)
{
    return tags_read(part->tags + group * TAGS_GROUP);
}

static inline size_t home_of(const struct part *part, uint32_t hash)
{
    return (size_t)(hash * (uint64_t)(part->size / TAGS_GROUP) >> 32);
}

static inline bool has_key(const struct slot *slot, const struct event *event)
{
    if (slot->key_len != event->key_len)
        return false;
    return event->key_len <= EVENT_KEY_INLINE
               ? memcmp(slot->bytes, event->bytes, EVENT_KEY_INLINE) == 0
               : memcmp(slot->long_key, event->long_key, event->key_len) == 0;
}

/* The slot of this key, or the empty one where it belongs and false. */
static inline bool find(const struct part *part, uint32_t hash, const struct event *event,
                        size_t *ret)
{
    for (size_t group = home_of(part, hash);;) {
        uint64_t tags = group_tags(part, group);
        for (uint64_t same = tags_same(tags, hash); same != 0; same &= same - 1) {
            *ret = group * TAGS_GROUP + tags_first(same);
            if (has_key(&part->slots[*ret], event))
                return true;
        }
        if (tags_empty(tags) != 0) {
            *ret = group * TAGS_GROUP + tags_first(tags_empty(tags));
            return false;
        }
        group = group + 1 == part->size / TAGS_GROUP ? 0 : group + 1;
    }
}

static size_t find_empty(const struct part *part, uint32_t hash)
{
    size_t group = home_of(part, hash);
    while (tags_empty(group_tags(part, group)) == 0)
        group = group + 1 == part->size / TAGS_GROUP ? 0 : group + 1;
    return group * TAGS_GROUP + tags_first(tags_empty(group_tags(part, group)));
}

/* As many slots as the huge pages that these would begin have room for. */
static size_t fill_pages(const struct totals *totals, size_t size)
{
    size_t bytes = size * slot_bytes(totals);
    if (bytes < HUGE_FROM)
        return size;
    return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE / slot_bytes(totals);
}

static bool resize(struct totals *totals, struct part *part, size_t size)
{
    struct part old = *part;
    size_t most = fill_pages(totals, size);

    if (most > UINT32_MAX || (!take_slots(totals, part, most / TAGS_GROUP * TAGS_GROUP) &&
                              !take_slots(totals, part, size / TAGS_GROUP * TAGS_GROUP)))
        return false;
    for (size_t i = 0; i < old.size; i++) {
        if (old.tags[i] == 0)
            continue;
        size_t at = find_empty(part, old.slots[i].hash);
        part->tags[at] = old.tags[i];
        part->slots[at] = old.slots[i];
        if (part->statistics != NULL)
            part->statistics[at] = old.statistics[i];
    }
    free_slots(totals, &old);
    return true;
}

static bool has_room(const struct part *part, size_t count)
{
    return count * 8 <= part->size * 7;
}

/*
 * Makes room for a key that is new, at *at unless the part has to grow: by half, since that parts
 * are small keeps what is needed for a moment small, too.
 */
static bool make_room(struct totals *totals, struct part *part, uint32_t hash, size_t *at)
{
    if (!has_room(part, part->count + 1)) {
        if (!resize(totals, part, part->size + part->size / 2))
            return false;
        *at = find_empty(part, hash);
    }
    return true;
}

/* Fills an empty slot; its sum is 0. */
static void fill(struct part *part, size_t at, uint32_t hash, const struct event *event)
{
    struct slot *slot = &part->slots[at];

    *slot = (struct slot){.key_len = event->key_len, .hash = hash};
    memcpy(slot->bytes, event->bytes, EVENT_KEY_INLINE);
    part->long_keys |= event->key_len > EVENT_KEY_INLINE;
    if (part->statistics != NULL)
        part->statistics[at] = (struct statistics){.min = INT64_MAX, .max = INT64_MIN};
    part->tags[at] = tag_of(hash);
    part->count++;
}

static __attribute__((noinline)) bool insert(struct totals *totals, struct part *part,
                                             uint32_t hash, const struct event *event, size_t *at)
{
    struct event kept = *event;

    if (!make_room(totals, part, hash, at))
        return false;
    if (event->key_len > EVENT_KEY_INLINE) {
        unsigned char *copy = take_text(totals, part, event->key_len);
        if (copy == NULL)
            return false;
        kept.long_key = memcpy(copy, event->long_key, event->key_len);
    }
    fill(part, *at, hash, &kept);
    return true;
}

static inline __attribute__((always_inline)) bool add_one(struct totals *totals, struct part *part,
                                                          uint32_t hash, const struct event *event)
{
    size_t at;

    if (!find(part, hash, event, &at) && !insert(totals, part, hash, event, &at))
        return false;
    total_add(&part->slots[at].sum, event->value);
    if (part->statistics != NULL)
        add_statistics(&part->statistics[at], &(struct statistics){1, event->value, event->value});
    return true;
}

/* What is sent for ahead: the tags, then the slot that these tell. */
static inline const unsigned char *home_tags(const struct part *part, uint32_t hash)
{
    return part->tags + home_of(part, hash) * TAGS_GROUP;
}

static inline const struct slot *likely_slot(const struct part *part, uint32_t hash)
{
    uint64_t same = tags_same(tags_read(home_tags(part, hash)), hash);
    return part->slots + home_of(part, hash) * TAGS_GROUP + tags_first(same | UINT64_C(1) << 63);
}

/* In a large table each event waits for memory: so all of a batch is sent for first. */
static size_t add_batch(struct totals *totals, const struct event *events, size_t count)
{
    uint64_t hash[BATCH_EVENTS];
    struct part *part[BATCH_EVENTS];

    totals_hash(totals, events, count, hash);
    for (size_t i = 0; i < count; i++) {
        part[i] = &totals->part[totals_part_of(hash[i])];
        __builtin_prefetch(home_tags(part[i], (uint32_t)hash[i]));
    }
    for (size_t i = 0; i < count && totals->used > CACHED_BYTES; i++)
        __builtin_prefetch(likely_slot(part[i], (uint32_t)hash[i]), 1);
    for (size_t i = 0; i < count; i++)
        if (!add_one(totals, part[i], (uint32_t)hash[i], &events[i]))
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

/* The tags of one part are at hand, so only slots are sent for, BATCH_EVENTS ahead. */
size_t totals_add_part(struct totals *totals, unsigned p, const struct event *events, size_t count)
{
    struct part *part = &totals->part[p];

    for (size_t i = 0; i < count && i < BATCH_EVENTS; i++)
        __builtin_prefetch(likely_slot(part, events[i].hash), 1);
    for (size_t i = 0; i < count; i++) {
        if (i + BATCH_EVENTS < count)
            __builtin_prefetch(likely_slot(part, events[i + BATCH_EVENTS].hash), 1);
        if (!add_one(totals, part, events[i].hash, &events[i]))
            return i;
    }
    return count;
}

size_t totals_count(const struct totals *totals)
{
    size_t count = 0;
    for (unsigned p = 0; p < TOTALS_PARTS; p++)
        count += totals->part[p].count;
    return count;
}

/* Combining. */

/* The event that would make this slot; a long key stays where it is. */
static struct event event_of(const struct slot *slot)
{
    struct event event = {.key_len = slot->key_len, .value = slot->sum};
    memcpy(event.bytes, slot->bytes, EVENT_KEY_INLINE);
    return event;
}

static void add_slot(struct part *into, size_t at, struct part *part, size_t from)
{
    total_add(&into->slots[at].sum, part->slots[from].sum);
    if (into->statistics != NULL)
        add_statistics(&into->statistics[at], &part->statistics[from]);
    part->tags[from] = 0;
    part->count--;
}

/*
 * First the keys that both have, then room for all others at once: slots come in the order of their
 * hashes, and would crowd at the begin of a part that is too small for them.
 */
void totals_take_part(struct totals *totals, struct totals *from, unsigned p)
{
    struct part *into = &totals->part[p], *part = &from->part[p];
    size_t at;

    for (size_t i = 0; i < part->size; i++) {
        struct event event = event_of(&part->slots[i]);
        if (part->tags[i] != 0 && find(into, part->slots[i].hash, &event, &at))
            add_slot(into, at, part, i);
    }
    size_t count = into->count + part->count;
    if (!has_room(into, count) && !resize(totals, into, count + count / 7 + TAGS_GROUP))
        return;
    for (size_t i = 0; i < part->size; i++) {
        if (part->tags[i] == 0)
            continue;
        struct event event = event_of(&part->slots[i]);
        at = find_empty(into, part->slots[i].hash);
        fill(into, at, part->slots[i].hash, &event);
        add_slot(into, at, part, i);
    }
    free_slots(from, part);
}

/* Sorting. */

void totals_sort_part(struct totals *totals, unsigned p)
{
    struct part *part = &totals->part[p];
    size_t count = 0;

    for (size_t i = 0; i < part->size; i++) {
        if (part->tags[i] == 0)
            continue;
        part->slots[count] = part->slots[i];
        part->slots[count++].number = (uint32_t)i;
    }
    slots_sort(part->slots, count, part->long_keys);
}

static bool part_rewind(struct total_stream *stream, struct err *err)
{
    (void)err;
    ((struct part *)stream)->at = 0;
    return true;
}

static int part_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct part *part = (struct part *)stream;

    (void)err;
    if (part->at == part->count)
        return 0;
    const struct slot *slot = &part->slots[part->at++];
    *ret = (struct total){.key = slot_key(slot), .key_len = slot->key_len, .sum = slot->sum};
    if (part->statistics != NULL) {
        const struct statistics *statistics = &part->statistics[slot->number];
        ret->count = statistics->count;
        ret->min = statistics->min;
        ret->max = statistics->max;
    }
    return 1;
}

struct total_stream *totals_part(struct totals *totals, unsigned p)
{
    return &totals->part[p].stream;
}

void totals_clear(struct totals *totals)
{
    for (unsigned p = 0; p < TOTALS_PARTS; p++) {
        struct part *part = &totals->part[p];
        memset(part->tags, 0, part->size);
        part->count = 0;
        part->long_keys = false;
        free_text(totals, part);
    }
}

bool totals_reserve(struct totals *totals, size_t bytes)
{
    for (unsigned p = 0; p < TOTALS_PARTS && totals_count(totals) == 0; p++) {
        struct part old = totals->part[p];
        if (take_slots(totals, &totals->part[p], FIRST_SLOTS))
            free_slots(totals, &old);
    }
    const size_t most = totals->budget - TOTALS_BUDGET_MIN;
    const bool fits = atomic_fetch_add(&totals->used, bytes) + bytes <= most;
    (void)atomic_fetch_sub(&totals->used, fits ? 0 : bytes);
    return fits;
}
