#include "aggregator/totals/spill.h"

#include "aggregator/scan/scan.h"
#include "common/tests/at_pages.h"
#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

enum { KEYS = 3000, THREADS = 4, RECORD_BYTES = 40 /* beside the key */ };

static bool no_unnamed_files;

/* Not every file system has unnamed files. */
int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (no_unnamed_files && (flags & O_TMPFILE) == O_TMPFILE) {
        errno = EOPNOTSUPP;
        return -1;
    }
    return openat(AT_FDCWD, path, flags, mode);
}

/* Keys from short to the longest, so that records straddle every boundary of a buffer. */
static size_t numbered_key(unsigned char *out, unsigned number)
{
    size_t len = number % 7 == 0 ? SCAN_KEY_LIMIT - number % 5 : 4 + number % 50;
    memset(out, 'k', len);
    for (int i = 3; i >= 0; i--, number /= 10)
        out[i] = (unsigned char)('0' + number % 10);
    return len;
}

struct reference {
    int64_t sum, count, min, max;
};

/* A sorted stream of what was added: the numbers of keys are in their order. */
struct table {
    struct total_stream stream; /* first: it is a stream */
    struct reference rows[KEYS];
    unsigned at;
    unsigned char key[SCAN_KEY_LIMIT + 1];
};

static bool table_rewind(struct total_stream *stream, struct err *err)
{
    (void)err;
    ((struct table *)stream)->at = 0;
    return true;
}

static int table_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct table *table = (struct table *)stream;
    (void)err;
    while (table->at < KEYS && table->rows[table->at].count == 0)
        table->at++;
    if (table->at == KEYS)
        return 0;
    const struct reference *row = &table->rows[table->at];
    *ret = (struct total){.key = table->key,
                          .key_len = numbered_key(table->key, table->at++),
                          .sum = row->sum,
                          .count = row->count,
                          .min = row->min,
                          .max = row->max};
    return 1;
}

static struct table *table_new(void)
{
    struct table *table = calloc(1, sizeof *table);
    assert_non_null(table);
    table->stream = (struct total_stream){.rewind = table_rewind, .next = table_next};
    return table;
}

static void add_to(struct reference *at, int64_t value)
{
    at->min = at->count == 0 || value < at->min ? value : at->min;
    at->max = at->count == 0 || value > at->max ? value : at->max;
    at->count++;
    total_add(&at->sum, value);
}

static void add(struct table *table, struct reference *reference, unsigned number, int64_t value)
{
    add_to(&table->rows[number], value);
    add_to(&reference[number], value);
}

static bool spill_table(struct spill *spill, struct table *table, struct err *err)
{
    bool done = spill_stream(spill, &table->stream, err);
    memset(table->rows, 0, sizeof table->rows);
    return done;
}

/* All runs merged are the reference, in order; twice, because a run can be read again. */
static void assert_runs_hold(struct spill *spill, const struct reference *reference)
{
    size_t count = spill_run_count(spill);
    struct total_stream **streams = calloc(count + 1, sizeof(struct total_stream *));
    assert_non_null(streams);
    for (size_t i = 0; i < count; i++)
        streams[i] = spill_run(spill, i);
    struct merge *merge = merge_new(streams, count);
    struct total_stream *merged = merge_stream(merge);
    for (int pass = 0; pass < 2; pass++) {
        struct err err = {0};
        struct total total;
        int got;
        assert_true(merged->rewind(merged, &err));
        for (unsigned number = 0; number < KEYS; number++) {
            unsigned char key[SCAN_KEY_LIMIT + 1];
            size_t len = numbered_key(key, number);
            if (reference[number].count == 0)
                continue;
            got = merged->next(merged, &total, &err);
            assert_int_equal(got, 1);
            assert_int_equal(total.key_len, len);
            assert_memory_equal(total.key, key, len);
            assert_int_equal(total.sum, reference[number].sum);
            assert_int_equal(total.count, reference[number].count);
            assert_int_equal(total.min, reference[number].min);
            assert_int_equal(total.max, reference[number].max);
        }
        got = merged->next(merged, &total, &err);
        assert_int_equal(got, 0);
    }
    merge_free(merge);
    free(streams);
}

static void spill_many(struct spill *spill, struct reference *reference, int rounds, uint64_t seed)
{
    struct table *table = table_new();
    struct err err = {0};
    for (int round = 0; round < rounds; round++) {
        for (size_t n = 1 + chance_below(&seed, 60); n > 0; n--)
            add(table, reference, (unsigned)chance_below(&seed, KEYS),
                (int64_t)chance_below(&seed, 1000000));
        assert_true(spill_table(spill, table, &err));
    }
    free(table);
}

static void any_number_of_runs_merges_to_the_totals(void **state)
{
    static const int rounds[] = {0, 1, 2, 15, 16, 17, 255, 256, 257, 300, 600};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rounds); i++) {
        struct reference *reference = calloc(KEYS, sizeof *reference);
        struct spill *spill = spill_new(scratch_dir);
        assert_true(reference != NULL && spill != NULL);
        spill_many(spill, reference, rounds[i], (uint64_t)rounds[i] + 1);
        /* Each level keeps fewer than SPILL_FAN_IN runs, so files and buffers stay few. */
        assert_true(spill_run_count(spill) < 3 * SPILL_FAN_IN);
        assert_true((spill_bytes(spill) > 0) == (rounds[i] > 0));
        assert_int_equal(scratch_count(), 0);
        assert_runs_hold(spill, reference);
        spill_free(spill);
        free(reference);
    }
    spill_free(NULL);
}

static void runs_longer_than_buffers_are_read_whole(void **state)
{
    struct reference *reference = calloc(KEYS, sizeof *reference);
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    (void)state;
    count_blocks();
    for (int run = 0; run < 3; run++) {
        for (unsigned number = 0; number < KEYS; number++)
            add(table, reference, number, run + 1);
        assert_true(spill_table(spill, table, &err));
    }
    assert_true(spill_bytes(spill) > 3 * 1000 * 1000);
    assert_runs_hold(spill, reference);
    assert_blocks_began_at_pages();
    free(table);
    spill_free(spill);
    free(reference);
}

static void short_writes_are_continued(void **state)
{
    struct reference *reference = calloc(KEYS, sizeof *reference);
    struct spill *spill = spill_new(scratch_dir);
    (void)state;
    short_writes = true;
    spill_many(spill, reference, 40, 7);
    short_writes = false;
    assert_runs_hold(spill, reference);
    spill_free(spill);
    free(reference);
}

/* A byte is written once a level, not again with each run that comes. */
static void each_level_is_written_once(void **state)
{
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    uint64_t one = 0;
    (void)state;
    for (unsigned run = 0; run < SPILL_FAN_IN * SPILL_FAN_IN; run++) {
        add_to(&table->rows[run * 7 + 1], 1); /* keys of other lengths, none of the longest */
        assert_true(spill_table(spill, table, &err));
    }
    for (unsigned run = 0; run < SPILL_FAN_IN * SPILL_FAN_IN; run++) {
        unsigned char key[SCAN_KEY_LIMIT + 1];
        one += numbered_key(key, run * 7 + 1) + RECORD_BYTES;
    }
    assert_int_equal(spill_run_count(spill), 1);
    assert_int_equal(spill_bytes(spill), 3 * one);
    free(table);
    spill_free(spill);
}

static void a_run_can_be_read_again_before_its_end(void **state)
{
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    struct total total;
    (void)state;
    for (unsigned number = 0; number < KEYS; number++)
        add_to(&table->rows[number], number);
    assert_true(spill_table(spill, table, &err));
    struct total_stream *run = spill_run(spill, 0);
    for (unsigned read = 1; read < KEYS; read = read * 3 + 1) {
        assert_true(run->rewind(run, &err));
        for (unsigned number = 0; number < read; number++) {
            assert_int_equal(run->next(run, &total, &err), 1);
            assert_int_equal(total.sum, number);
        }
    }
    free(table);
    spill_free(spill);
}

static void overflow_survives_the_disk(void **state)
{
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    struct total total;
    (void)state;
    add_to(&table->rows[1], INT64_MAX);
    add_to(&table->rows[1], INT64_MAX);
    assert_true(spill_table(spill, table, &err));
    for (int run = 1; run < 2 * SPILL_FAN_IN; run++) {
        add_to(&table->rows[1], 1);
        add_to(&table->rows[2], INT64_MAX / SPILL_FAN_IN);
        assert_true(spill_table(spill, table, &err));
    }
    struct total_stream *streams[2 * SPILL_FAN_IN];
    for (size_t i = 0; i < spill_run_count(spill); i++)
        streams[i] = spill_run(spill, i);
    struct merge *merge = merge_new(streams, spill_run_count(spill));
    struct total_stream *merged = merge_stream(merge);
    assert_true(merged->rewind(merged, &err));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(merged->next(merged, &total, &err), 1);
        assert_true(total.sum == TOTAL_OVERFLOW);
    }
    assert_int_equal(merged->next(merged, &total, &err), 0);
    merge_free(merge);
    free(table);
    spill_free(spill);
}

static void empty_table_makes_an_empty_run(void **state)
{
    struct reference *reference = calloc(KEYS, sizeof *reference);
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    (void)state;
    for (int i = 0; i < 20; i++)
        assert_true(spill_table(spill, table, &err));
    assert_runs_hold(spill, reference);
    free(table);
    spill_free(spill);
    free(reference);
}

static void named_files_are_unlinked_at_once(void **state)
{
    struct reference *reference = calloc(KEYS, sizeof *reference);
    struct spill *spill = spill_new(scratch_dir);
    (void)state;
    no_unnamed_files = true;
    spill_many(spill, reference, 20, 5);
    no_unnamed_files = false;
    assert_int_equal(scratch_count(), 0);
    assert_runs_hold(spill, reference);
    spill_free(spill);
    free(reference);
}

static void missing_directory_is_named_with_the_way_out(void **state)
{
    char *dir = scratch_path("missing");
    struct spill *spill = spill_new(dir);
    (void)state;
    for (int named = 0; named < 2; named++) {
        struct table *table = table_new();
        struct err err = {0};
        no_unnamed_files = named == 1;
        add_to(&table->rows[1], 7);
        assert_false(spill_table(spill, table, &err));
        assert_int_equal(err.status, STATUS_REFUSED);
        assert_non_null(strstr(err.text, dir));
        assert_non_null(strstr(err.text, "--spill-dir"));
        free(table);
    }
    no_unnamed_files = false;
    spill_free(spill);
    free(dir);
}

static void full_disk_fails_and_leaves_no_run(void **state)
{
    struct rlimit before, small;
    struct reference *reference = calloc(KEYS, sizeof *reference);
    struct spill *spill = spill_new(scratch_dir);
    struct table *table = table_new();
    struct err err = {0};
    (void)state;
    for (unsigned number = 0; number < KEYS; number++)
        add(table, reference, number, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){.rlim_cur = 300 * 1000, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool spilled = spill_table(spill, table, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(spilled);
    assert_non_null(strstr(err.text, "cannot write a temporary file"));
    assert_int_equal(spill_run_count(spill), 0);
    free(table);
    spill_free(spill);
    free(reference);
}

struct job {
    struct spill *spill;
    struct reference *reference;
    uint64_t seed;
};

static void *spill_in_a_thread(void *context)
{
    struct job *job = context;
    spill_many(job->spill, job->reference, 70, job->seed);
    return NULL;
}

static void threads_spill_side_by_side(void **state)
{
    struct spill *spill = spill_new(scratch_dir);
    struct reference *all = calloc(KEYS, sizeof *all);
    struct job jobs[THREADS];
    pthread_t threads[THREADS];
    (void)state;
    for (size_t t = 0; t < THREADS; t++) {
        jobs[t] =
            (struct job){.spill = spill, .reference = calloc(KEYS, sizeof *all), .seed = 100 + t};
        assert_int_equal(pthread_create(&threads[t], NULL, spill_in_a_thread, &jobs[t]), 0);
    }
    for (size_t t = 0; t < THREADS; t++) {
        (void)pthread_join(threads[t], NULL);
        for (size_t i = 0; i < KEYS; i++) {
            const struct reference *one = &jobs[t].reference[i];
            if (one->count == 0)
                continue;
            all[i].min = all[i].count == 0 || one->min < all[i].min ? one->min : all[i].min;
            all[i].max = all[i].count == 0 || one->max > all[i].max ? one->max : all[i].max;
            all[i].count += one->count;
            all[i].sum += one->sum;
        }
        free(jobs[t].reference);
    }
    assert_runs_hold(spill, all);
    spill_free(spill);
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_runs_merges_to_the_totals),
        cmocka_unit_test(runs_longer_than_buffers_are_read_whole),
        cmocka_unit_test(short_writes_are_continued),
        cmocka_unit_test(each_level_is_written_once),
        cmocka_unit_test(a_run_can_be_read_again_before_its_end),
        cmocka_unit_test(overflow_survives_the_disk),
        cmocka_unit_test(empty_table_makes_an_empty_run),
        cmocka_unit_test(named_files_are_unlinked_at_once),
        cmocka_unit_test(missing_directory_is_named_with_the_way_out),
        cmocka_unit_test(full_disk_fails_and_leaves_no_run),
        cmocka_unit_test(threads_spill_side_by_side),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
