#include "aggregator/read/source.h"

#include "aggregator/read/input.h"
#include "aggregator/read/reader.h"
#include "aggregator/tests/gzip_made.h"
#include "common/bgzf.h"
#include "common/tests/at_pages.h"
#include "common/tests/scratch.h"

/* After at_pages.h, whose names it would shadow. */
#include "aggregator/tests/reading.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

static void every_way_to_store_a_text_reads_the_same(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   LINE,
                                   MADE_BGZF_TEXT,
                                   MADE_BGZF_TEXT + 1,
                                   BLOCK_BYTES - 1,
                                   BLOCK_BYTES,
                                   BLOCK_BYTES + 1,
                                   2 * BLOCK_BYTES,
                                   3 * BLOCK_BYTES + 12345};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        const size_t len = sizes[i], half = len / 2;
        char *text = make_text(len);
        for (int way = 0; way < 7; way++) {
            OWNED_BUF(stored, MADE_MAX);
            switch (way) {
            case 0:
                made_add(&stored, text, len);
                break;
            case 1:
                made_add_gzip(&stored, text, len, 6, NULL);
                break;
            case 2: /* several members, empty ones among them */
                made_add_gzip(&stored, "", 0, 6, NULL);
                made_add_gzip(&stored, text, half, 1, NULL);
                made_add_gzip(&stored, "", 0, 0, NULL);
                made_add_gzip(&stored, text + half, len - half, 9, NULL);
                made_add_gzip(&stored, "", 0, 6, NULL);
                break;
            case 3:
                made_add_bgzf(&stored, text, len, MADE_BGZF_TEXT);
                break;
            case 4: /* as cat makes it of two */
                made_add_bgzf(&stored, text, half, 60000);
                made_add_bgzf(&stored, text + half, len - half, 1000);
                break;
            case 5: /* BGZF, then ordinary gzip */
                made_add_bgzf(&stored, text, half, 50000);
                made_add_gzip(&stored, text + half, len - half, 6, NULL);
                break;
            case 6: /* and the other way round */
                made_add_gzip(&stored, text, half, 6, NULL);
                made_add_bgzf(&stored, text + half, len - half, MADE_BGZF_TEXT);
                break;
            }
            assert_reads_as(&stored, text, len);
        }
        free(text);
    }
}

static void every_gzip_header_is_skipped(void **state)
{
    unsigned char extra[300];
    (void)state;
    memset(extra, 'e', sizeof extra);
    for (unsigned parts = 0; parts < 16; parts++) {
        OWNED_BUF(stored, MADE_MAX);
        gz_header header = {.text = (int)parts & 1, .time = 1728311400, .os = 3};
        header.hcrc = (parts & 1) != 0;
        header.name = (parts & 2) != 0 ? (unsigned char *)(uintptr_t) "events.jsonl" : NULL;
        header.comment = (parts & 4) != 0 ? (unsigned char *)(uintptr_t) "a comment" : NULL;
        header.extra = (parts & 8) != 0 ? extra : NULL;
        header.extra_len = sizeof extra;
        made_add_gzip(&stored, line, LINE, 6, &header);
        assert_reads_as(&stored, line, LINE);
    }
}

static void members_of_any_size_make_full_blocks(void **state)
{
    static const size_t cuts[] = {1, 100, 4096, 65280, 65536};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        OWNED_BUF(stored, MADE_MAX);
        const size_t len = cuts[i] == 1 ? 3000 : 2 * BLOCK_BYTES + 777;
        char *text = make_text(len);
        made_add_bgzf(&stored, text, len, cuts[i]);
        assert_reads_as(&stored, text, len);
        free(text);
    }
}

/* More members than one block may hold compressed: it goes on as ordinary gzip. */
static void a_flood_of_tiny_members_is_read(void **state)
{
    enum { MEMBERS = 200 * 1000 };
    OWNED_BUF(one, MADE_MAX);
    OWNED_BUF(stored, MADE_MAX);
    char *text = malloc(MEMBERS);
    (void)state;
    assert_non_null(text);
    memset(text, '\n', MEMBERS);
    made_add_bgzf_member(&one, "\n", 1, 6);
    for (size_t i = 0; i < MEMBERS; i++)
        made_add(&stored, one.data, one.len);
    made_add_bgzf_end(&stored);
    assert_true(stored.len > 5 << 20);
    assert_reads_as(&stored, text, MEMBERS);

    buf_clear(&stored);
    for (size_t i = 0; i < MEMBERS; i++)
        made_add(&stored, bgzf_eof, BGZF_EOF_SIZE);
    assert_reads_as(&stored, "", 0);
    free(text);
}

static void several_files_are_one_sequence(void **state)
{
    OWNED_BUF(gzip, MADE_MAX);
    OWNED_BUF(bgzf, MADE_MAX);
    char *text = make_text(BLOCK_BYTES + 5);
    char *names[] = {scratch_path("plain"), scratch_path("empty"), scratch_path("gzip"),
                     scratch_path("bgzf")};
    struct reading got;
    (void)state;
    made_add_gzip(&gzip, line, LINE, 6, NULL);
    made_add_bgzf(&bgzf, text, BLOCK_BYTES, 30000);
    scratch_write(names[0], text, BLOCK_BYTES + 5);
    scratch_write(names[1], "", 0);
    scratch_write(names[2], gzip.data, gzip.len);
    scratch_write(names[3], bgzf.data, bgzf.len);
    read_all(names, 4, &got);
    assert_false(got.failed);
    assert_int_equal(got.file_len[0], BLOCK_BYTES + 5);
    assert_int_equal(got.file_len[1], 0);
    assert_int_equal(got.file_len[2], LINE);
    assert_int_equal(got.file_len[3], BLOCK_BYTES);
    assert_memory_equal(got.text.data + BLOCK_BYTES + 5, line, LINE);
    assert_memory_equal(got.text.data + BLOCK_BYTES + 5 + LINE, text, BLOCK_BYTES);
    assert_int_equal(inputs_size(names, 4), BLOCK_BYTES + 5 + gzip.len + bgzf.len);
    buf_release(&got.text);
    for (size_t i = 0; i < 4; i++)
        free(names[i]);
    free(text);

    read_all(NULL, 0, &got);
    assert_int_equal(got.blocks, 0);
    buf_release(&got.text);
}

/* Whether a cut at `at` leaves a file that is whole in itself. */
static bool is_boundary(const size_t *boundaries, size_t at)
{
    for (; *boundaries != SIZE_MAX; boundaries++)
        if (*boundaries == at)
            return true;
    return false;
}

static void assert_every_cut_is_noticed(const struct buf *stored, const size_t *boundaries)
{
    for (size_t at = 2; at < stored->len; at++) { /* one byte does not tell gzip */
        struct reading got;
        read_bytes(stored->data, at, &got);
        CHECK(got.failed == !is_boundary(boundaries, at), "cut at %zu of %zu", at, stored->len);
        if (got.failed) {
            CHECK(got.err.status == STATUS_INPUT, "cut at %zu: %s", at, got.err.text);
            CHECK(strstr(got.err.text, scratch_dir) != NULL, "cut at %zu: %s", at, got.err.text);
            CHECK(strstr(got.err.text, "truncated") != NULL, "cut at %zu: %s", at, got.err.text);
        }
        buf_release(&got.text);
    }
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    {
        OWNED_BUF(stored, MADE_MAX);
        made_add_gzip(&stored, line, LINE, 6, NULL);
        assert_every_cut_is_noticed(&stored, (const size_t[]){SIZE_MAX});
    }
    {
        OWNED_BUF(stored, MADE_MAX);
        made_add_gzip(&stored, line, LINE, 6, NULL);
        const size_t first = stored.len;
        made_add_gzip(&stored, line, LINE, 0, NULL);
        /* Between two members nothing tells that a third was there. */
        assert_every_cut_is_noticed(&stored, (const size_t[]){first, SIZE_MAX});
    }
    {
        OWNED_BUF(stored, MADE_MAX); /* its end is marked, so it is */
        made_add_bgzf(&stored, line, LINE, 20);
        assert_every_cut_is_noticed(&stored, (const size_t[]){SIZE_MAX});
    }
    {
        OWNED_BUF(stored, MADE_MAX);
        made_add_bgzf(&stored, line, LINE, 20);
        const size_t first = stored.len;
        made_add_bgzf(&stored, line, LINE, 20);
        assert_every_cut_is_noticed(&stored, (const size_t[]){first, SIZE_MAX});
    }
}

static void every_flipped_bit_is_an_error_or_changes_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        if (kind == 1)
            made_add_bgzf(&stored, line, LINE, 30);
        else
            made_add_gzip(&stored, line, LINE / 2, 6, NULL);
        if (kind != 1)
            made_add_gzip(&stored, line + LINE / 2, LINE - LINE / 2, kind, NULL);
        for (size_t bit = 16; bit < stored.len * 8; bit++) { /* not gzip without its magic bytes */
            struct reading got;
            stored.data[bit / 8] = (char)(stored.data[bit / 8] ^ 1 << bit % 8);
            read_bytes(stored.data, stored.len, &got);
            CHECK(got.failed ? got.err.status == STATUS_INPUT : is_text(&got, line, LINE),
                  "kind %d, byte %zu, bit %zu: %s", kind, bit / 8, bit % 8, got.err.text);
            buf_release(&got.text);
            stored.data[bit / 8] = (char)(stored.data[bit / 8] ^ 1 << bit % 8);
        }
    }
}

static void any_damage_ends_well(void **state)
{
    uint64_t random = 7;
    char *text = make_text(20000);
    (void)state;
    for (int round = 0; round < 1500; round++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading got;
        if (round % 2 == 0)
            made_add_bgzf(&stored, text, 20000, 1000 + chance_below(&random, 9000));
        else
            made_add_gzip(&stored, text, 20000, (int)chance_below(&random, 10), NULL);
        for (size_t n = 1 + chance_below(&random, 3); n > 0; n--) {
            size_t at = 2 + chance_below(&random, stored.len - 2);
            size_t len = 1 + chance_below(&random, 20);
            len = len < stored.len - at ? len : stored.len - at;
            switch (chance_below(&random, 3)) {
            case 0:
                memset(stored.data + at, (int)chance_below(&random, 256), len);
                break;
            case 1: /* lost bytes */
                memmove(stored.data + at, stored.data + at + len, stored.len - at - len);
                stored.len -= len;
                break;
            case 2: /* bytes from elsewhere */
                memmove(stored.data + at, stored.data + chance_below(&random, stored.len - len),
                        len);
                break;
            }
        }
        read_bytes(stored.data, stored.len, &got);
        CHECK(got.failed ? got.err.status == STATUS_INPUT : is_text(&got, text, 20000),
              "round %d: %s", round, got.err.text);
        buf_release(&got.text);
    }
    free(text);
}

static void rubbish_after_the_end_is_an_error(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } rubbish[] = {{"x", 1},    {"\n", 1},       {"\0\0\0x", 4},
                   {"\x1f", 1}, {"\x1f\x8c", 2}, {"{\"userId\":\"u\"}", 14}};
    (void)state;
    for (int bgzf = 0; bgzf < 2; bgzf++) {
        for (size_t i = 0; i < ARRAY_LEN(rubbish); i++) {
            OWNED_BUF(stored, MADE_MAX);
            struct reading got;
            char offset[32];
            if (bgzf)
                made_add_bgzf(&stored, line, LINE, 100);
            else
                made_add_gzip(&stored, line, LINE, 6, NULL);
            (void)snprintf(offset, sizeof offset, "at byte %zu",
                           stored.len + (i == 3) + (i == 2 ? 3 : 0));
            made_add(&stored, rubbish[i].bytes, rubbish[i].len);
            read_bytes(stored.data, stored.len, &got);
            CHECK(got.failed && got.err.status == STATUS_INPUT, "case %zu", i);
            CHECK(strstr(got.err.text, offset) != NULL, "case %zu: %s", i, got.err.text);
            CHECK(strstr(got.err.text, i == 3 ? "truncated" : "not gzip") != NULL, "case %zu: %s",
                  i, got.err.text);
            buf_release(&got.text);
        }
    }
}

/* As tapes and object stores fill files up to whole blocks. */
static void zeros_after_the_end_are_not_data(void **state)
{
    static const size_t counts[] = {1, 2, 511, READER_BUFFER - 1, READER_BUFFER, 3 * READER_BUFFER};
    static const char zeros[3 * READER_BUFFER];
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
            OWNED_BUF(stored, MADE_MAX);
            struct reading got;
            if (kind == 1)
                made_add_bgzf(&stored, line, LINE, 20);
            else
                made_add_gzip(&stored, line, LINE, 6, NULL);
            if (kind == 2) /* several members */
                made_add_gzip(&stored, "", 0, 6, NULL);
            made_add(&stored, zeros, counts[i]);
            assert_reads_as(&stored, line, LINE);
            made_add_gzip(&stored, line, LINE, 6, NULL); /* not to the end */
            read_bytes(stored.data, stored.len, &got);
            CHECK(got.failed && got.err.status == STATUS_INPUT, "kind %d, %zu zeros", kind,
                  counts[i]);
            buf_release(&got.text);
        }
    }
    OWNED_BUF(cut, MADE_MAX); /* a copy that was begun in a file of the full size */
    struct reading got;
    made_add_bgzf_member(&cut, line, LINE, 6);
    made_add(&cut, zeros, 512);
    read_bytes(cut.data, cut.len, &got);
    assert_true(got.failed && got.err.status == STATUS_INPUT);
    assert_non_null(strstr(got.err.text, "truncated"));
    buf_release(&got.text);
}

static void empty_file_with_a_compressed_name_is_not_input(void **state)
{
    static const struct {
        const char *name;
        bool compressed;
    } cases[] = {{"e.jsonl.gz", true}, {"e.GZ", true},   {"e.bgz", true},   {"e.zst", true},
                 {"e.jsonl", false},   {"e.gzz", false}, {"e.gz.x", false}, {"egz", false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(packed, MADE_MAX);
        char *path = scratch_path(cases[i].name);
        struct reading got;
        scratch_write(path, "", 0);
        read_all(&path, 1, &got);
        CHECK(got.failed == cases[i].compressed, "%s", cases[i].name);
        CHECK(!got.failed || (got.err.status == STATUS_INPUT && strstr(got.err.text, path) != NULL),
              "%s: %s", cases[i].name, got.err.text);
        buf_release(&got.text);
        made_add_gzip(&packed, "", 0, 6, NULL); /* it is the text that has no bytes */
        scratch_write(path, packed.data, packed.len);
        read_all(&path, 1, &got);
        CHECK(!got.failed, "%s: %s", cases[i].name, got.err.text);
        buf_release(&got.text);
        free(path);
    }
}

static void kinds_are_told_apart_by_content(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } plain[] = {{"", 0}, {"\x1f", 1}, {"\x8b\x1f", 2}, {"\x1f\x1f\x8b", 3}, {"BZh9", 4}};
    struct reading got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        read_bytes(plain[i].bytes, plain[i].len, &got);
        CHECK(is_text(&got, plain[i].bytes, plain[i].len), "case %zu", i);
        buf_release(&got.text);
    }
    OWNED_BUF(stored, MADE_MAX);
    made_add_gzip(&stored, line, LINE, 6, NULL);
    char *misleading = scratch_path("events.jsonl");
    scratch_write(misleading, stored.data, stored.len);
    read_all(&misleading, 1, &got);
    assert_true(is_text(&got, line, LINE));
    buf_release(&got.text);
    free(misleading);
}

static void what_cannot_be_read_is_refused_by_name(void **state)
{
    char *missing = scratch_path("missing"), *below = scratch_path("file/x"),
         *file = scratch_path("file");
    const struct {
        char *name;
        const char *says;
    } cases[] = {{missing, "No such file"}, {scratch_dir, "Is a directory"}, {below, "Not a dir"}};
    (void)state;
    scratch_write(file, "x", 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *names[] = {file, cases[i].name, file};
        struct reading got;
        read_all(names, 3, &got);
        assert_true(got.failed);
        assert_int_equal(got.blocks, 2); /* in its place, and the last */
        assert_int_equal(got.err.status, STATUS_REFUSED);
        CHECK(strstr(got.err.text, cases[i].name) != NULL, "%s", got.err.text);
        CHECK(strstr(got.err.text, cases[i].says) != NULL, "%s", got.err.text);
        buf_release(&got.text);
        assert_int_equal(inputs_size(names, 3), i == 1 ? inputs_size(names, 3) : 0);
    }
    free(missing);
    free(below);
    free(file);
}

static void change_file(const char *path, int change, size_t len)
{
    FILE *file = fopen(path, change == 0 ? "a" : "r+");
    assert_non_null(file);
    if (change == 0) /* grown, cut, written over */
        assert_int_equal(fwrite("more", 1, 4, file), 4);
    else if (change == 1)
        assert_int_equal(ftruncate(fileno(file), (off_t)len - 5), 0);
    else
        assert_int_equal(fwrite("other", 1, 5, file), 5);
    assert_int_equal(fclose(file), 0);
}

static void file_that_changes_while_read_may_pass_later(void **state)
{
    char *path = scratch_path("changing"), *text = make_text(2 * BLOCK_BYTES + 10);
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        if (kind == 0)
            made_add(&stored, text, 2 * BLOCK_BYTES + 10);
        else if (kind == 1)
            made_add_gzip(&stored, text, 2 * BLOCK_BYTES + 10, 1, NULL);
        else
            made_add_bgzf(&stored, text, 2 * BLOCK_BYTES + 10, MADE_BGZF_TEXT);
        for (int change = 0; change < 3; change++) {
            scratch_write(path, stored.data, stored.len);
            struct source *source = source_new(&path, 1);
            struct err err = {0};
            assert_true(source_next(source, &block));
            assert_true(!block.failed && source_settle(source, &block, &err));
            change_file(path, change, stored.len);
            bool failed = false;
            while (!failed && source_next(source, &block)) {
                err = block.err;
                failed = block.failed || !source_settle(source, &block, &err);
            }
            CHECK(failed && err.status == STATUS_TRANSIENT, "kind %d, change %d: %s", kind, change,
                  err.text);
            CHECK(strstr(err.text, path) != NULL, "change %d: %s", change, err.text);
            source_free(source);
        }
    }
    free(path);
    free(text);
}

/* A copy that keeps times, or a clock that is coarse: the size tells. */
static void a_grown_file_of_the_same_time_is_seen(void **state)
{
    char *path = scratch_path("kept-time"), *text = make_text(1000);
    struct err err = {0};
    struct stat st;
    (void)state;
    scratch_write(path, text, 1000);
    struct source *source = source_new(&path, 1);
    assert_true(source_next(source, &block) && !block.failed);
    assert_int_equal(stat(path, &st), 0);
    change_file(path, 0, 1000);
    const struct timespec times[] = {st.st_atim, st.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_false(source_settle(source, &block, &err));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    source_free(source);
    free(path);
    free(text);
}

/* Else what an earlier block left in memory would be taken for what the file had. */
static void a_block_of_a_file_that_was_cut_fails(void **state)
{
    char *path = scratch_path("cut"), *text = make_text(3 * BLOCK_BYTES);
    (void)state;
    scratch_write(path, text, 3 * BLOCK_BYTES);
    struct source *source = source_new(&path, 1);
    assert_true(source_next(source, &block) && !block.failed);
    assert_int_equal(truncate(path, BLOCK_BYTES + 5), 0);
    assert_true(source_next(source, &block));
    assert_true(block.failed);
    assert_int_equal(block.err.status, STATUS_TRANSIENT);
    assert_non_null(strstr(block.err.text, "changed while it was read"));
    source_free(source);
    free(path);
    free(text);
}

/* Of two that read one pipe, the other may have been quicker. */
static void a_pipe_that_has_nothing_after_all_is_waited_for(void **state)
{
    char *name = strdup("-"), *text = make_text(1000);
    struct reading got;
    int ends[2];
    (void)state;
    int kept = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], text, 1000), 1000);
    assert_int_equal(close(ends[1]), 0);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    late_reads = 2;
    read_all(&name, 1, &got);
    assert_int_equal(late_reads, 0);
    assert_string_equal(got.err.text, "");
    assert_true(is_text(&got, text, 1000));
    buf_release(&got.text);
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(kept) + close(ends[0]), 0);
    free(name);
    free(text);
}

static void blocks_are_read_to_pages(void **state)
{
    char *text = make_text(3 * BLOCK_BYTES + 10);
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading reading;
        if (kind == 0)
            made_add(&stored, text, 3 * BLOCK_BYTES + 10);
        else if (kind == 1)
            made_add_gzip(&stored, text, 3 * BLOCK_BYTES + 10, 1, NULL);
        else
            made_add_bgzf(&stored, text, 3 * BLOCK_BYTES + 10, MADE_BGZF_TEXT);
        count_blocks();
        read_bytes(stored.data, stored.len, &reading);
        assert_false(reading.failed);
        assert_blocks_began_at_pages();
        buf_release(&reading.text);
    }
    free(text);
}

/* As when another thread is slow to read an earlier block. */
static void change_after_the_last_block_was_read_takes_that_blocks_place(void **state)
{
    enum { BLOCKS = 3 };
    char *path = scratch_path("late"), *text = make_text(BLOCKS * BLOCK_BYTES - 10);
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        if (kind == 0)
            made_add(&stored, text, BLOCKS * BLOCK_BYTES - 10);
        else if (kind == 1)
            made_add_gzip(&stored, text, BLOCKS * BLOCK_BYTES - 10, 1, NULL);
        else
            made_add_bgzf(&stored, text, BLOCKS * BLOCK_BYTES - 10, MADE_BGZF_TEXT);
        for (int change = 0; change < 3; change++) {
            struct block blocks[BLOCKS];
            struct err err = {0};
            scratch_write(path, stored.data, stored.len);
            struct source *source = source_new(&path, 1);
            for (int i = 0; i < BLOCKS; i++) {
                assert_true(block_init(&blocks[i], &err));
                assert_true(source_next(source, &blocks[i]) && !blocks[i].failed);
            }
            change_file(path, change, stored.len);
            for (int i = 0; i < BLOCKS; i++) {
                bool same = source_settle(source, &blocks[i], &err);
                CHECK(same == (i < BLOCKS - 1), "kind %d, change %d, block %d", kind, change, i);
                block_release(&blocks[i]);
            }
            assert_int_equal(err.status, STATUS_TRANSIENT);
            source_free(source);
        }
    }
    free(path);
    free(text);
}

struct writing {
    int fd;
    const struct buf *bytes;
    size_t step;
};

static void *write_slowly(void *context)
{
    const struct writing *writing = context;
    for (size_t at = 0; at < writing->bytes->len;) {
        size_t left = writing->bytes->len - at;
        ssize_t wrote = write(writing->fd, writing->bytes->data + at,
                              left < writing->step ? left : writing->step);
        if (wrote <= 0)
            break;
        at += (size_t)wrote;
    }
    (void)close(writing->fd);
    return NULL;
}

static void standard_input_may_be_a_pipe(void **state)
{
    static const size_t steps[] = {1000, 4097, 100000};
    char *text = make_text(BLOCK_BYTES + 70000), *names[] = {(char *)(uintptr_t) "-"};
    const int kept = dup(STDIN_FILENO);
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        if (kind == 0)
            made_add(&stored, text, BLOCK_BYTES + 70000);
        else if (kind == 1)
            made_add_gzip(&stored, text, BLOCK_BYTES + 70000, 1, NULL);
        else
            made_add_bgzf(&stored, text, BLOCK_BYTES + 70000, MADE_BGZF_TEXT);
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            struct reading got;
            pthread_t thread;
            int ends[2];
            assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
            assert_true(dup2(ends[0], STDIN_FILENO) == STDIN_FILENO);
            (void)close(ends[0]);
            struct writing writing = {.fd = ends[1], .bytes = &stored, .step = steps[i]};
            assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writing), 0);
            assert_int_equal(inputs_size(names, 1), 0);
            read_all(names, 1, &got);
            (void)pthread_join(thread, NULL);
            CHECK(is_text(&got, text, BLOCK_BYTES + 70000), "kind %d: %s", kind, got.err.text);
            buf_release(&got.text);
        }
    }
    (void)dup2(kept, STDIN_FILENO);
    (void)close(kept);
    free(text);
}

static void standard_input_goes_on_where_it_stands(void **state)
{
    char *path = scratch_path("offset"), *names[] = {(char *)(uintptr_t) "-"};
    const int kept = dup(STDIN_FILENO);
    (void)state;
    for (int gzip = 0; gzip < 2; gzip++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading got;
        made_add(&stored, "a header\n", 9);
        if (gzip)
            made_add_gzip(&stored, line, LINE, 6, NULL);
        else
            made_add(&stored, line, LINE);
        scratch_write(path, stored.data, stored.len);
        int file = open(path, O_RDONLY | O_CLOEXEC);
        assert_int_equal(lseek(file, 9, SEEK_SET), 9);
        (void)dup2(file, STDIN_FILENO);
        (void)close(file);
        read_all(names, 1, &got);
        (void)dup2(kept, STDIN_FILENO);
        CHECK(is_text(&got, line, LINE), "gzip %d: %s", gzip, got.err.text);
        buf_release(&got.text);
    }
    (void)close(kept);
    free(path);
}

static void standard_input_is_called_so(void **state)
{
    char *names[] = {(char *)(uintptr_t) "-", (char *)(uintptr_t) "x"};
    struct source *source = source_new(names, 2);
    (void)state;
    assert_string_equal(source_name(source, 0), "standard input");
    assert_string_equal(source_name(source, 1), "x");
    source_free(source);
    source_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_store_a_text_reads_the_same),
        cmocka_unit_test(every_gzip_header_is_skipped),
        cmocka_unit_test(members_of_any_size_make_full_blocks),
        cmocka_unit_test(a_flood_of_tiny_members_is_read),
        cmocka_unit_test(several_files_are_one_sequence),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(every_flipped_bit_is_an_error_or_changes_nothing),
        cmocka_unit_test(any_damage_ends_well),
        cmocka_unit_test(rubbish_after_the_end_is_an_error),
        cmocka_unit_test(zeros_after_the_end_are_not_data),
        cmocka_unit_test(empty_file_with_a_compressed_name_is_not_input),
        cmocka_unit_test(kinds_are_told_apart_by_content),
        cmocka_unit_test(what_cannot_be_read_is_refused_by_name),
        cmocka_unit_test(file_that_changes_while_read_may_pass_later),
        cmocka_unit_test(change_after_the_last_block_was_read_takes_that_blocks_place),
        cmocka_unit_test(a_grown_file_of_the_same_time_is_seen),
        cmocka_unit_test(a_block_of_a_file_that_was_cut_fails),
        cmocka_unit_test(a_pipe_that_has_nothing_after_all_is_waited_for),
        cmocka_unit_test(blocks_are_read_to_pages),
        cmocka_unit_test(standard_input_may_be_a_pipe),
        cmocka_unit_test(standard_input_goes_on_where_it_stands),
        cmocka_unit_test(standard_input_is_called_so),
    };
    return cmocka_run_group_tests(tests, reading_set_up, reading_tear_down);
}
