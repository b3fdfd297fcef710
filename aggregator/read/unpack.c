#include "aggregator/read/unpack.h"

#include <string.h>

#include "aggregator/read/inflate.h"
#include "aggregator/read/input.h"
#include "aggregator/read/unzstd.h"
#include "common/bgzf.h"

bool unpack_init(struct unpack *unpack, struct err *err)
{
    *unpack = (struct unpack){.gunzip = gunzip_new()};
    return reader_init(&unpack->reader, err) &&
           (unpack->gunzip != NULL || err_set(err, STATUS_TRANSIENT, "out of memory"));
}

void unpack_release(struct unpack *unpack)
{
    gunzip_free(unpack->gunzip);
    unzstd_free(unpack->unzstd);
    reader_release(&unpack->reader);
}

bool unpack_begins(const unsigned char *bytes, size_t len)
{
    return unpack_gzip_begins(bytes, len) || zstd_begins(bytes, len);
}

bool unpack_open(struct unpack *unpack, const struct input *input, struct err *err)
{
    struct bgzf_member shape;

    unpack->input = input;
    unpack->text_used = 0;
    unpack->skip_left = 0;
    unpack->ends_marked = unpack->frame_seen = false;
    reader_open(&unpack->reader, input->fd, input->label);
    unpack->reader.stream = input->stream;
    if (!reader_fill(&unpack->reader, BGZF_MEMBER_MAX, err))
        return false;
    const unsigned char *bytes = reader_bytes(&unpack->reader);
    size_t have = reader_have(&unpack->reader);
    unpack->kind = zstd_begins(bytes, have)                 ? UNPACK_ZSTD
                   : !unpack_gzip_begins(bytes, have)       ? UNPACK_STREAM
                   : bgzf_parse_header(bytes, have, &shape) ? UNPACK_BGZF
                                                            : UNPACK_GZIP;
    unpack->in_member = unpack->kind == UNPACK_GZIP;
    return !unpack->in_member || gunzip_reset(unpack->gunzip, err);
}

bool unpack_truncated(const struct unpack *unpack, const char *format, struct err *err)
{
    const struct reader *reader = &unpack->reader;

    (void)err_set(err, STATUS_INPUT,
                  "truncated %s data: it ends at byte %llu too early; make or copy the file again",
                  format, (unsigned long long)(reader->offset + reader_have(reader)));
    return err_prefix(err, "%s", unpack->input->label);
}

bool unpack_skip_zeros(struct unpack *unpack, struct err *err)
{
    struct reader *reader = &unpack->reader;
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

bool unpack_rest_error(const struct unpack *unpack, const char *format, struct err *err)
{
    (void)err_set(err, STATUS_INPUT,
                  "bytes that are not %s follow the compressed data at byte %llu; cut them off or "
                  "make the file again",
                  format, (unsigned long long)unpack->reader.offset);
    return err_prefix(err, "%s", unpack->input->label);
}

static bool fill_stream(struct unpack *unpack, struct block *block)
{
    struct reader *reader = &unpack->reader;

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
    return block->len > 0 || !block->first || input_check_empty(unpack->input, &block->err);
}

bool unpack_fill(struct unpack *unpack, struct block *block)
{
    switch (unpack->kind) {
    case UNPACK_STREAM:
        return fill_stream(unpack, block);
    case UNPACK_GZIP:
        return unpack_gzip(unpack, block);
    case UNPACK_BGZF:
        return unpack_bgzf(unpack, block);
    case UNPACK_ZSTD:
        return unpack_zstd(unpack, block);
    }
    return false;
}
