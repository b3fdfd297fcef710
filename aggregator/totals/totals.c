#include "aggregator/totals/totals.h"

#include <stdlib.h>

enum {
    COMPACT_FROM = 1024, /* records */
    GROWTH_OF_NEW = 3,   /* times what there is may come, where nearly all records have new keys */
    SORT_SHARE = 6,      /* of the chunks, for what sorting has under way */
};

static void set_chunks(struct totals *totals, size_t chunks)
{
    totals->chunks = chunks;
    totals->limit = chunks - chunks / SORT_SHARE;
}

struct totals *totals_new(size_t chunks, unsigned bits, bool statistics, uint64_t seed)
{
    struct totals *totals =
        calloc(1, sizeof *totals + ((size_t)1 << bits) * sizeof totals->partitions[0]);
    if (totals == NULL)
        return NULL;
    *totals = (struct totals){.seed = seed, .statistics = statistics, .bits = bits};
    set_chunks(totals, chunks);
    /* Chance may make a bucket larger than its share: then sorting takes more, and does not fail.
     */
    totals->pool = pool_new(2 * chunks);
    if (totals->pool == NULL) {
        totals_free(totals);
        return NULL;
    }
    for (unsigned p = 0; p < totals_partition_count(totals); p++)
        totals_empty(totals, p);
    return totals;
}

void totals_empty(struct totals *totals, unsigned p)
{
    list_cut(&totals->partitions[p].list, totals->pool, 0);
    totals->partitions[p] = (struct partition){.next_compact = COMPACT_FROM};
}

void totals_free(struct totals *totals)
{
    if (totals == NULL)
        return;
    for (unsigned p = 0; totals->pool != NULL && p < totals_partition_count(totals); p++)
        totals_empty(totals, p);
    pool_free(totals->pool);
    free(totals);
}

void totals_compact(struct totals *totals, unsigned p, struct compact_index *index)
{
    struct partition *partition = &totals->partitions[p];
    const size_t before = partition->unique, added = partition->list.records - before;
    bool mostly_new = true;

    if (compact(&partition->list, before, index, totals->pool, totals->seed, totals->statistics)) {
        partition->unique = partition->list.records;
        mostly_new = partition->unique - before > added - added / 10;
    }
    /* Each time looks at all there is, so the more there is the more may come before the next. */
    const size_t next = partition->list.records * (mostly_new ? 1 + GROWTH_OF_NEW : 2);
    partition->next_compact = next > COMPACT_FROM ? next : COMPACT_FROM;
}

size_t totals_append(struct totals *totals, unsigned p, const uint64_t *words, size_t len,
                     size_t records, struct compact_index *index)
{
    struct partition *partition = &totals->partitions[p];

    size_t taken = list_append(&partition->list, totals->pool, totals->limit, words, len, records,
                               totals->statistics);
    if (partition->list.records >= partition->next_compact)
        totals_compact(totals, p, index);
    return taken;
}

bool totals_is_empty(const struct totals *totals)
{
    return pool_used(totals->pool) == 0;
}

bool totals_reserve(struct totals *totals, size_t bytes)
{
    const size_t chunks = (bytes + sizeof(struct chunk) - 1) / sizeof(struct chunk);

    if (totals->chunks < chunks + totals_partition_count(totals) ||
        pool_used(totals->pool) > totals->chunks - chunks)
        return false;
    set_chunks(totals, totals->chunks - chunks);
    pool_trim(totals->pool);
    return true;
}

bool totals_has_room(const struct totals *totals)
{
    return pool_used(totals->pool) < totals->limit / 4 * 3;
}
