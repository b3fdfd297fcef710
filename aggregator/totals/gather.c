#include "aggregator/totals/gather.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Events of a part that a thread collects. Each part's memory is at hand for as long as they
     * are added, so the more the better, in a quarter of the thread's share of the budget. */
    COLLECTED_MOST = 8192,
    COLLECTED_SHARE = 4,
    HASHED = 64, /* events at a time */
};

struct collected {
    uint32_t count[TOTALS_PARTS];
    struct event events[]; /* `capacity` of each part */
};

struct member {
    struct totals *own;
    struct collected *collected; /* NULL while its own table suffices */
};

struct gather {
    struct spill *spill;
    struct totals *shared; /* a single thread's own */
    struct member *members;
    unsigned threads;
    size_t capacity;
    pthread_mutex_t lock[TOTALS_PARTS]; /* of the shared table's parts */
    atomic_uint next_part;
};

/* Life. */

static size_t collected_bytes(const struct gather *gather)
{
    return sizeof(struct collected) + TOTALS_PARTS * gather->capacity * sizeof(struct event);
}

struct gather *gather_new(unsigned threads, size_t budget, bool statistics, uint64_t seed,
                          struct spill *spill)
{
    struct gather *gather = calloc(1, sizeof *gather);
    if (gather == NULL)
        return NULL;
    for (unsigned p = 0; p < TOTALS_PARTS; p++)
        (void)pthread_mutex_init(&gather->lock[p], NULL);
    gather->spill = spill;
    gather->threads = threads;
    gather->members = calloc(threads, sizeof *gather->members);
    gather->capacity = budget / threads / COLLECTED_SHARE / TOTALS_PARTS / sizeof(struct event);
    if (gather->capacity > COLLECTED_MOST)
        gather->capacity = COLLECTED_MOST;
    if (threads > 1)
        budget -= threads * (TOTALS_BUDGET_MIN + collected_bytes(gather));
    gather->shared = totals_new(budget, statistics, seed);
    bool made = gather->members != NULL && gather->shared != NULL;
    for (unsigned i = 0; made && i < threads; i++) {
        gather->members[i].own =
            threads > 1 ? totals_new(TOTALS_BUDGET_MIN, statistics, seed) : gather->shared;
        made = gather->members[i].own != NULL;
    }
    if (made)
        return gather;
    gather_free(gather);
    return NULL;
}

void gather_free(struct gather *gather)
{
    if (gather == NULL)
        return;
    for (unsigned i = 0; gather->members != NULL && i < gather->threads; i++) {
        if (gather->members[i].own != gather->shared)
            totals_free(gather->members[i].own);
        free(gather->members[i].collected);
    }
    for (unsigned p = 0; p < TOTALS_PARTS; p++)
        (void)pthread_mutex_destroy(&gather->lock[p]);
    totals_free(gather->shared);
    free(gather->members);
    free(gather);
}

/* Adding. */

/* With every lock held: makes room where the shared table is full. */
static bool spill_and_add(struct gather *gather, unsigned p, const struct event *events,
                          size_t count, struct err *err)
{
    size_t added = totals_add_part(gather->shared, p, events, count);

    while (added < count) {
        if (!spill_totals(gather->spill, gather->shared, err)) {
            totals_clear(gather->shared); /* others may still add, in vain */
            return false;
        }
        size_t more = totals_add_part(gather->shared, p, events + added, count - added);
        if (more == 0)
            return err_set(err, STATUS_TRANSIENT, "out of memory for a table of totals");
        added += more;
    }
    return true;
}

static bool add_shared(struct gather *gather, unsigned p, const struct event *events, size_t count,
                       struct err *err)
{
    pthread_mutex_lock(&gather->lock[p]);
    size_t added = totals_add_part(gather->shared, p, events, count);
    pthread_mutex_unlock(&gather->lock[p]);
    if (added == count)
        return true;
    for (unsigned i = 0; i < TOTALS_PARTS; i++)
        pthread_mutex_lock(&gather->lock[i]);
    bool done = spill_and_add(gather, p, events + added, count - added, err);
    for (unsigned i = 0; i < TOTALS_PARTS; i++)
        pthread_mutex_unlock(&gather->lock[i]);
    return done;
}

/* With every lock held. */
static int reserve(struct gather *gather, size_t bytes, struct err *err)
{
    if (totals_reserve(gather->shared, bytes))
        return 1;
    if (totals_count(gather->shared) == 0)
        return 0;
    if (!spill_totals(gather->spill, gather->shared, err))
        return -1;
    return totals_reserve(gather->shared, bytes) ? 1 : 0;
}

int gather_reserve(struct gather *gather, size_t bytes, struct err *err)
{
    for (unsigned i = 0; i < TOTALS_PARTS; i++)
        pthread_mutex_lock(&gather->lock[i]);
    int room = reserve(gather, bytes, err);
    for (unsigned i = 0; i < TOTALS_PARTS; i++)
        pthread_mutex_unlock(&gather->lock[i]);
    return room;
}

static bool collect_one(struct gather *gather, struct collected *collected,
                        const struct event *event, uint64_t hash, struct err *err)
{
    unsigned p = totals_part_of(hash);
    struct event *events = collected->events + p * gather->capacity;
    struct event *at = &events[collected->count[p]];

    *at = *event;
    at->hash = (uint32_t)hash;
    if (at->key_len > EVENT_KEY_INLINE) /* it does not stay where it is */
        return add_shared(gather, p, at, 1, err);
    if (++collected->count[p] < gather->capacity)
        return true;
    collected->count[p] = 0;
    return add_shared(gather, p, events, gather->capacity, err);
}

static bool collect(struct gather *gather, struct collected *collected, const struct event *events,
                    size_t count, struct err *err)
{
    uint64_t hash[HASHED];

    for (size_t i = 0; i < count; i++) {
        if (i % HASHED == 0)
            totals_hash(gather->shared, events + i, count - i < HASHED ? count - i : HASHED, hash);
        if (!collect_one(gather, collected, &events[i], hash[i % HASHED], err))
            return false;
    }
    return true;
}

/* What does not fit into the shared table stays; long keys stay this table's memory anyway. */
static bool go_over(struct gather *gather, struct member *member, struct err *err)
{
    member->collected = malloc(collected_bytes(gather));
    if (member->collected == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    memset(member->collected->count, 0, sizeof member->collected->count);
    for (unsigned p = 0; p < TOTALS_PARTS; p++) {
        pthread_mutex_lock(&gather->lock[p]);
        totals_take_part(gather->shared, member->own, p);
        pthread_mutex_unlock(&gather->lock[p]);
    }
    return true;
}

/* What a single thread's table had no room for. */
static bool add_each(struct gather *gather, const struct event *events, size_t count,
                     struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        struct event event = events[i];
        uint64_t hash;
        totals_hash(gather->shared, &event, 1, &hash);
        event.hash = (uint32_t)hash;
        if (!add_shared(gather, totals_part_of(hash), &event, 1, err))
            return false;
    }
    return true;
}

bool gather_add(struct gather *gather, unsigned thread, const struct event *events, size_t count,
                struct err *err)
{
    struct member *member = &gather->members[thread];

    if (member->collected != NULL)
        return collect(gather, member->collected, events, count, err);
    size_t added = totals_add(member->own, events, count);
    if (added == count)
        return true;
    if (gather->threads == 1)
        return add_each(gather, events + added, count - added, err);
    return go_over(gather, member, err) &&
           collect(gather, member->collected, events + added, count - added, err);
}

bool gather_flush(struct gather *gather, unsigned thread, struct err *err)
{
    struct collected *collected = gather->members[thread].collected;

    for (unsigned p = 0; collected != NULL && p < TOTALS_PARTS; p++) {
        const struct event *events = collected->events + p * gather->capacity;
        if (!add_shared(gather, p, events, collected->count[p], err))
            return false;
        collected->count[p] = 0;
    }
    return true;
}

/* Sorting. */

bool gather_sort_next(struct gather *gather)
{
    unsigned p = atomic_fetch_add(&gather->next_part, 1);

    if (p >= TOTALS_PARTS)
        return false;
    for (unsigned i = 0; gather->threads > 1 && i < gather->threads; i++) {
        totals_take_part(gather->shared, gather->members[i].own, p);
        totals_sort_part(gather->members[i].own, p);
    }
    totals_sort_part(gather->shared, p);
    return true;
}

size_t gather_stream_max(const struct gather *gather)
{
    return (gather->threads + 1) * (size_t)TOTALS_PARTS;
}

static size_t streams_of(struct totals *totals, struct total_stream **ret)
{
    if (totals_count(totals) == 0)
        return 0;
    for (unsigned p = 0; p < TOTALS_PARTS; p++)
        ret[p] = totals_part(totals, p);
    return TOTALS_PARTS;
}

size_t gather_streams(struct gather *gather, struct total_stream **ret, bool *disjoint)
{
    size_t shared = streams_of(gather->shared, ret), count = shared;

    for (unsigned i = 0; gather->threads > 1 && i < gather->threads; i++)
        count += streams_of(gather->members[i].own, ret + count);
    *disjoint = count == shared;
    return count;
}
