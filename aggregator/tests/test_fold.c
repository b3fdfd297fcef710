#include "aggregator/totals/fold.h"

#include "aggregator/tests/zstd_made.h"
#include "common/tests/scratch.h"

enum { KEYS = 60000, EVENTS = 90000, LINE_ROOM = 256, FILES = 4, PAD = 90 };

static const unsigned thread_counts[] = {1, 2, 5};
static const char *spill_dir = scratch_dir;

struct reference {
    int64_t sum, count, min, max;
};

/* One run over the files; the caller frees the fold. */
struct run {
    struct fold_rules rules;
    struct fold *fold;
    struct fold_result result;
    struct err err;
    bool done;
    struct buf rejects;
};

static bool keep_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    struct buf *rejects = &((struct run *)context)->rejects;
    buf_add(rejects, bytes, len);
    return buf_ok(rejects, err);
}

static struct fold_rules rules_of(unsigned threads, uint64_t max_memory)
{
    return (struct fold_rules){.scan = {.key = "userId",
                                        .key_len = 6,
                                        .value = "sessionDuration",
                                        .value_len = 15,
                                        .max_line = 1 << 20,
                                        .max_key = 1024},
                               .statistics = true,
                               .threads = threads,
                               .max_memory = max_memory,
                               .spill_dir = spill_dir};
}

static void run_rules(struct run *run, char *const *names, size_t count)
{
    run->fold = fold_new(&run->rules, &run->err);
    assert_non_null(run->fold);
    run->done = fold_run(run->fold, names, count, &run->result, &run->err);
}

static void run_fold(struct run *run, unsigned threads, uint64_t max_memory,
                     const struct bad_line_policy *policy, char *const *names, size_t count)
{
    *run = (struct run){.rules = rules_of(threads, max_memory)};
    run->rules.bad_lines = *policy;
    run->rules.reject = keep_reject;
    run->rules.reject_context = run;
    buf_init(&run->rejects, MADE_MAX);
    run_rules(run, names, count);
}

static void end_run(struct run *run)
{
    fold_free(run->fold);
    buf_release(&run->rejects);
}

/* Keys of many bytes, so that a small memory is soon full. */
static int put_line(char *out, int key, int64_t value)
{
    return snprintf(out, LINE_ROOM,
                    "{\"timestamp\":\"2024-10-07T14:30:00\",\"userId\":\"user%06d%0*d\","
                    "\"sessionDuration\":%lld}\n",
                    key, PAD, 0, (long long)value);
}

/* Events over FILES files, each stored in another way, with some bad and blank lines. */
struct input {
    char *names[FILES];
    struct reference *reference;
    struct tally tally;
    uint64_t bytes;
};

static void store(const char *path, int way, const struct buf *text)
{
    OWNED_BUF(stored, MADE_MAX);
    if (way == 0)
        made_add(&stored, text->data, text->len);
    else if (way == 1)
        made_add_gzip(&stored, text->data, text->len, 1, NULL);
    else if (way == 2)
        made_add_frames(&stored, text->data, text->len, 150000, 0);
    else
        made_add_bgzf(&stored, text->data, text->len, MADE_BGZF_TEXT);
    scratch_write(path, stored.data, stored.len);
}

static void make_input(struct input *input, int way, int bad_every)
{
    uint64_t random = 11;
    *input = (struct input){.reference = calloc(KEYS, sizeof(struct reference))};
    assert_non_null(input->reference);
    for (int f = 0; f < FILES; f++) {
        OWNED_BUF(text, MADE_MAX);
        char name[32], line[LINE_ROOM];
        /* A small file, an empty one, and two of many blocks. */
        int events = f == 0 ? 100 : f == 2 ? 0 : EVENTS / 2;
        for (int i = 0; i < events; i++) {
            int key = (int)chance_below(&random, KEYS);
            int64_t value = (int64_t)chance_below(&random, 100000);
            struct reference *at = &input->reference[key];
            made_add(&text, line, (size_t)put_line(line, key, value));
            at->min = at->count == 0 || value < at->min ? value : at->min;
            at->max = at->count == 0 || value > at->max ? value : at->max;
            at->count++;
            at->sum += value;
            input->tally.lines++;
            if (i % 997 == 0) {
                made_add(&text, "\r\n", 2);
                input->tally.lines++;
                input->tally.blank++;
            }
            if (bad_every > 0 && i % bad_every == bad_every - 1) {
                made_add(&text, "{\"userId\":\"bad\0\xff\"}\n", 19);
                input->tally.lines++;
                input->tally.bad++;
            }
        }
        (void)snprintf(name, sizeof name, "input%d", f);
        input->names[f] = scratch_path(name);
        input->bytes += text.len;
        store(input->names[f], way == 4 ? f % 4 : way, &text);
    }
}

static void release_input(struct input *input)
{
    free(input->reference);
    for (int f = 0; f < FILES; f++)
        free(input->names[f]);
}

static void assert_totals(struct run *run, const struct input *input)
{
    struct total_stream *totals = fold_totals(run->fold);
    char key[LINE_ROOM];
    uint64_t keys = 0;
    unsigned __int128 sum = 0;
    for (int pass = 0; pass < 2; pass++) {
        struct total total;
        assert_true(totals->rewind(totals, &run->err));
        for (int k = 0; k < KEYS; k++) {
            const struct reference *expected = &input->reference[k];
            if (expected->count == 0)
                continue;
            size_t len = (size_t)snprintf(key, sizeof key, "user%06d%0*d", k, PAD, 0);
            assert_int_equal(totals->next(totals, &total, &run->err), 1);
            assert_int_equal(total.key_len, len);
            assert_memory_equal(total.key, key, len);
            assert_int_equal(total.sum, expected->sum);
            assert_int_equal(total.count, expected->count);
            assert_int_equal(total.min, expected->min);
            assert_int_equal(total.max, expected->max);
            keys += pass == 0;
            sum += pass == 0 ? (unsigned __int128)expected->sum : 0;
        }
        assert_int_equal(totals->next(totals, &total, &run->err), 0);
    }
    assert_int_equal(run->result.keys, keys);
    assert_true(run->result.total == sum);
    assert_int_equal(run->result.tally.lines, input->tally.lines);
    assert_int_equal(run->result.tally.blank, input->tally.blank);
    assert_int_equal(run->result.tally.bad, input->tally.bad);
    assert_int_equal(run->result.bytes, input->bytes);
}

static void threads_and_compression_change_nothing(void **state)
{
    static const struct bad_line_policy any = {.is_percent = true, .percent = 100};
    char digest[DIGEST_TEXT] = "";
    struct buf rejects = {0};
    (void)state;
    for (int way = 0; way < 5; way++) {
        struct input input;
        make_input(&input, way, 1000);
        for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
            struct run run;
            run_fold(&run, thread_counts[t], 256 << 20, &any, input.names, FILES);
            CHECK(run.done, "%u threads: %s", thread_counts[t], run.err.text);
            assert_int_equal(run.result.threads, thread_counts[t]);
            assert_int_equal(run.result.spilled_bytes, 0);
            assert_totals(&run, &input);
            if (digest[0] == '\0') {
                memcpy(digest, run.result.digest, DIGEST_TEXT);
                rejects = run.rejects;
                buf_init(&run.rejects, 0);
            } else {
                assert_string_equal(run.result.digest, digest);
                assert_int_equal(run.rejects.len, rejects.len);
                assert_memory_equal(run.rejects.data, rejects.data, rejects.len);
            }
            end_run(&run);
        }
        release_input(&input);
    }
    buf_release(&rejects);
}

static void small_memory_spills_and_changes_nothing(void **state)
{
    static const struct bad_line_policy strict;
    struct input input;
    (void)state;
    make_input(&input, 0, 0);
    for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
        struct run run;
        run_fold(&run, thread_counts[t], FOLD_MEMORY_MIN + (1 << 20), &strict, input.names, FILES);
        CHECK(run.done, "%u threads: %s", thread_counts[t], run.err.text);
        assert_true(run.result.threads <= thread_counts[t]);
        assert_true(run.result.spilled_bytes > 1000000);
        assert_int_equal(scratch_count(), FILES);
        assert_totals(&run, &input);
        end_run(&run);
    }
    release_input(&input);
}

static void threads_that_memory_does_not_carry_are_not_started(void **state)
{
    static const struct bad_line_policy strict;
    struct input input;
    struct run run;
    (void)state;
    make_input(&input, 0, 0);
    run_fold(&run, 64, FOLD_MEMORY_MIN + (1 << 20), &strict, input.names, FILES);
    CHECK(run.done, "%s", run.err.text);
    assert_true(run.result.threads < 16);
    assert_totals(&run, &input);
    end_run(&run);
    release_input(&input);
}

static void first_bad_line_does_not_depend_on_threads(void **state)
{
    static const struct bad_line_policy strict, some = {.lines = 20};
    struct input input;
    char expected[PATH_MAX + 100];
    (void)state;
    make_input(&input, 4, 1000);
    for (int round = 0; round < 3; round++) {
        for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
            struct run run;
            run_fold(&run, thread_counts[t], 64 << 20, &strict, input.names, FILES);
            assert_false(run.done);
            assert_int_equal(run.err.status, STATUS_INPUT);
            (void)snprintf(expected, sizeof expected, "%s:1003:15: ", input.names[1]);
            CHECK(strncmp(run.err.text, expected, strlen(expected)) == 0, "%s", run.err.text);
            end_run(&run);

            run_fold(&run, thread_counts[t], 64 << 20, &some, input.names, FILES);
            assert_false(run.done);
            (void)snprintf(expected, sizeof expected, "%s:21043:15: ", input.names[1]);
            CHECK(strncmp(run.err.text, expected, strlen(expected)) == 0, "%s", run.err.text);
            end_run(&run);
        }
    }
    release_input(&input);
}

static void the_first_failure_in_the_inputs_order_counts(void **state)
{
    static const struct bad_line_policy strict;
    char line[LINE_ROOM], *good = scratch_path("good"), *bad = scratch_path("bad");
    char *missing = scratch_path("missing"), *cut = scratch_path("cut");
    OWNED_BUF(text, MADE_MAX);
    OWNED_BUF(packed, MADE_MAX);
    (void)state;
    for (int i = 0; i < 20000; i++)
        made_add(&text, line, (size_t)put_line(line, i, i));
    scratch_write(good, text.data, text.len);
    made_add_bgzf(&packed, text.data, text.len, MADE_BGZF_TEXT);
    scratch_write(cut, packed.data, packed.len - 28);
    made_add(&text, "bad", 3);
    scratch_write(bad, text.data, text.len);
    const struct {
        char *names[4];
        const char *says;
        enum status status;
    } cases[] = {
        {{good, bad, missing, cut}, "bad:20001:1: expected an object", STATUS_INPUT},
        {{good, missing, bad, cut}, "missing: No such file", STATUS_REFUSED},
        {{good, cut, bad, missing}, "cut: truncated gzip", STATUS_INPUT},
        {{bad, good, good, good}, "bad:20001:1: expected an object", STATUS_INPUT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
            struct run run;
            run_fold(&run, thread_counts[t], 64 << 20, &strict, cases[i].names, 4);
            CHECK(!run.done && run.err.status == cases[i].status, "case %zu: %s", i, run.err.text);
            CHECK(strstr(run.err.text, cases[i].says) != NULL, "case %zu: %s", i, run.err.text);
            end_run(&run);
        }
    }
    free(good);
    free(bad);
    free(missing);
    free(cut);
}

/* Where a bad line stands, the file is written to, once. */
static bool write_on(void *context, const void *bytes, size_t len, struct err *err)
{
    char **path = context;
    (void)bytes;
    (void)len;
    (void)err;
    if (*path != NULL) {
        FILE *file = fopen(*path, "a");
        assert_non_null(file);
        assert_int_equal(fputs("{}\n", file) >= 0 && fclose(file) == 0, true);
    }
    *path = NULL;
    return true;
}

static void changed_file_fails_at_its_end_where_no_earlier_line_does(void **state)
{
    static const struct bad_line_policy tolerant = {.is_percent = true, .percent = 100}, strict;
    OWNED_BUF(text, MADE_MAX);
    char *path = scratch_path("changed"), line[LINE_ROOM];
    (void)state;
    made_add(&text, "{}\n", 3);
    while (text.len < 3 << 20)
        made_add(&text, line, (size_t)put_line(line, 1, 2));
    for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
        for (int i = 0; i < 2; i++) {
            char *to_change = path;
            struct run run = {.rules = rules_of(thread_counts[t], 64 << 20)};
            scratch_write(path, text.data, text.len);
            run.rules.bad_lines = i == 0 ? tolerant : strict;
            run.rules.reject = write_on;
            run.rules.reject_context = &to_change;
            run_rules(&run, &path, 1);
            CHECK(!run.done && run.err.status == (i == 0 ? STATUS_TRANSIENT : STATUS_INPUT),
                  "threads %u: %s", thread_counts[t], run.err.text);
            fold_free(run.fold);
        }
    }
    free(path);
}

static void total_beyond_64_bits_is_rejected_by_name(void **state)
{
    static const struct bad_line_policy strict;
    char line[LINE_ROOM], *path = scratch_path("large");
    (void)state;
    for (int64_t excess = 0; excess < 2; excess++) {
        OWNED_BUF(text, MADE_MAX);
        made_add(&text, line, (size_t)put_line(line, 7, INT64_MAX - 1000));
        for (int i = 0; i < 30000; i++) /* far apart, so that threads hold parts of it */
            made_add(&text, line, (size_t)put_line(line, 100 + i, INT64_MAX));
        made_add(&text, line, (size_t)put_line(line, 7, 1000 + excess));
        scratch_write(path, text.data, text.len);
        for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
            struct run run;
            run_fold(&run, thread_counts[t], FOLD_MEMORY_MIN + (1 << 20), &strict, &path, 1);
            CHECK(run.done == (excess == 0), "%u threads: %s", thread_counts[t], run.err.text);
            if (excess == 0) {
                assert_int_equal(run.result.keys, 30001);
                assert_true(run.result.total == (unsigned __int128)INT64_MAX * 30001);
            } else {
                assert_int_equal(run.err.status, STATUS_INPUT);
                assert_non_null(strstr(run.err.text, "the total of 'user000007000"));
            }
            end_run(&run);
        }
    }
    free(path);
}

static void nothing_at_all_is_an_empty_result(void **state)
{
    static const struct bad_line_policy strict;
    char *path = scratch_path("empty");
    char digest[DIGEST_TEXT] = "";
    (void)state;
    scratch_write(path, "", 0);
    for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
        struct run run;
        struct total total;
        run_fold(&run, thread_counts[t], 64 << 20, &strict, &path, 1);
        assert_true(run.done);
        assert_true(run.result.keys == 0 && run.result.tally.lines == 0 && run.result.bytes == 0);
        struct total_stream *totals = fold_totals(run.fold);
        assert_true(totals->rewind(totals, &run.err));
        assert_int_equal(totals->next(totals, &total, &run.err), 0);
        if (t > 0)
            assert_string_equal(run.result.digest, digest);
        memcpy(digest, run.result.digest, DIGEST_TEXT);
        end_run(&run);
    }
    fold_free(NULL);
    free(path);
}

static void unusable_spill_directory_is_named(void **state)
{
    static const struct bad_line_policy strict;
    struct input input;
    char *missing = scratch_path("missing");
    (void)state;
    make_input(&input, 0, 0);
    for (size_t t = 0; t < ARRAY_LEN(thread_counts); t++) {
        struct run run;
        spill_dir = missing;
        run_fold(&run, thread_counts[t], FOLD_MEMORY_MIN + (1 << 20), &strict, input.names, FILES);
        spill_dir = scratch_dir;
        assert_false(run.done);
        assert_int_equal(run.err.status, STATUS_REFUSED);
        assert_non_null(strstr(run.err.text, "--spill-dir"));
        end_run(&run);
    }
    free(missing);
    release_input(&input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_compression_change_nothing),
        cmocka_unit_test(small_memory_spills_and_changes_nothing),
        cmocka_unit_test(threads_that_memory_does_not_carry_are_not_started),
        cmocka_unit_test(first_bad_line_does_not_depend_on_threads),
        cmocka_unit_test(the_first_failure_in_the_inputs_order_counts),
        cmocka_unit_test(changed_file_fails_at_its_end_where_no_earlier_line_does),
        cmocka_unit_test(total_beyond_64_bits_is_rejected_by_name),
        cmocka_unit_test(nothing_at_all_is_an_empty_result),
        cmocka_unit_test(unusable_spill_directory_is_named),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
