/* Reads files by a source, and holds what comes against what is to hold for every block. */
#ifndef AGGREGATOR_TESTS_READING_H
#define AGGREGATOR_TESTS_READING_H

#include "aggregator/read/source.h"
#include "common/buf.h"
#include "common/tests/scratch.h"

enum { READING_MAX = 64 << 20 };

/* What was read: the files' texts one after the other, or what went wrong. */
struct reading {
    struct buf text;
    size_t file_len[4];
    bool failed;
    struct err err;
    size_t blocks;
};

static struct block block; /* one for all: they are large */
static struct source_memory reading_memory = {.blocks = 4};

/* Reads it all and checks what holds for every block. */
static inline void read_all(char *const *names, size_t count, struct reading *ret)
{
    struct source *source = source_new(names, count);
    struct err err = {0};
    size_t file = 0;
    bool first = true;

    *ret = (struct reading){0};
    buf_init(&ret->text, READING_MAX);
    assert_non_null(source);
    source_limit(source, &reading_memory);
    while (!ret->failed && source_next(source, &block)) {
        assert_int_equal(block.number, ret->blocks++);
        assert_int_equal(block.file, file);
        if (block.failed)
            ret->err = block.err;
        ret->failed = block.failed || !source_settle(source, &block, &ret->err);
        if (ret->failed)
            break;
        assert_true(block.first == first);
        assert_true(block.last || block.len == BLOCK_BYTES);
        buf_add(&ret->text, block.data, block.len);
        assert_true(buf_ok(&ret->text, &err));
        ret->file_len[file] += block.len;
        first = block.last;
        file += block.last;
    }
    if (!ret->failed) {
        assert_int_equal(file, count);
        assert_false(source_next(source, &block));
    }
    source_free(source);
}

static inline void read_bytes(const void *bytes, size_t len, struct reading *ret)
{
    char *path = scratch_path("input");
    scratch_write(path, bytes, len);
    read_all(&path, 1, ret);
    free(path);
}

static inline bool is_text(const struct reading *got, const void *text, size_t len)
{
    return !got->failed && got->text.len == len &&
           (len == 0 || memcmp(got->text.data, text, len) == 0);
}

static inline void assert_reads_as(const struct buf *stored, const void *text, size_t len)
{
    struct reading got;
    read_bytes(stored->data, stored->len, &got);
    assert_string_equal(got.err.text, "");
    assert_true(is_text(&got, text, len));
    buf_release(&got.text);
}

static const char line[] = "{\"userId\":\"user001\",\"sessionDuration\":180}\n";
enum { LINE = sizeof line - 1 };

/* Text that deflates neither well nor badly; the caller frees. */
static inline char *make_text(size_t len)
{
    uint64_t random = len;
    char *text = malloc(len + 64);
    assert_non_null(text);
    for (size_t at = 0; at < len;)
        at += (size_t)snprintf(text + at, 64, "{\"userId\":\"user%03d\",\"sessionDuration\":%d}\n",
                               (int)chance_below(&random, 1000), (int)chance_below(&random, 900));
    return text;
}

static inline int reading_set_up(void **state)
{
    struct err err = {0};
    return scratch_make(state) != 0 || !block_init(&block, &err);
}

static inline int reading_tear_down(void **state)
{
    block_release(&block);
    return scratch_drop(state);
}

#endif
