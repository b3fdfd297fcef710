#include "aggregator/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/inflate.h"
#include "common/bgzf.h"
#include "common/progress.h"
#include "common/stop.h"

enum { BUFFER_BYTES = 256 * 1024 };

/* A regular file that several threads read by offset; closed by the last of them. */
struct plain {
    atomic_uint users;
    int fd;
    const char *name;
    uint64_t base, size; /* bytes before the start; bytes in all */
    struct timespec modified;
};

enum kind { KIND_NONE, KIND_PLAIN, KIND_STREAM, KIND_GZIP, KIND_BGZF };

struct source {
    pthread_mutex_t lock; /* all below */
    char *const *names;
    size_t name_count, file;
    uint64_t next_number;
    bool ended;

    enum kind kind; /* of the open file; KIND_NONE: the next one is to be opened */
    bool file_started;
    int fd;
    struct plain *plain;
    uint64_t offset; /* of the next block, in a plain file */

    /* What was read ahead from a stream: in[at..len), at `raw_offset` of the file. */
    unsigned char *in;
    size_t at, len;
    uint64_t raw_offset;
    bool raw_end;

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
    *block = (struct block){.data = malloc(BLOCK_BYTES), .packed = packed_new()};
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
    source->name_count = count;
    source->fd = -1;
    source->in = malloc(BUFFER_BYTES);
    source->gunzip = gunzip_new();
    if (source->in == NULL || source->gunzip == NULL) {
        source_free(source);
        return NULL;
    }
    return source;
}

static void plain_drop(struct plain *plain)
{
    if (plain == NULL || atomic_fetch_sub(&plain->users, 1) != 1)
        return;
    (void)close(plain->fd);
    free(plain);
}

void source_free(struct source *source)
{
    if (source == NULL)
        return;
    plain_drop(source->plain);
    if (source->fd >= 0)
        (void)close(source->fd);
    gunzip_free(source->gunzip);
    free(source->in);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

const char *source_name(const struct source *source, size_t file)
{
    const char *name = source->names[file];
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

uint64_t source_size(char *const *names, size_t count)
{
    uint64_t size = 0;
    struct stat st;

    for (size_t i = 0; i < count; i++) {
        int failed = strcmp(names[i], "-") == 0 ? fstat(STDIN_FILENO, &st) : stat(names[i], &st);
        if (failed != 0 || !S_ISREG(st.st_mode))
            return 0;
        size += (uint64_t)st.st_size;
    }
    return size;
}

static bool read_error(const struct source *source, const char *doing, struct err *err)
{
    int errnum = errno;
    const char *hint = errnum == ENOENT   ? "; name the file, or write it first with fake_gen"
                       : errnum == EACCES ? "; let this user read it"
                       : errnum == EISDIR ? "; name the files in it"
                                          : "";
    return err_set(err, err_errno_status(errnum), "cannot %s %s: %s%s", doing,
                   source_name(source, source->file), strerror(errnum), hint);
}

static bool name_error(const struct source *source, struct err *err)
{
    return err_prefix(err, "%s", source_name(source, source->file));
}

/* --- reading ahead ---------------------------------------------------------------------------- */

/* More bytes after in[len); nothing at the end of the file. */
static bool read_more(struct source *source, struct err *err)
{
    if (source->at > 0) {
        memmove(source->in, source->in + source->at, source->len - source->at);
        source->len -= source->at;
        source->at = 0;
    }
    while (!source->raw_end && source->len < BUFFER_BYTES) {
        if (stop_wait(source->fd, POLLIN, -1, err) < 0)
            return false;
        ssize_t got = read(source->fd, source->in + source->len, BUFFER_BYTES - source->len);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return read_error(source, "read", err);
        source->raw_end = got == 0;
        source->len += (size_t)got;
        progress_add((uint64_t)got);
        break;
    }
    return true;
}

/* At least `need` bytes ahead, or fewer at the end of the file. */
static bool read_ahead(struct source *source, size_t need, struct err *err)
{
    while (source->len - source->at < need && !source->raw_end)
        if (!read_more(source, err))
            return false;
    return true;
}

static void consume(struct source *source, size_t bytes)
{
    source->at += bytes;
    source->raw_offset += bytes;
}

/* --- opening ---------------------------------------------------------------------------------- */

static int open_input(const char *name)
{
    if (strcmp(name, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    return open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
}

/* Regular files of a known size are read by offset. */
static bool start_plain(struct source *source, const struct stat *st, off_t base, struct err *err)
{
    struct plain *plain = calloc(1, sizeof *plain);
    if (plain == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    atomic_init(&plain->users, 1);
    plain->fd = source->fd;
    plain->name = source_name(source, source->file);
    plain->base = (uint64_t)base;
    plain->size = (uint64_t)(st->st_size > base ? st->st_size - base : 0);
    plain->modified = st->st_mtim;
    source->plain = plain;
    source->fd = -1;
    source->offset = 0;
    source->kind = KIND_PLAIN;
    return true;
}

static bool looks_gzipped(const unsigned char *bytes, size_t len)
{
    return len >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static bool open_file(struct source *source, struct err *err)
{
    struct bgzf_member shape;
    struct stat st;
    unsigned char magic[2];

    source->fd = open_input(source->names[source->file]);
    if (source->fd < 0 || fstat(source->fd, &st) != 0)
        return read_error(source, "open", err);
    if (S_ISDIR(st.st_mode)) {
        errno = EISDIR;
        return read_error(source, "read", err);
    }
    source->file_started = false;
    off_t base = S_ISREG(st.st_mode) && st.st_size > 0 ? lseek(source->fd, 0, SEEK_CUR) : -1;
    if (base >= 0) {
        ssize_t got = pread(source->fd, magic, sizeof magic, base);
        if (got < 0)
            return read_error(source, "read", err);
        if (!looks_gzipped(magic, (size_t)got))
            return start_plain(source, &st, base, err);
    }
    source->at = source->len = source->carry_size = 0;
    source->raw_offset = 0;
    source->raw_end = false;
    if (!read_ahead(source, BGZF_MEMBER_MAX, err))
        return false;
    source->kind = KIND_STREAM;
    if (looks_gzipped(source->in, source->len)) {
        source->kind = bgzf_parse_header(source->in, source->len, &shape) ? KIND_BGZF : KIND_GZIP;
        source->in_member = true;
        return gunzip_reset(source->gunzip, err);
    }
    return true;
}

static void close_file(struct source *source)
{
    plain_drop(source->plain);
    source->plain = NULL;
    if (source->fd >= 0)
        (void)close(source->fd);
    source->fd = -1;
    source->kind = KIND_NONE;
    source->file++;
}

/* --- plain files ------------------------------------------------------------------------------ */

static bool changed(const struct plain *plain, struct err *err)
{
    return err_set(err, STATUS_TRANSIENT,
                   "%s changed while it was read; run again when its writer is done", plain->name);
}

/* Outside the lock. */
static bool plain_read(struct plain *plain, uint64_t offset, struct block *block)
{
    struct stat st;

    for (size_t done = 0; done < block->len;) {
        ssize_t got = pread(plain->fd, block->data + done, block->len - done,
                            (off_t)(plain->base + offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_errno(&block->err, errno, "cannot read %s", plain->name);
        if (got == 0)
            return changed(plain, &block->err);
        done += (size_t)got;
    }
    progress_add(block->len);
    /* Seen by whoever reads last what came before; a writer is noticed at the latest here. */
    if (block->last &&
        (fstat(plain->fd, &st) != 0 || (uint64_t)st.st_size != plain->base + plain->size ||
         st.st_mtim.tv_sec != plain->modified.tv_sec ||
         st.st_mtim.tv_nsec != plain->modified.tv_nsec))
        return changed(plain, &block->err);
    return true;
}

/* --- streams and gzip in turn ----------------------------------------------------------------- */

static bool fill_stream(struct source *source, struct block *block)
{
    while (block->len < BLOCK_BYTES) {
        if (!read_ahead(source, 1, &block->err))
            return false;
        size_t have = source->len - source->at;
        if (have == 0)
            break;
        size_t use = have < BLOCK_BYTES - block->len ? have : BLOCK_BYTES - block->len;
        memcpy(block->data + block->len, source->in + source->at, use);
        block->len += use;
        consume(source, use);
    }
    block->last = block->len < BLOCK_BYTES;
    return true;
}

/* What follows a member: another one, or nothing. */
static bool next_member(struct source *source, struct err *err)
{
    if (!read_ahead(source, 2, err))
        return false;
    source->in_member = source->len > source->at;
    if (!source->in_member)
        return true;
    if (!looks_gzipped(source->in + source->at, source->len - source->at)) {
        (void)err_set(err, STATUS_INPUT,
                      "bytes that are not gzip follow the compressed data at byte %llu; cut them "
                      "off or make the file again",
                      (unsigned long long)source->raw_offset);
        return name_error(source, err);
    }
    return gunzip_reset(source->gunzip, err);
}

static bool truncated(const struct source *source, struct err *err)
{
    (void)err_set(err, STATUS_INPUT,
                  "truncated gzip data: it ends at byte %llu too early; make or copy the "
                  "file again",
                  (unsigned long long)(source->raw_offset + source->len - source->at));
    return name_error(source, err);
}

static bool fill_gzip(struct source *source, struct block *block)
{
    struct err *err = &block->err;

    while (block->len < BLOCK_BYTES && source->in_member) {
        if (!read_ahead(source, 1, err))
            return false;
        if (source->at == source->len)
            return truncated(source, err);
        const unsigned char *in = source->in + source->at;
        size_t in_len = source->len - source->at, out_len = BLOCK_BYTES - block->len;
        unsigned char *out = block->data + block->len;
        bool member_end;

        if (!gunzip_step(source->gunzip, &in, &in_len, source->raw_offset, &out, &out_len,
                         &member_end, err))
            return name_error(source, err);
        consume(source, source->len - source->at - in_len);
        block->len = BLOCK_BYTES - out_len;
        if (member_end && !next_member(source, err))
            return false;
    }
    block->last = !source->in_member;
    return true;
}

/* --- BGZF: members are cut here, inflated by the caller outside the lock ------------------------ */

/* From here on the file is read as ordinary gzip, on from the text that the block already holds. */
static bool continue_as_gzip(struct source *source, struct block *block)
{
    source->kind = KIND_GZIP;
    if (!packed_inflate(block->packed, block->data, block->len, &block->err))
        return name_error(source, &block->err);
    packed_clear(block->packed, 0, 0);
    return next_member(source, &block->err) && fill_gzip(source, block);
}

static bool fill_bgzf(struct source *source, struct block *block)
{
    struct bgzf_member shape;

    packed_clear(block->packed, source->carry_used,
                 source->carry_size > 0 ? source->carry_offset : source->raw_offset);
    if (source->carry_size > 0) {
        if (!packed_add(block->packed, source->carry, source->carry_size))
            return err_set(&block->err, STATUS_TRANSIENT, "out of memory");
        block->len = source->carry_text - source->carry_used;
        source->carry_size = source->carry_used = 0;
    }
    while (block->len < BLOCK_BYTES) {
        if (!read_ahead(source, BGZF_MEMBER_MAX, &block->err))
            return false;
        const unsigned char *member = source->in + source->at;
        size_t have = source->len - source->at;
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
        if (shape.text_size > BLOCK_BYTES - block->len) {
            memcpy(source->carry, member, shape.size);
            source->carry_size = shape.size;
            source->carry_text = shape.text_size;
            source->carry_used = BLOCK_BYTES - block->len;
            source->carry_offset = source->raw_offset;
            block->len = BLOCK_BYTES;
        } else {
            block->len += shape.text_size;
        }
        source->ends_marked = shape.text_size == 0;
        consume(source, shape.size);
    }
    return true;
}

/* --- blocks ----------------------------------------------------------------------------------- */

struct claim {
    struct plain *plain; /* to be read by offset, or NULL */
    uint64_t offset;
};

static void claim_plain(struct source *source, struct block *block, struct claim *ret)
{
    uint64_t left = source->plain->size - source->offset;

    block->len = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
    block->last = left <= BLOCK_BYTES;
    *ret = (struct claim){.plain = source->plain, .offset = source->offset};
    (void)atomic_fetch_add(&source->plain->users, 1);
    source->offset += block->len;
}

/* With the lock held; false: the block has failed. */
static bool claim_block(struct source *source, struct block *block, struct claim *ret)
{
    bool done = true;

    if (source->kind == KIND_NONE && !open_file(source, &block->err))
        return false;
    block->file = source->file;
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
    if (done && block->last)
        close_file(source);
    return done;
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

    if (claim.plain != NULL) {
        block->failed = !plain_read(claim.plain, claim.offset, block);
        plain_drop(claim.plain);
    } else if (!block->failed && !packed_is_empty(block->packed)) {
        block->failed = !packed_inflate(block->packed, block->data, block->len, &block->err);
        if (block->failed)
            (void)err_prefix(&block->err, "%s", source_name(source, block->file));
    }
    return true;
}
