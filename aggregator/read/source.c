#include "aggregator/read/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/read/inflate.h"
#include "aggregator/read/input.h"
#include "aggregator/read/reader.h"
#include "common/bgzf.h"
#include "common/pages.h"
#include "common/progress.h"

enum { GZIP_MAGIC_1 = 0x1f, GZIP_MAGIC_2 = 0x8b };

enum kind { KIND_NONE, KIND_PLAIN, KIND_STREAM, KIND_GZIP, KIND_BGZF };

struct source {
    pthread_mutex_t lock; /* all below */
    char *const *names;
    struct input **inputs; /* one a name: from its first block until its last is settled */
    size_t name_count, file;
    uint64_t next_number;
    bool ended;

    enum kind kind; /* of the open file; KIND_NONE: the next one is to be opened */
    bool file_started;
    uint64_t offset; /* of the next block, in a plain file */

    struct reader reader; /* of what is read in turn */
    struct gunzip *gunzip;
    bool in_member;
    /* The BGZF member that straddles two blocks, and how much of its text is used up. */
    unsigned char carry[BGZF_MEMBER_MAX];
    size_t carry_size, carry_used, carry_text;
    bool ends_marked; /* the last member was empty, as the end of BGZF is marked */
    uint64_t carry_offset;
};

bool block_init(struct block *block, struct err *err)
{
    *block = (struct block){.data = pages_alloc(BLOCK_BYTES), .packed = packed_new()};
    if (block->data != NULL && block->packed != NULL)
        return true;
    block_release(block);
    return err_set(err, STATUS_TRANSIENT, "out of memory");
}

void block_release(struct block *block)
{
    free(block->data);
    packed_free(block->packed);
    *block = (struct block){0};
}

struct source *source_new(char *const *names, size_t count)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    (void)pthread_mutex_init(&source->lock, NULL);
    source->names = names;
    struct err ignored;
    source->gunzip = gunzip_new();
    source->inputs = calloc(count + 1, sizeof *source->inputs); /* never of no bytes */
    if (!reader_init(&source->reader, &ignored) || source->gunzip == NULL ||
        source->inputs == NULL) {
        source_free(source);
        return NULL;
    }
    source->name_count = count;
    return source;
}

static void close_file(struct source *source, size_t file)
{
    struct input *input = source->inputs[file];

    source->inputs[file] = NULL;
    if (input != NULL)
        input_close(input);
    free(input);
}

void source_free(struct source *source)
{
    if (source == NULL)
        return;
    for (size_t i = 0; i < source->name_count; i++)
        close_file(source, i);
    free(source->inputs);
    gunzip_free(source->gunzip);
    reader_release(&source->reader);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

const char *source_name(const struct source *source, size_t file)
{
    return input_label(source->names[file]);
}

static bool name_error(const struct source *source, struct err *err)
{
    return err_prefix(err, "%s", source_name(source, source->file));
}

/* Opening. */

static bool looks_gzipped(const unsigned char *bytes, size_t len)
{
    return len >= 2 && bytes[0] == GZIP_MAGIC_1 && bytes[1] == GZIP_MAGIC_2;
}

/* By content: plain files of a known size are read side by side, all else in turn. */
static bool tell_kind(struct source *source, struct err *err)
{
    struct input *input = source->inputs[source->file];
    const struct stat *st = &input->opened;
    struct bgzf_member shape;
    unsigned char magic[2];

    reader_open(&source->reader, input->fd, input->label);
    off_t base = S_ISREG(st->st_mode) && st->st_size > 0 ? lseek(input->fd, 0, SEEK_CUR) : -1;
    if (base >= 0) {
        ssize_t got = input_read_at(input, magic, sizeof magic, base);
        if (got < 0)
            return reader_error(input->label, "read", err);
        if (!looks_gzipped(magic, (size_t)got)) {
            input->base = (uint64_t)base;
            input->size = (uint64_t)(st->st_size > base ? st->st_size - base : 0);
            source->offset = 0;
            source->kind = KIND_PLAIN;
            return true;
        }
    }
    if (!reader_fill(&source->reader, BGZF_MEMBER_MAX, err))
        return false;
    const unsigned char *bytes = reader_bytes(&source->reader);
    size_t have = reader_have(&source->reader);
    source->kind = !looks_gzipped(bytes, have)              ? KIND_STREAM
                   : bgzf_parse_header(bytes, have, &shape) ? KIND_BGZF
                                                            : KIND_GZIP;
    source->in_member = true;
    return source->kind == KIND_STREAM || gunzip_reset(source->gunzip, err);
}

static bool open_file(struct source *source, struct err *err)
{
    struct input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    input->fd = -1;
    source->inputs[source->file] = input;
    if (!input_open(input, source->names[source->file], err))
        return false;
    source->file_started = source->ends_marked = false;
    source->carry_size = 0;
    return tell_kind(source, err);
}

/* Writers that are not done yet. */

static bool changed(const char *name, struct err *err)
{
    return err_set(err, STATUS_TRANSIENT,
                   "%s changed while it was read; run again when its writer is done", name);
}

bool source_settle(struct source *source, const struct block *block, struct err *err)
{
    const struct input *input = source->inputs[block->file];

    if (!block->last || input == NULL)
        return true;
    bool same = !input_has_changed(input);
    close_file(source, block->file);
    return same || changed(source_name(source, block->file), err);
}

/* Plain files. */

/* Outside the lock. */
static bool read_plain(const struct source *source, uint64_t offset, struct block *block)
{
    const struct input *input = source->inputs[block->file];
    ssize_t got = input_read_at(input, block->data, block->len, (off_t)(input->base + offset));

    if (got < 0)
        return err_errno(&block->err, errno, "cannot read %s", input->label);
    if ((size_t)got < block->len)
        return changed(input->label, &block->err);
    progress_add(block->len);
    return true;
}

/* Streams and gzip in turn. */

static bool fill_stream(struct source *source, struct block *block)
{
    struct reader *reader = &source->reader;

    while (block->len < BLOCK_BYTES) {
        if (!reader_fill(reader, 1, &block->err))
            return false;
        size_t have = reader_have(reader), room = BLOCK_BYTES - block->len;
        if (have == 0)
            break;
        size_t use = have < room ? have : room;
        memcpy(block->data + block->len, reader_bytes(reader), use);
        block->len += use;
        reader_consume(reader, use);
    }
    block->last = block->len < BLOCK_BYTES;
    return block->len > 0 || !block->first ||
           input_check_empty(source->inputs[block->file], &block->err);
}

static bool truncated(const struct source *source, struct err *err)
{
    const struct reader *reader = &source->reader;

    (void)err_set(err, STATUS_INPUT,
                  "truncated gzip data: it ends at byte %llu too early; make or copy the file "
                  "again",
                  (unsigned long long)(reader->offset + reader_have(reader)));
    return name_error(source, err);
}

/* Zeros to the end fill a file up to whole blocks, of a tape for instance; they are no data. */
static bool skip_zeros(struct reader *reader, struct err *err)
{
    size_t zeros, have;

    do {
        if (!reader_fill(reader, 1, err))
            return false;
        const unsigned char *bytes = reader_bytes(reader);
        have = reader_have(reader);
        for (zeros = 0; zeros < have && bytes[zeros] == 0; zeros++)
            ;
        reader_consume(reader, zeros);
    } while (zeros == have && have > 0);
    return true;
}

/* What follows a member: another one, or nothing but zeros. */
static bool next_member(struct source *source, struct err *err)
{
    struct reader *reader = &source->reader;

    if (!reader_fill(reader, 2, err))
        return false;
    if (looks_gzipped(reader_bytes(reader), reader_have(reader)))
        return gunzip_reset(source->gunzip, err);
    if (!skip_zeros(reader, err))
        return false;
    source->in_member = reader_have(reader) > 0;
    if (!source->in_member)
        return true;
    if (reader_have(reader) == 1 && reader_bytes(reader)[0] == GZIP_MAGIC_1)
        return truncated(source, err);
    (void)err_set(err, STATUS_INPUT,
                  "bytes that are not gzip follow the compressed data at byte %llu; cut them off "
                  "or make the file again",
                  (unsigned long long)reader->offset);
    return name_error(source, err);
}

static bool fill_gzip(struct source *source, struct block *block)
{
    struct reader *reader = &source->reader;
    struct err *err = &block->err;

    while (block->len < BLOCK_BYTES && source->in_member) {
        if (!reader_fill(reader, 1, err))
            return false;
        if (reader_have(reader) == 0)
            return truncated(source, err);
        const unsigned char *in = reader_bytes(reader);
        size_t have = reader_have(reader), left = have, room = BLOCK_BYTES - block->len;
        unsigned char *out = block->data + block->len;
        bool member_end;

        if (!gunzip_step(source->gunzip, &in, &left, reader->offset, &out, &room, &member_end, err))
            return name_error(source, err);
        reader_consume(reader, have - left);
        block->len = BLOCK_BYTES - room;
        if (member_end && !next_member(source, err))
            return false;
    }
    block->last = !source->in_member;
    return true;
}

/* BGZF: members are cut here, inflated by the caller outside the lock. */

/* From here on the file is read as ordinary gzip, on from the text that the block already holds. */
static bool continue_as_gzip(struct source *source, struct block *block)
{
    source->kind = KIND_GZIP;
    if (!source->ends_marked && reader_bytes(&source->reader)[0] == 0) {
        (void)err_set(&block->err, STATUS_INPUT,
                      "truncated BGZF data: at byte %llu are zeros, and no end of it before them; "
                      "make or copy the file again",
                      (unsigned long long)source->reader.offset);
        return name_error(source, &block->err);
    }
    if (!packed_inflate(block->packed, block->data, block->len, &block->err))
        return name_error(source, &block->err);
    packed_clear(block->packed, 0, 0);
    return next_member(source, &block->err) && fill_gzip(source, block);
}

/* The rest of the text of the member that the last block began. */
static bool take_carry(struct source *source, struct block *block)
{
    packed_clear(block->packed, source->carry_used,
                 source->carry_size > 0 ? source->carry_offset : source->reader.offset);
    if (source->carry_size == 0)
        return true;
    if (!packed_add(block->packed, source->carry, source->carry_size))
        return err_set(&block->err, STATUS_TRANSIENT, "out of memory");
    block->len = source->carry_text - source->carry_used;
    source->carry_size = source->carry_used = 0;
    return true;
}

static bool fill_bgzf(struct source *source, struct block *block)
{
    struct reader *reader = &source->reader;
    struct bgzf_member shape;

    if (!take_carry(source, block))
        return false;
    while (block->len < BLOCK_BYTES) {
        if (!reader_fill(reader, BGZF_MEMBER_MAX, &block->err))
            return false;
        const unsigned char *member = reader_bytes(reader);
        size_t have = reader_have(reader), room = BLOCK_BYTES - block->len;
        if (have == 0) {
            block->last = true;
            return source->ends_marked || truncated(source, &block->err);
        }
        if (!bgzf_parse_header(member, have, &shape))
            return continue_as_gzip(source, block);
        if (shape.size > have)
            return truncated(source, &block->err);
        if (!bgzf_parse_member(member, have, &shape) ||
            !packed_add(block->packed, member, shape.size))
            return continue_as_gzip(source, block);
        if (shape.text_size > room) {
            memcpy(source->carry, member, shape.size);
            source->carry_size = shape.size;
            source->carry_text = shape.text_size;
            source->carry_used = room;
            source->carry_offset = reader->offset;
        }
        block->len += shape.text_size < room ? shape.text_size : room;
        source->ends_marked = shape.text_size == 0;
        reader_consume(reader, shape.size);
    }
    return true;
}

/* Blocks. */

struct claim {
    bool by_offset;
    uint64_t offset;
};

static void claim_plain(struct source *source, struct block *block, struct claim *ret)
{
    uint64_t left = source->inputs[source->file]->size - source->offset;

    block->len = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
    block->last = left <= BLOCK_BYTES;
    *ret = (struct claim){.by_offset = true, .offset = source->offset};
    source->offset += block->len;
}

/* With the lock held; false: the block has failed. */
static bool claim_block(struct source *source, struct block *block, struct claim *ret)
{
    bool done = true;

    if (source->kind == KIND_NONE && !open_file(source, &block->err))
        return false;
    block->first = !source->file_started;
    source->file_started = true;
    switch (source->kind) {
    case KIND_PLAIN:
        claim_plain(source, block, ret);
        break;
    case KIND_STREAM:
        done = fill_stream(source, block);
        break;
    case KIND_GZIP:
        done = fill_gzip(source, block);
        break;
    case KIND_BGZF:
        done = fill_bgzf(source, block);
        break;
    case KIND_NONE:
        break;
    }
    if (done && block->last) {
        source->kind = KIND_NONE;
        source->file++;
    }
    return done;
}

/* Outside the lock: what the claim left to be done. */
static bool complete_block(struct source *source, const struct claim *claim, struct block *block)
{
    if (claim->by_offset)
        return read_plain(source, claim->offset, block);
    return packed_is_empty(block->packed) ||
           packed_inflate(block->packed, block->data, block->len, &block->err) ||
           err_prefix(&block->err, "%s", source_name(source, block->file));
}

bool source_next(struct source *source, struct block *block)
{
    struct claim claim = {0};

    block->len = 0;
    block->first = block->last = block->failed = false;
    packed_clear(block->packed, 0, 0);
    pthread_mutex_lock(&source->lock);
    bool more = !source->ended && source->file < source->name_count;
    if (more) {
        block->number = source->next_number++;
        block->file = source->file;
        block->failed = !claim_block(source, block, &claim);
        source->ended = block->failed;
    }
    pthread_mutex_unlock(&source->lock);
    if (!more)
        return false;

    block->failed = block->failed || !complete_block(source, &claim, block);
    /* What was read of a file whose writer goes on is neither whole nor broken. */
    if (block->failed && block->err.status == STATUS_INPUT &&
        input_has_changed(source->inputs[block->file]))
        (void)changed(source_name(source, block->file), &block->err);
    return true;
}
