#include "aggregator/totals/gather.h"

#include <pthread.h>
#include <stdlib.h>

#include "aggregator/totals/key_hash.h"

enum {
    /* What a thread collects of a partition: many records for one lock, all in the second cache. */
    COLLECTED_WORDS = 128,
    PARTITION_CHUNKS = 4, /* at least, before there are more partitions */
    BITS_LEAST = 4,
    SORT_SHARE = 16, /* of the budget, for what sorting needs beside chunks */
};

struct collected {
    uint16_t words, records;
};

struct member {
    struct compact_index index;
    uint64_t *words; /* COLLECTED_WORDS of each partition */
    struct collected collected[1 << TOTALS_BITS_MOST];
};

struct gather {
    struct spill *spill;
    struct totals *totals;
    struct order *order;
    struct member *members;
    unsigned threads;
    pthread_rwlock_t lock;                        /* of all partitions: to append is to read */
    pthread_mutex_t locks[1 << TOTALS_BITS_MOST]; /* of each */
};

/* Life. */

/* So many partitions that each is compacted in the cache, but none has a chunk only. */
static unsigned choose_bits(unsigned threads, size_t budget)
{
    const size_t each = PARTITION_CHUNKS * sizeof(struct chunk) +
                        threads * (size_t)COLLECTED_WORDS * sizeof(uint64_t);
    unsigned bits = BITS_LEAST;

    while (bits < TOTALS_BITS_MOST && each << (bits + 2) <= budget)
        bits++;
    return bits;
}

/* An index for twice the records of an equal share. */
static size_t index_most(size_t budget, unsigned bits, bool statistics)
{
    size_t records = (budget >> bits) / (record_fixed(statistics) * sizeof(uint64_t));
    size_t most = sizeof(uint32_t);

    while (most / sizeof(uint32_t) < records)
        most *= 2;
    return most * 2;
}

static bool make_member(struct member *member, unsigned bits, size_t most)
{
    member->index.most = most;
    member->words = malloc(((size_t)COLLECTED_WORDS << bits) * sizeof *member->words);
    return member->words != NULL;
}

struct gather *gather_new(unsigned threads, size_t budget, bool statistics, uint64_t seed,
                          struct spill *spill)
{
    const unsigned bits = choose_bits(threads, budget);
    const size_t most = index_most(budget, bits, statistics);
    const size_t own = most + ((size_t)COLLECTED_WORDS << bits) * sizeof(uint64_t);
    struct gather *gather = calloc(1, sizeof *gather);
    if (gather == NULL)
        return NULL;
    (void)pthread_rwlock_init(&gather->lock, NULL);
    for (size_t p = 0; p < sizeof gather->locks / sizeof gather->locks[0]; p++)
        (void)pthread_mutex_init(&gather->locks[p], NULL);
    gather->spill = spill;
    gather->threads = threads;
    gather->members = calloc(threads, sizeof *gather->members);
    gather->totals =
        totals_new((budget - budget / SORT_SHARE - threads * own) / sizeof(struct chunk), bits,
                   statistics, seed);
    bool made = gather->members != NULL && gather->totals != NULL;
    for (unsigned i = 0; made && i < threads; i++)
        made = make_member(&gather->members[i], bits, most);
    if (made)
        return gather;
    gather_free(gather);
    return NULL;
}

void gather_free(struct gather *gather)
{
    if (gather == NULL)
        return;
    order_free(gather->order);
    for (unsigned i = 0; gather->members != NULL && i < gather->threads; i++) {
        compact_index_release(&gather->members[i].index);
        free(gather->members[i].words);
    }
    (void)pthread_rwlock_destroy(&gather->lock);
    for (size_t p = 0; p < sizeof gather->locks / sizeof gather->locks[0]; p++)
        (void)pthread_mutex_destroy(&gather->locks[p]);
    totals_free(gather->totals);
    free(gather->members);
    free(gather);
}

/* Full memory. */

static bool out_of_memory(struct err *err)
{
    return err_set(err, STATUS_TRANSIENT, "out of memory for totals");
}

static bool sort_alone(struct order *order, struct compact_index *index)
{
    for (unsigned step = 0; step < ORDER_STEPS; step++) {
        if (!order_begin(order, (enum order_step)step))
            return false;
        while (order_next(order, (enum order_step)step, 0, index))
            ;
    }
    return order_is_done(order);
}

static bool spill_all(struct gather *gather, struct member *member, struct err *err)
{
    struct order *order = order_new(gather->totals, 1);
    bool done = order != NULL && sort_alone(order, &member->index);

    if (!done)
        (void)out_of_memory(err);
    done = done && spill_stream(gather->spill, order_stream(order), err);
    order_free(order);
    return done;
}

/* With the lock of all held to write. */
static bool make_room(struct gather *gather, struct member *member, struct err *err)
{
    struct totals *totals = gather->totals;

    for (unsigned p = 0; p < totals_partition_count(totals) && !totals_has_room(totals); p++)
        totals_compact(totals, p, &member->index);
    return totals_has_room(totals) || spill_all(gather, member, err);
}

static bool append_and_spill(struct gather *gather, struct member *member, unsigned p,
                             const uint64_t *words, size_t len, struct err *err)
{
    struct totals *totals = gather->totals;

    for (size_t taken = 0; taken < len;) {
        if (!make_room(gather, member, err))
            return false;
        size_t records = record_count(words + taken, len - taken, totals->statistics);
        size_t more = totals_append(totals, p, words + taken, len - taken, records, &member->index);
        if (more == 0)
            return out_of_memory(err);
        taken += more;
    }
    return true;
}

static int reserve(struct gather *gather, size_t bytes, struct err *err)
{
    struct totals *totals = gather->totals;
    struct member *member = &gather->members[0]; /* its index: nobody else is about */

    for (unsigned p = 0; p < totals_partition_count(totals); p++)
        totals_compact(totals, p, &member->index);
    if (totals_reserve(totals, bytes))
        return 1;
    if (totals_is_empty(totals))
        return 0;
    if (!spill_all(gather, member, err))
        return -1;
    return totals_reserve(totals, bytes) ? 1 : 0;
}

int gather_reserve(struct gather *gather, size_t bytes, struct err *err)
{
    (void)pthread_rwlock_wrlock(&gather->lock);
    int room = reserve(gather, bytes, err);
    (void)pthread_rwlock_unlock(&gather->lock);
    return room;
}

/* Adding. */

static bool append(struct gather *gather, struct member *member, unsigned p, const uint64_t *words,
                   size_t len, size_t records, struct err *err)
{
    struct totals *totals = gather->totals;

    (void)pthread_rwlock_rdlock(&gather->lock);
    pthread_mutex_lock(&gather->locks[p]);
    size_t taken = totals_append(totals, p, words, len, records, &member->index);
    pthread_mutex_unlock(&gather->locks[p]);
    (void)pthread_rwlock_unlock(&gather->lock);
    if (taken == len)
        return true;
    (void)pthread_rwlock_wrlock(&gather->lock);
    bool done = append_and_spill(gather, member, p, words + taken, len - taken, err);
    (void)pthread_rwlock_unlock(&gather->lock);
    return done;
}

static bool append_collected(struct gather *gather, struct member *member, unsigned p,
                             struct err *err)
{
    const struct collected collected = member->collected[p];

    member->collected[p] = (struct collected){0, 0};
    return append(gather, member, p, member->words + (size_t)p * COLLECTED_WORDS, collected.words,
                  collected.records, err);
}

/* A record that is longer than what is collected of a partition. */
static __attribute__((noinline)) bool append_large(struct gather *gather, struct member *member,
                                                   const struct event *event, uint64_t hash,
                                                   struct err *err)
{
    const bool statistics = gather->totals->statistics;
    uint64_t record[CHUNK_WORDS];

    record_set(record, event, hash, statistics);
    return append(gather, member, totals_partition_of(gather->totals, hash), record,
                  record_words_of(event, statistics), 1, err);
}

static inline __attribute__((always_inline)) bool collect(struct gather *gather,
                                                          struct member *member,
                                                          const struct event *event,
                                                          const bool statistics, struct err *err)
{
    const uint64_t hash = key_hash_event(event, gather->totals->seed);
    const unsigned p = totals_partition_of(gather->totals, hash);
    const size_t words = record_words_of(event, statistics);
    struct collected *collected = &member->collected[p];

    if (collected->words + words > COLLECTED_WORDS) {
        if (!append_collected(gather, member, p, err))
            return false;
        if (words > COLLECTED_WORDS)
            return append_large(gather, member, event, hash, err);
    }
    record_set(member->words + (size_t)p * COLLECTED_WORDS + collected->words, event, hash,
               statistics);
    collected->words = (uint16_t)(collected->words + words);
    collected->records++;
    return true;
}

bool gather_add(struct gather *gather, unsigned thread, const struct event *events, size_t count,
                struct err *err)
{
    struct member *member = &gather->members[thread];
    bool done = true;

    if (gather->totals->statistics)
        for (size_t i = 0; done && i < count; i++)
            done = collect(gather, member, &events[i], true, err);
    else
        for (size_t i = 0; done && i < count; i++)
            done = collect(gather, member, &events[i], false, err);
    return done;
}

bool gather_flush(struct gather *gather, unsigned thread, struct err *err)
{
    struct member *member = &gather->members[thread];
    bool done = true;

    for (unsigned p = 0; done && p < totals_partition_count(gather->totals); p++)
        done = append_collected(gather, member, p, err);
    free(member->words);
    member->words = NULL;
    return done;
}

/* Sorting. */

bool gather_sort_begin(struct gather *gather, enum order_step step, struct err *err)
{
    if (gather->order == NULL)
        gather->order = order_new(gather->totals, gather->threads);
    return (gather->order != NULL && order_begin(gather->order, step)) || out_of_memory(err);
}

bool gather_sort_next(struct gather *gather, enum order_step step, unsigned thread)
{
    return order_next(gather->order, step, thread, &gather->members[thread].index);
}

struct order *gather_order(struct gather *gather, struct err *err)
{
    if (order_is_done(gather->order))
        return gather->order;
    (void)out_of_memory(err);
    return NULL;
}
