/* Tests add events one by one and look at the totals in order. */
#ifndef AGGREGATOR_TESTS_ONE_EVENT_H
#define AGGREGATOR_TESTS_ONE_EVENT_H

#include <stdlib.h>

#include "aggregator/totals/key_hash.h"
#include "aggregator/totals/order.h"

enum { INDEX_BYTES = 4 << 20 };

/* Totals as one thread has them. */
struct table {
    struct totals *totals;
    struct compact_index index;
    struct order *order; /* once sorted */
};

static inline struct table table_new(size_t chunks, unsigned bits, bool statistics, uint64_t seed)
{
    struct table table = {.totals = totals_new(chunks, bits, statistics, seed),
                          .index = {.most = INDEX_BYTES}};
    if (table.totals == NULL)
        abort();
    return table;
}

/* From here on it is empty. */
static inline void table_clear(struct table *table)
{
    order_free(table->order);
    table->order = NULL;
}

static inline void table_free(struct table *table)
{
    table_clear(table);
    compact_index_release(&table->index);
    totals_free(table->totals);
}

static inline bool table_add(struct table *table, const void *key, size_t key_len, int64_t value)
{
    struct totals *totals = table->totals;
    uint64_t record[CHUNK_WORDS];
    struct event event;

    event_set(&event, key, key_len, value);
    const uint64_t hash = key_hash_event(&event, totals->seed);
    const size_t words = record_words_of(&event, totals->statistics);
    record_set(record, &event, hash, totals->statistics);
    return totals_append(totals, totals_partition_of(totals, hash), record, words, 1,
                         &table->index) == words;
}

static inline int by_key(const void *a, const void *b)
{
    const struct total *left = a, *right = b;
    return total_compare(left->key, left->key_len, right->key, right->key_len);
}

/*
 * Sorts as so many threads, one after the other, and checks that it is sorted and summed. Returns
 * all totals; their keys are the table's until it is cleared, and the caller frees.
 */
static inline struct total *table_sort(struct table *table, unsigned threads, size_t *ret_count)
{
    struct order *order = order_new(table->totals, threads);
    unsigned __int128 total = 0;
    bool overflows = false;
    size_t count = 0;

    for (unsigned step = 0; order != NULL && step < ORDER_STEPS; step++) {
        if (!order_begin(order, (enum order_step)step))
            abort();
        /* In turn while there is work for all, then the first alone. */
        for (unsigned turn = 0;
             order_next(order, (enum order_step)step, turn % threads, &table->index); turn++)
            ;
        while (order_next(order, (enum order_step)step, 0, &table->index))
            ;
    }
    if (order == NULL || !order_is_done(order))
        abort();
    table->order = order;
    const struct order_sum sum = order_sum(order);
    struct total_stream *stream = order_stream(order);
    struct total *all = calloc(sum.keys + 1, sizeof *all);
    if (all == NULL || !stream->rewind(stream, NULL))
        abort();
    for (; stream->next(stream, &all[count], NULL) == 1; count++) {
        if (count == sum.keys || (count > 0 && by_key(&all[count - 1], &all[count]) >= 0))
            abort();
        overflows |= all[count].sum == TOTAL_OVERFLOW;
        total += all[count].sum == TOTAL_OVERFLOW ? 0 : (uint64_t)all[count].sum;
    }
    if (count != sum.keys || total != sum.total || overflows != sum.overflows)
        abort();
    *ret_count = count;
    return all;
}

#endif
