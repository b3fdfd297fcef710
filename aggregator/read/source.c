#include "aggregator/read/source.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/read/inflate.h"
#include "aggregator/read/input.h"
#include "aggregator/read/unpack.h"
#include "aggregator/s3/address.h"
#include "common/pages.h"
#include "common/progress.h"

enum { MAGIC = 4 };

struct source {
    pthread_mutex_t lock; /* all below */
    char *const *names;
    struct input **inputs; /* one a name: from its first block until its last is settled */
    size_t name_count, file;
    uint64_t next_number;
    bool ended;

    enum { NOT_OPEN, BY_OFFSET, IN_TURN } way; /* to read the file */
    bool file_started;
    uint64_t offset; /* of the next block, by offset */
    struct unpack unpack;
    struct s3 *s3; /* for objects, or NULL */
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
    source->inputs = calloc(count + 1, sizeof(struct input *)); /* never of no bytes */
    if (!unpack_init(&source->unpack, &ignored) || source->inputs == NULL) {
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
    unpack_release(&source->unpack);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

const char *source_name(const struct source *source, size_t file)
{
    return input_label(source->names[file]);
}

void source_limit(struct source *source, const struct source_memory *memory)
{
    source->unpack.memory = *memory;
}

void source_objects(struct source *source, struct s3 *s3)
{
    source->s3 = s3;
}

/* Opening files. */

/* By content: plain files of a known size are read side by side, all else in turn. */
static bool tell_way(struct source *source, struct err *err)
{
    struct input *input = source->inputs[source->file];
    const struct stat *st = &input->opened;
    unsigned char magic[MAGIC];

    off_t base = input->stream == NULL && S_ISREG(st->st_mode) && st->st_size > 0
                     ? lseek(input->fd, 0, SEEK_CUR)
                     : -1;
    if (base >= 0) {
        ssize_t got = input_read_at(input, magic, sizeof magic, base);
        if (got < 0)
            return reader_error(input->label, "read", err);
        if (!unpack_begins(magic, (size_t)got)) {
            input->base = (uint64_t)base;
            input->size = (uint64_t)(st->st_size > base ? st->st_size - base : 0);
            source->offset = 0;
            source->way = BY_OFFSET;
            return true;
        }
    }
    source->way = IN_TURN;
    return unpack_open(&source->unpack, input, err);
}

static bool open_file(struct source *source, struct err *err)
{
    struct input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    input->fd = -1;
    source->inputs[source->file] = input;
    const char *name = source->names[source->file];
    if (source->s3 != NULL && s3_is_name(name) ? !input_open_object(input, source->s3, name, err)
                                               : !input_open(input, name, err))
        return false;
    source->file_started = false;
    return tell_way(source, err);
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

/* Reading blocks. */

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

    if (source->way == NOT_OPEN && !open_file(source, &block->err))
        return false;
    block->first = !source->file_started;
    source->file_started = true;
    if (source->way == BY_OFFSET)
        claim_plain(source, block, ret);
    else
        done = unpack_fill(&source->unpack, block);
    if (done && block->last) {
        source->way = NOT_OPEN;
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
           packed_inflate(block->packed, block->data + block->packed_at, block->packed_len,
                          &block->err) ||
           err_prefix(&block->err, "%s", source_name(source, block->file));
}

bool source_next(struct source *source, struct block *block)
{
    struct claim claim = {0};

    block->len = block->packed_at = block->packed_len = 0;
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
    /* Where a writer is still at work, that is the cause, not corrupt data. */
    if (block->failed && block->err.status == STATUS_INPUT &&
        input_has_changed(source->inputs[block->file]))
        (void)changed(source_name(source, block->file), &block->err);
    return true;
}
