#include "fake_gen/writer.h"

#include "common/tests/at_pages.h"
#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "common/bgzf.h"

static const struct generator_rules rules = {.seed = 7,
                                             .users = 1000,
                                             .products = 5,
                                             .from = 1735689600,
                                             .to = 1767225600,
                                             .bad_every = 1000};

enum { FIRST = 1234, EVENTS = 30000 }; /* begins and ends within chunks */

/* What the events should be, without threads. */
static char *expected_text(const struct generator *generator, size_t *ret_len)
{
    char *text = malloc((size_t)EVENTS * GENERATOR_LINE_MAX + GENERATOR_SLACK);
    assert_non_null(text);
    *ret_len = generator_write(generator, FIRST, EVENTS, text);
    return text;
}

static char *write_file(const struct generator *generator, unsigned threads, int level,
                        struct writer_totals *ret, size_t *ret_len)
{
    char *path = scratch_path("out");
    struct outfile out;
    struct err err = {0};
    const struct writer_job job = {.generator = generator,
                                   .first = FIRST,
                                   .end = FIRST + EVENTS,
                                   .gzip_level = level,
                                   .threads = threads,
                                   .out = &out};
    CHECK(outfile_open(&out, path, &err), "%s", err.text);
    CHECK(writer_run(&job, ret, &err), "%s", err.text);
    CHECK(outfile_commit(&out, &err), "%s", err.text);
    char *text = scratch_read(path, ret_len);
    assert_non_null(text);
    assert_int_equal(unlink(path), 0);
    free(path);
    return text;
}

static const unsigned thread_counts[] = {1, 2, 3, 7, 32, WRITER_THREADS_MAX};

static void any_number_of_threads_writes_the_same_text(void **state)
{
    struct generator *generator = generator_new(&rules);
    size_t expected_len;
    (void)state;
    assert_non_null(generator);
    char *expected = expected_text(generator, &expected_len);
    for (size_t i = 0; i < ARRAY_LEN(thread_counts); i++) {
        struct writer_totals totals;
        size_t len;
        char *text = write_file(generator, thread_counts[i], 0, &totals, &len);
        CHECK(len == expected_len && memcmp(text, expected, len) == 0, "%u threads",
              thread_counts[i]);
        assert_true(totals.text_bytes == len && totals.output_bytes == len);
        assert_in_range(totals.threads, 1, thread_counts[i]);
        free(text);
    }
    free(expected);
    generator_free(generator);
}

static void pieces_of_text_and_members_begin_at_pages(void **state)
{
    struct generator *generator = generator_new(&rules);
    struct writer_totals totals;
    size_t len;
    (void)state;
    assert_non_null(generator);
    for (int level = 0; level < 2; level++) {
        count_blocks();
        free(write_file(generator, 3, level, &totals, &len));
        assert_blocks_began_at_pages();
    }
    generator_free(generator);
}

static void any_number_of_threads_writes_the_same_members_and_one_end(void **state)
{
    struct generator *generator = generator_new(&rules);
    struct writer_totals totals;
    size_t first_len, text_len;
    (void)state;
    assert_non_null(generator);
    free(expected_text(generator, &text_len));
    char *first = write_file(generator, 1, 1, &totals, &first_len);
    for (size_t i = 0; i < ARRAY_LEN(thread_counts); i++) {
        size_t len;
        char *bytes = write_file(generator, thread_counts[i], 1, &totals, &len);
        CHECK(len == first_len && memcmp(bytes, first, len) == 0, "%u threads", thread_counts[i]);
        assert_true(totals.text_bytes == text_len && totals.output_bytes == len);
        free(bytes);
    }
    assert_memory_equal(first + first_len - BGZF_EOF_SIZE, bgzf_eof, BGZF_EOF_SIZE);
    free(first);
    generator_free(generator);
}

struct drain {
    int fd;
    char *bytes;
    size_t len;
};

static void *drain_pipe(void *argument)
{
    struct drain *drain = argument;
    ssize_t got;
    while ((got = read(drain->fd, drain->bytes + drain->len, 4096)) > 0)
        drain->len += (size_t)got;
    return NULL;
}

static void a_pipe_gets_the_pieces_in_order(void **state)
{
    struct generator *generator = generator_new(&rules);
    size_t expected_len;
    (void)state;
    assert_non_null(generator);
    char *expected = expected_text(generator, &expected_len);
    for (size_t i = 0; i < ARRAY_LEN(thread_counts); i++) {
        int ends[2];
        pthread_t thread;
        struct writer_totals totals;
        struct err err = {0};
        struct drain drain = {.bytes = malloc(expected_len + 4096)};
        assert_non_null(drain.bytes);
        assert_int_equal(pipe(ends), 0);
        drain.fd = ends[0];
        struct outfile out = {.fd = ends[1], .direct = true, .path = "-", .shown = "a pipe"};
        const struct writer_job job = {.generator = generator,
                                       .first = FIRST,
                                       .end = FIRST + EVENTS,
                                       .threads = thread_counts[i],
                                       .out = &out};
        assert_int_equal(pthread_create(&thread, NULL, drain_pipe, &drain), 0);
        CHECK(writer_run(&job, &totals, &err), "%s", err.text);
        assert_int_equal(close(ends[1]), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(drain.len, expected_len);
        assert_memory_equal(drain.bytes, expected, expected_len);
        assert_int_equal(close(ends[0]), 0);
        free(drain.bytes);
    }
    free(expected);
    generator_free(generator);
}

static void a_failing_output_ends_all_threads_with_its_reason(void **state)
{
    static const struct {
        const char *path;
        int flags;
        bool direct;
        enum status status;
    } cases[] = {
        {"/dev/full", O_WRONLY, true, STATUS_TRANSIENT},
        {"/dev/full", O_WRONLY, false, STATUS_TRANSIENT},
        {"/dev/null", O_RDONLY, true, STATUS_REFUSED},
        {"/dev/null", O_RDONLY, false, STATUS_REFUSED},
    };
    struct generator *generator = generator_new(&rules);
    (void)state;
    assert_non_null(generator);
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        for (size_t i = 0; i < ARRAY_LEN(thread_counts); i++) {
            struct writer_totals totals;
            struct err err = {0};
            struct outfile out = {.fd = open(cases[c].path, cases[c].flags | O_CLOEXEC),
                                  .direct = cases[c].direct,
                                  .path = cases[c].path,
                                  .shown = cases[c].path};
            const struct writer_job job = {.generator = generator,
                                           .first = FIRST,
                                           .end = GENERATOR_EVENTS_MAX,
                                           .gzip_level = i % 2 == 0 ? 0 : 1,
                                           .threads = thread_counts[i],
                                           .out = &out};
            assert_true(out.fd >= 0);
            assert_false(writer_run(&job, &totals, &err));
            CHECK(err.status == cases[c].status, "case %zu: %s", c, err.text);
            assert_non_null(strstr(err.text, cases[c].path));
            assert_int_equal(close(out.fd), 0);
        }
    }
    generator_free(generator);
}

static void no_events_make_an_empty_text_or_the_end_marker_alone(void **state)
{
    struct generator *generator = generator_new(&rules);
    (void)state;
    assert_non_null(generator);
    for (int level = 0; level <= 1; level++) {
        char *path = scratch_path("empty");
        struct outfile out;
        struct writer_totals totals;
        struct err err = {0};
        size_t len = 0;
        const struct writer_job job = {
            .generator = generator, .gzip_level = level, .threads = 8, .out = &out};
        assert_true(outfile_open(&out, path, &err));
        assert_true(writer_run(&job, &totals, &err));
        assert_true(outfile_commit(&out, &err));
        char *bytes = scratch_read(path, &len);
        assert_int_equal(len, level == 0 ? 0 : BGZF_EOF_SIZE);
        assert_int_equal(totals.threads, 1);
        assert_true(totals.text_bytes == 0 && totals.output_bytes == len);
        free(bytes);
        free(path);
    }
    generator_free(generator);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_writes_the_same_text),
        cmocka_unit_test(any_number_of_threads_writes_the_same_members_and_one_end),
        cmocka_unit_test(pieces_of_text_and_members_begin_at_pages),
        cmocka_unit_test(a_pipe_gets_the_pieces_in_order),
        cmocka_unit_test(a_failing_output_ends_all_threads_with_its_reason),
        cmocka_unit_test(no_events_make_an_empty_text_or_the_end_marker_alone),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
