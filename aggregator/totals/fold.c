#include "aggregator/totals/fold.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "aggregator/read/source.h"
#include "aggregator/totals/collect.h"
#include "aggregator/totals/gather.h"
#include "aggregator/totals/recent.h"
#include "aggregator/totals/spill.h"
#include "common/stop.h"

enum {
    BASE_MEMORY = 12 << 20,   /* program, libraries, buffers of a merge */
    BLOCKS_PER_THREAD = 2,    /* one at work, one waiting for its turn */
    BLOCK_MEMORY = 5 << 18,   /* a block and what inflates it */
    MAPPED_FROM = 128 * 1024, /* freed tables go back to the system */
};

struct worker {
    pthread_t thread;
    struct fold *fold;
    unsigned number;
    struct layout layout;
    struct recent recent;
};

struct fold {
    const struct fold_rules *rules;
    struct source *source;
    struct spill *spill;
    struct gather *gather;
    struct worker *workers;
    unsigned threads;

    pthread_mutex_t lock; /* guards all below while workers run */
    pthread_cond_t freed;
    struct sequence *sequence;
    struct block *blocks;   /* all of them */
    struct block **idle;    /* a stack */
    struct block **pending; /* done, waiting for their turn; by number modulo block_count */
    struct slice *slices;   /* of the pending blocks, in the same places */
    size_t block_count, idle_count;
    uint64_t next_number;
    bool failed;
    struct err err;

    enum order_step step;
    struct order *order;
    struct total_stream *totals, **streams; /* streams: what is in memory, then the runs */
    struct merge *merge;                    /* of them, where there are runs */
};

/* Creation and release. */

static bool add_events(void *context, const struct event *events, size_t count, struct err *err)
{
    struct worker *worker = context;
    return gather_add(worker->fold->gather, worker->number, events, count, err);
}

static bool make_workers(struct fold *fold, uint64_t budget, struct err *err)
{
    uint64_t seed;

    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        return err_errno(err, errno, "cannot draw a hash seed");
    fold->gather =
        gather_new(fold->threads, (size_t)budget, fold->rules->statistics, seed, fold->spill);
    if (fold->gather == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    for (unsigned i = 0; i < fold->threads; i++) {
        struct worker *worker = &fold->workers[i];
        worker->fold = fold;
        worker->number = i;
        recent_init(&worker->recent, seed, !fold->rules->statistics, add_events, worker);
    }
    for (size_t i = 0; i < fold->block_count; i++) {
        if (!block_init(&fold->blocks[i], err))
            return false;
        fold->idle[fold->idle_count++] = &fold->blocks[i];
    }
    return true;
}

/* Threads need blocks and room for totals each; returns what is left for totals. */
static uint64_t plan_memory(struct fold *fold, const struct fold_rules *rules)
{
    const uint64_t per_thread = BLOCKS_PER_THREAD * BLOCK_MEMORY + GATHER_BUDGET_MIN;
    uint64_t fixed = BASE_MEMORY + 2 * BLOCK_MEMORY + rules->scan.max_line;
    uint64_t free_memory = rules->max_memory > fixed ? rules->max_memory - fixed : 0;
    uint64_t carried = free_memory / per_thread;

    fold->threads = carried < rules->threads ? (unsigned)carried : rules->threads;
    if (fold->threads == 0)
        fold->threads = 1;
    fold->block_count = fold->threads * BLOCKS_PER_THREAD + 2;
    uint64_t used = fold->threads * BLOCKS_PER_THREAD * (uint64_t)BLOCK_MEMORY;
    uint64_t least = fold->threads * (uint64_t)GATHER_BUDGET_MIN;
    return free_memory > used + least ? free_memory - used : least;
}

struct fold *fold_new(const struct fold_rules *rules, struct err *err)
{
    struct fold *fold = calloc(1, sizeof *fold);
    if (fold == NULL) {
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
        return NULL;
    }
    (void)mallopt(M_MMAP_THRESHOLD, MAPPED_FROM);
    fold->rules = rules;
    (void)pthread_mutex_init(&fold->lock, NULL);
    (void)pthread_cond_init(&fold->freed, NULL);
    uint64_t budget = plan_memory(fold, rules);
    fold->workers = calloc(fold->threads, sizeof *fold->workers);
    fold->blocks = calloc(fold->block_count, sizeof *fold->blocks);
    fold->idle = calloc(fold->block_count, sizeof(struct block *));
    fold->pending = calloc(fold->block_count, sizeof(struct block *));
    fold->slices = calloc(fold->block_count, sizeof *fold->slices);
    fold->spill = spill_new(rules->spill_dir);
    fold->sequence =
        sequence_new(&rules->scan, &rules->bad_lines, rules->reject, rules->reject_context);
    bool made = fold->workers != NULL && fold->blocks != NULL && fold->idle != NULL &&
                fold->pending != NULL && fold->slices != NULL && fold->spill != NULL &&
                fold->sequence != NULL;
    if (!made)
        (void)err_set(err, STATUS_TRANSIENT, "out of memory");
    if (!made || !make_workers(fold, budget, err)) {
        fold_free(fold);
        return NULL;
    }
    return fold;
}

void fold_free(struct fold *fold)
{
    if (fold == NULL)
        return;
    merge_free(fold->merge);
    free(fold->streams);
    gather_free(fold->gather);
    for (size_t i = 0; fold->blocks != NULL && i < fold->block_count; i++)
        block_release(&fold->blocks[i]);
    free(fold->workers);
    free(fold->blocks);
    free(fold->idle);
    free(fold->pending);
    free(fold->slices);
    spill_free(fold->spill);
    sequence_free(fold->sequence);
    source_free(fold->source);
    (void)pthread_mutex_destroy(&fold->lock);
    (void)pthread_cond_destroy(&fold->freed);
    free(fold);
}

/* Worker threads. */

/* With the lock held: the first failure in order ends the run. */
static void fail(struct fold *fold, const struct err *err)
{
    if (!fold->failed)
        fold->err = *err;
    fold->failed = true;
    (void)pthread_cond_broadcast(&fold->freed);
}

static struct block *take_block(struct fold *fold)
{
    struct block *block = NULL;
    struct err err = {0};

    pthread_mutex_lock(&fold->lock);
    while (!fold->failed && fold->idle_count == 0)
        (void)pthread_cond_wait(&fold->freed, &fold->lock);
    if (!fold->failed && stop_requested()) {
        (void)stop_err(&err);
        fail(fold, &err);
    }
    if (!fold->failed)
        block = fold->idle[--fold->idle_count];
    pthread_mutex_unlock(&fold->lock);
    return block;
}

static void give_back(struct fold *fold, struct block *block)
{
    fold->idle[fold->idle_count++] = block;
    (void)pthread_cond_signal(&fold->freed);
}

/* With the lock held: all blocks whose turn has come. */
static void drain(struct worker *worker)
{
    struct fold *fold = worker->fold;
    struct block *block;
    struct err err = {0};

    for (;;) {
        size_t at = fold->next_number % fold->block_count;
        block = fold->pending[at];
        if (block == NULL || fold->failed)
            return;
        fold->pending[at] = NULL;
        fold->next_number++;
        if (!source_settle(fold->source, block, &err))
            fail(fold, &err);
        else if (block->failed)
            fail(fold, &block->err);
        else if (!sequence_take(fold->sequence, &fold->slices[at], add_events, worker, &err))
            fail(fold, &err);
        give_back(fold, block);
    }
}

static void flush(struct worker *worker)
{
    struct fold *fold = worker->fold;
    struct err err = {0};

    if (recent_flush(&worker->recent, &err) && gather_flush(fold->gather, worker->number, &err))
        return;
    pthread_mutex_lock(&fold->lock);
    fail(fold, &err);
    pthread_mutex_unlock(&fold->lock);
}

static void *read_and_add(void *context)
{
    struct worker *worker = context;
    struct fold *fold = worker->fold;
    struct block *block;

    while ((block = take_block(fold)) != NULL) {
        if (!source_next(fold->source, block)) {
            pthread_mutex_lock(&fold->lock);
            give_back(fold, block);
            pthread_mutex_unlock(&fold->lock);
            break;
        }
        size_t at = block->number % fold->block_count;
        struct slice slice = {.data = block->data,
                              .len = block->len,
                              .file = block->file,
                              .name = source_name(fold->source, block->file),
                              .first = block->first,
                              .last = block->last};
        if (!block->failed) {
            slice_cut(&slice);
            block->failed = !slice_check_format(&slice, &fold->rules->scan, &block->err) ||
                            !slice_scan(&slice, &fold->rules->scan, &worker->layout, recent_add,
                                        &worker->recent, &block->err);
        }
        pthread_mutex_lock(&fold->lock);
        fold->slices[at] = slice;
        fold->pending[at] = block;
        drain(worker);
        pthread_mutex_unlock(&fold->lock);
    }
    flush(worker);
    return NULL;
}

static void *sort(void *context)
{
    struct worker *worker = context;
    struct fold *fold = worker->fold;

    while (!stop_requested() && gather_sort_next(fold->gather, fold->step, worker->number))
        ;
    return NULL;
}

static void run_workers(struct fold *fold, void *(*work)(void *))
{
    unsigned started = 0;
    int failed = 0;

    while (started < fold->threads && failed == 0) {
        struct worker *worker = &fold->workers[started];
        failed = pthread_create(&worker->thread, NULL, work, worker);
        started += failed == 0;
    }
    if (failed != 0) {
        struct err err = {0};
        (void)err_errno(&err, failed, "cannot start thread %u of %u", started + 1, fold->threads);
        pthread_mutex_lock(&fold->lock);
        fail(fold, &err);
        pthread_mutex_unlock(&fold->lock);
    }
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(fold->workers[i].thread, NULL);
}

static void sort_all(struct fold *fold)
{
    for (fold->step = 0; fold->step < ORDER_STEPS && !fold->failed; fold->step++) {
        if (stop_requested())
            return;
        if (gather_sort_begin(fold->gather, fold->step, &fold->err))
            run_workers(fold, sort);
        else
            fold->failed = true;
    }
}

/* The sorted stream. */

static bool open_totals(struct fold *fold, struct err *err)
{
    const size_t runs = spill_run_count(fold->spill);

    fold->order = gather_order(fold->gather, err);
    if (fold->order == NULL)
        return false;
    fold->totals = order_stream(fold->order);
    if (runs == 0)
        return true;
    fold->streams = calloc(1 + runs, sizeof(struct total_stream *));
    if (fold->streams == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    fold->streams[0] = fold->totals;
    for (size_t i = 0; i < runs; i++)
        fold->streams[1 + i] = spill_run(fold->spill, i);
    fold->merge = merge_new(fold->streams, 1 + runs);
    if (fold->merge == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    fold->totals = merge_stream(fold->merge);
    return true;
}

/*
 * Counts and checks every total before anything is printed or loaded. Sorting has done so, but in
 * order only where there are runs, and to name the first that is too great.
 */
static bool survey(struct fold *fold, struct fold_result *ret, struct err *err)
{
    if (!open_totals(fold, err))
        return false;
    const struct order_sum sum = order_sum(fold->order);
    if (fold->merge != NULL || sum.overflows)
        return survey_totals(fold->totals, &ret->keys, &ret->total, err);
    ret->keys = sum.keys;
    ret->total = sum.total;
    return true;
}

static bool check_count(const struct fold *fold, const struct tally *tally, struct err *err)
{
    const uint64_t least = fold->rules->min_lines, lines = tally->lines - tally->blank;

    return lines >= least ||
           err_set(
               err, STATUS_INPUT,
               "the input has %llu lines that are not blank, --min-lines asks for %llu; nothing "
               "was loaded; see whether it is whole",
               (unsigned long long)lines, (unsigned long long)least);
}

static int reserve(void *context, size_t bytes, struct err *err)
{
    const struct fold *fold = context;
    return gather_reserve(fold->gather, bytes, err);
}

bool fold_run(struct fold *fold, char *const *names, size_t count, struct fold_result *ret,
              struct err *err)
{
    *ret = (struct fold_result){.threads = fold->threads};
    fold->source = source_new(names, count);
    if (fold->source == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    source_limit(fold->source, &(struct source_memory){reserve, fold, fold->block_count});
    source_objects(fold->source, fold->rules->s3);
    run_workers(fold, read_and_add);
    source_free(fold->source); /* what it holds is for sorting */
    fold->source = NULL;
    sort_all(fold);

    bool done = !fold->failed;
    if (!done)
        *err = fold->err;
    done = done && sequence_finish(fold->sequence, err);
    ret->tally = *sequence_tally(fold->sequence);
    ret->bytes = sequence_bytes(fold->sequence);
    memcpy(ret->digest, sequence_digest(fold->sequence), DIGEST_TEXT);
    memcpy(ret->digest_in_order, sequence_digest_in_order(fold->sequence), DIGEST_TEXT);
    done = done && check_count(fold, &ret->tally, err);
    ret->spilled_bytes = spill_bytes(fold->spill);
    if (done && stop_requested())
        return stop_err(err);
    return done && survey(fold, ret, err);
}

struct total_stream *fold_totals(struct fold *fold)
{
    return fold->totals;
}

bool fold_text(struct fold *fold, const struct text_rules *rules, struct err *err)
{
    return fold->merge != NULL ? text_of_stream(fold->totals, rules, err)
                               : text_of_order(fold->order, fold->threads, rules, err);
}
