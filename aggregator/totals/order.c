#include "aggregator/totals/order.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/totals/items.h"

enum {
    SAMPLED_WORDS = 384, /* of which one record is a sample */
    BUCKETS_MOST = 4096,
    /*
     * Each thread has a chunk of each bucket open, and one bucket twice while it is sorted. With so
     * many chunks a thread in a bucket, and threads so few that their square times the other is at
     * most the number of chunks, these come to an eighth and a sixteenth of what is sorted.
     */
    BUCKET_CHUNKS = 8,
    SQUARE_CHUNKS = 256,
    FIRST_SAMPLES = 256,
};

/* What one thread works with. */
struct sorter {
    struct code_sight sight;
    struct code code;
    struct item *samples;
    size_t sample_count, sample_room;
    struct item *items; /* twice as many as there is room for */
    size_t item_room;
    struct list *lists; /* of each bucket */
};

struct bucket {
    struct list sorted;
    struct order_sum sum;
};

struct order {
    struct total_stream stream; /* first: the order is a stream */
    struct order_place at;      /* of the stream */
    struct totals *totals;
    bool statistics;
    unsigned threads, spreading; /* spreading: of the threads, from the second step on */
    struct sorter *sorters;
    struct code code;
    size_t bucket_count;
    uint64_t *splitters; /* numbers: bucket_count - 1 */
    uint64_t **splitter_records;
    struct bucket *buckets;
    atomic_size_t next[ORDER_STEPS];
    atomic_bool failed;
};

/* Life. */

size_t order_bucket_count(const struct order *order)
{
    return order->bucket_count;
}

bool order_read(const struct order *order, struct order_place *place, struct total *ret)
{
    const struct list *list = &order->buckets[place->bucket].sorted;

    for (; place->chunk < list->count; place->chunk++, place->word = 0) {
        const struct chunk *chunk = list->chunks[place->chunk];
        if (place->word == chunk->used)
            continue;
        const uint64_t *record = chunk->words + place->word;
        place->word += record_words(record, order->statistics);
        *ret = record_total(record, order->statistics);
        return true;
    }
    return false;
}

static bool order_rewind(struct total_stream *stream, struct err *err)
{
    (void)err;
    ((struct order *)stream)->at = (struct order_place){0};
    return true;
}

static int order_stream_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct order *order = (struct order *)stream;

    (void)err;
    for (; order->at.bucket < order->bucket_count;
         order->at = (struct order_place){.bucket = order->at.bucket + 1})
        if (order_read(order, &order->at, ret))
            return 1;
    return 0;
}

struct order *order_new(struct totals *totals, unsigned threads)
{
    struct order *order = calloc(1, sizeof *order);
    if (order == NULL)
        return NULL;
    *order = (struct order){.stream = {.rewind = order_rewind, .next = order_stream_next},
                            .totals = totals,
                            .statistics = totals->statistics,
                            .threads = threads,
                            .spreading = 1};
    order->sorters = calloc(threads, sizeof *order->sorters);
    if (order->sorters == NULL) {
        order_free(order);
        return NULL;
    }
    for (unsigned t = 0; t < threads; t++)
        code_sight_begin(&order->sorters[t].sight);
    return order;
}

static void free_splitters(struct order *order)
{
    for (size_t i = 0; order->splitter_records != NULL && i + 1 < order->bucket_count; i++)
        free(order->splitter_records[i]);
    free(order->splitter_records);
    free(order->splitters);
    order->splitter_records = NULL;
    order->splitters = NULL;
}

void order_free(struct order *order)
{
    if (order == NULL)
        return;
    struct pool *pool = order->totals->pool;
    free_splitters(order);
    for (unsigned t = 0; order->sorters != NULL && t < order->threads; t++) {
        struct sorter *sorter = &order->sorters[t];
        for (size_t b = 0; sorter->lists != NULL && b < order->bucket_count; b++)
            list_cut(&sorter->lists[b], pool, 0);
        free(sorter->lists);
        free(sorter->samples);
        free(sorter->items);
    }
    for (size_t b = 0; order->buckets != NULL && b < order->bucket_count; b++)
        list_cut(&order->buckets[b].sorted, pool, 0);
    free(order->buckets);
    free(order->sorters);
    free(order);
}

static bool fail(struct order *order)
{
    atomic_store(&order->failed, true);
    return false;
}

/* The first step: what keys look like. */

static bool add_sample(struct sorter *sorter, const uint64_t *record)
{
    if (sorter->sample_count == sorter->sample_room) {
        size_t room = sorter->sample_room == 0 ? FIRST_SAMPLES : sorter->sample_room * 2;
        struct item *samples = realloc(sorter->samples, room * sizeof *samples);
        if (samples == NULL)
            return false;
        sorter->samples = samples;
        sorter->sample_room = room;
    }
    sorter->samples[sorter->sample_count++].record = record;
    return true;
}

static bool look_at(struct order *order, struct sorter *sorter, const struct list *list)
{
    const bool statistics = order->statistics;
    size_t unsampled = SAMPLED_WORDS;

    for (uint32_t c = 0; c < list->count; c++) {
        const uint64_t *record = list->chunks[c]->words, *end = record + list->chunks[c]->used;
        for (size_t words; record < end; record += words) {
            words = record_words(record, statistics);
            code_sight_add(&sorter->sight, record, statistics);
            unsampled += words;
            if (unsampled < SAMPLED_WORDS)
                continue;
            if (!add_sample(sorter, record))
                return fail(order);
            unsampled = 0;
        }
    }
    return true;
}

/* The second: buckets. */

static bool gather_samples(struct order *order, struct item **ret, size_t *ret_count)
{
    size_t count = 0;

    for (unsigned t = 0; t < order->threads; t++)
        count += order->sorters[t].sample_count;
    struct item *all = malloc((2 * count + 1) * sizeof *all);
    *ret = all;
    *ret_count = 0;
    for (unsigned t = 0; all != NULL && t < order->threads; t++) {
        struct sorter *sorter = &order->sorters[t];
        for (size_t i = 0; i < sorter->sample_count; i++) {
            all[*ret_count] = sorter->samples[i];
            all[(*ret_count)++].number =
                code_of(&order->code, sorter->samples[i].record, order->statistics);
        }
        free(sorter->samples);
        sorter->samples = NULL;
    }
    return all != NULL;
}

/* Copies: what was sampled moves. */
static bool choose_splitters(struct order *order)
{
    const size_t count = order->bucket_count - 1;
    size_t sample_count;
    struct item *samples;

    if (!gather_samples(order, &samples, &sample_count))
        return false;
    const struct item *sorted =
        items_sort(samples, samples + sample_count, sample_count, &order->code, order->statistics);
    order->splitters = calloc(count + 1, sizeof *order->splitters);
    order->splitter_records = calloc(count + 1, sizeof *order->splitter_records);
    bool done = order->splitters != NULL && order->splitter_records != NULL;
    for (size_t i = 0; done && i < count; i++) {
        const struct item *at = &sorted[(i + 1) * sample_count / order->bucket_count];
        order->splitters[i] = at->number;
        if (order->code.exact)
            continue;
        size_t bytes = record_words(at->record, order->statistics) * sizeof *at->record;
        order->splitter_records[i] = malloc(bytes);
        done = order->splitter_records[i] != NULL;
        if (done)
            memcpy(order->splitter_records[i], at->record, bytes);
    }
    free(samples);
    return done;
}

static bool plan_buckets(struct order *order)
{
    const struct totals *totals = order->totals;
    size_t words = 0;

    for (unsigned p = 0; p < totals_partition_count(totals); p++) {
        const struct list *list = &totals->partitions[p].list;
        for (uint32_t c = 0; c < list->count; c++)
            words += list->chunks[c]->used;
    }
    for (unsigned t = 1; t < order->threads; t++)
        code_sight_join(&order->sorters[0].sight, &order->sorters[t].sight);
    code_make(&order->code, &order->sorters[0].sight);
    const size_t chunks = words / CHUNK_WORDS;
    while (order->spreading < order->threads &&
           (order->spreading + 1) * (size_t)(order->spreading + 1) * SQUARE_CHUNKS <= chunks)
        order->spreading++;
    size_t count = chunks / (BUCKET_CHUNKS * order->spreading);
    count = count < 1 ? 1 : count > BUCKETS_MOST ? BUCKETS_MOST : count;
    order->buckets = calloc(count, sizeof *order->buckets);
    bool done = order->buckets != NULL;
    for (unsigned t = 0; done && t < order->spreading; t++) {
        order->sorters[t].lists = calloc(count, sizeof(struct list));
        done = order->sorters[t].lists != NULL;
    }
    order->bucket_count = count;
    return done && choose_splitters(order);
}

/* How many of the splitters are below a number, or not above it. */
static inline size_t splitters_below(const struct order *order, uint64_t number, bool or_equal)
{
    const uint64_t *first = order->splitters;
    size_t count = order->bucket_count - 1;

    while (count > 0) {
        size_t half = count / 2;
        bool right = or_equal ? first[half] <= number : first[half] < number;
        first += right ? half + 1 : 0;
        count = right ? count - half - 1 : half;
    }
    return (size_t)(first - order->splitters);
}

static inline size_t bucket_of(const struct order *order, const uint64_t *record)
{
    const uint64_t number = code_of(&order->code, record, order->statistics);
    size_t high = splitters_below(order, number, true);

    if (order->code.exact || high == 0 || order->splitters[high - 1] != number)
        return high;
    for (size_t low = splitters_below(order, number, false); low < high;) {
        size_t middle = (low + high) / 2;
        if (code_compare_keys(order->splitter_records[middle], record, order->statistics) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return high;
}

static bool spread(struct order *order, struct sorter *sorter, unsigned p)
{
    struct totals *totals = order->totals;
    struct list *from = &totals->partitions[p].list;
    const bool statistics = order->statistics;

    while (from->count > 0) {
        const struct chunk *chunk = from->chunks[from->count - 1];
        const uint64_t *record = chunk->words, *end = record + chunk->used;
        for (size_t words; record < end; record += words) {
            words = record_words(record, statistics);
            struct list *list = &sorter->lists[bucket_of(order, record)];
            uint64_t *copy = list_add(list, totals->pool, SIZE_MAX, words);
            if (copy == NULL)
                return fail(order);
            memcpy(copy, record, words * sizeof *copy);
        }
        list_cut(from, totals->pool, from->count - 1);
    }
    totals_empty(totals, p);
    return true;
}

/* The third: each bucket. */

static bool make_room(struct sorter *sorter, size_t count)
{
    if (count <= sorter->item_room)
        return true;
    free(sorter->items);
    sorter->items = malloc(2 * count * sizeof *sorter->items);
    sorter->item_room = sorter->items != NULL ? count : 0;
    return sorter->items != NULL;
}

static struct item *list_items(const struct list *list, struct item *to, bool statistics)
{
    for (uint32_t c = 0; c < list->count; c++) {
        const uint64_t *record = list->chunks[c]->words, *end = record + list->chunks[c]->used;
        for (; record < end; record += record_words(record, statistics))
            (to++)->record = record;
    }
    return to;
}

static void add_to_sum(struct order_sum *sum, const uint64_t *record)
{
    const int64_t value = (int64_t)record[RECORD_SUM];
    sum->keys++;
    if (value == TOTAL_OVERFLOW)
        sum->overflows = true;
    else
        sum->total += (uint64_t)value;
}

/* Equal keys, which there are where a partition was not compacted, become one. */
static bool write_sorted(struct order *order, struct bucket *bucket, const struct item *items,
                         size_t count, const struct code *code)
{
    const bool statistics = order->statistics;
    uint64_t *last = NULL;

    for (size_t i = 0; i < count; i++) {
        const uint64_t *record = items[i].record;
        if (i > 0 && items[i].number == items[i - 1].number &&
            (code->exact || record_has_key_of(last, record, statistics))) {
            record_add(last, record, statistics);
            continue;
        }
        if (last != NULL)
            add_to_sum(&bucket->sum, last);
        size_t words = record_words(record, statistics);
        last = list_add(&bucket->sorted, order->totals->pool, SIZE_MAX, words);
        if (last == NULL)
            return fail(order);
        memcpy(last, record, words * sizeof *last);
    }
    if (last != NULL)
        add_to_sum(&bucket->sum, last);
    return true;
}

static bool sort_bucket(struct order *order, struct sorter *sorter, size_t b)
{
    const bool statistics = order->statistics;
    size_t count = 0;

    for (unsigned t = 0; t < order->spreading; t++)
        count += order->sorters[t].lists[b].records;
    if (!make_room(sorter, count))
        return fail(order);
    struct item *items = sorter->items, *end = items;
    for (unsigned t = 0; t < order->spreading; t++)
        end = list_items(&order->sorters[t].lists[b], end, statistics);
    code_sight_begin(&sorter->sight);
    for (size_t i = 0; i < count; i++)
        code_sight_add(&sorter->sight, items[i].record, statistics);
    code_make(&sorter->code, &sorter->sight);
    for (size_t i = 0; i < count; i++)
        items[i].number = code_of(&sorter->code, items[i].record, statistics);
    items = items_sort(items, items + count, count, &sorter->code, statistics);
    if (!write_sorted(order, &order->buckets[b], items, count, &sorter->code))
        return false;
    for (unsigned t = 0; t < order->spreading; t++)
        list_cut(&order->sorters[t].lists[b], order->totals->pool, 0);
    return true;
}

/* Steps. */

bool order_begin(struct order *order, enum order_step step)
{
    if (step == ORDER_SPREAD && !order_is_done(order))
        return false;
    if (step == ORDER_SPREAD && !plan_buckets(order))
        return fail(order);
    return order_is_done(order);
}

bool order_next(struct order *order, enum order_step step, unsigned thread,
                struct compact_index *index)
{
    struct sorter *sorter = &order->sorters[thread];
    if (step != ORDER_COMPACT && thread >= order->spreading)
        return false;
    const size_t at = atomic_fetch_add(&order->next[step], 1);
    const size_t count =
        step == ORDER_SORT ? order->bucket_count : totals_partition_count(order->totals);

    if (at >= count || atomic_load(&order->failed))
        return false;
    switch (step) {
    case ORDER_COMPACT:
        totals_compact(order->totals, (unsigned)at, index);
        return look_at(order, sorter, &order->totals->partitions[at].list);
    case ORDER_SPREAD:
        return spread(order, sorter, (unsigned)at);
    default:
        return sort_bucket(order, sorter, at);
    }
}

bool order_is_done(const struct order *order)
{
    return !atomic_load(&order->failed);
}

struct order_sum order_sum(const struct order *order)
{
    struct order_sum sum = {0};

    for (size_t b = 0; b < order->bucket_count; b++) {
        sum.keys += order->buckets[b].sum.keys;
        sum.total += order->buckets[b].sum.total;
        sum.overflows |= order->buckets[b].sum.overflows;
    }
    return sum;
}

struct total_stream *order_stream(struct order *order)
{
    return &order->stream;
}
