#include "aggregator/read/inflate.h"
#include "aggregator/read/input.h"
#include "aggregator/read/unpack.h"
#include "common/bgzf.h"

enum { GZIP_MAGIC_1 = 0x1f, GZIP_MAGIC_2 = 0x8b };

bool unpack_gzip_begins(const unsigned char *bytes, size_t len)
{
    return len >= 2 && bytes[0] == GZIP_MAGIC_1 && bytes[1] == GZIP_MAGIC_2;
}

static bool name_error(const struct unpack *unpack, struct err *err)
{
    return err_prefix(err, "%s", unpack->input->label);
}

/* Gzip in turn. */

/* What follows a member: another one, or nothing but zeros. */
static bool next_member(struct unpack *unpack, struct err *err)
{
    struct reader *reader = &unpack->reader;

    if (!reader_fill(reader, 2, err))
        return false;
    if (unpack_gzip_begins(reader_bytes(reader), reader_have(reader)))
        return gunzip_reset(unpack->gunzip, err);
    if (!unpack_skip_zeros(unpack, err))
        return false;
    unpack->in_member = reader_have(reader) > 0;
    if (!unpack->in_member)
        return true;
    if (reader_have(reader) == 1 && reader_bytes(reader)[0] == GZIP_MAGIC_1)
        return unpack_truncated(unpack, "gzip", err);
    return unpack_rest_error(unpack, "gzip", err);
}

bool unpack_gzip(struct unpack *unpack, struct block *block)
{
    struct reader *reader = &unpack->reader;
    struct err *err = &block->err;

    while (block->len < BLOCK_BYTES && unpack->in_member) {
        if (!reader_fill(reader, 1, err))
            return false;
        if (reader_have(reader) == 0)
            return unpack_truncated(unpack, "gzip", err);
        const unsigned char *in = reader_bytes(reader);
        size_t have = reader_have(reader), left = have, room = BLOCK_BYTES - block->len;
        unsigned char *out = block->data + block->len;
        bool member_end;

        if (!gunzip_step(unpack->gunzip, &in, &left, reader->offset, &out, &room, &member_end, err))
            return name_error(unpack, err);
        reader_consume(reader, have - left);
        block->len = BLOCK_BYTES - room;
        if (member_end && !next_member(unpack, err))
            return false;
    }
    block->last = !unpack->in_member;
    return true;
}

/* BGZF: members are cut here, inflated by the caller outside the lock. */

/* From here on the file is read as ordinary gzip, on from the text that the block already holds. */
static bool continue_as_gzip(struct unpack *unpack, struct block *block)
{
    unpack->kind = UNPACK_GZIP;
    unpack->in_member = true;
    if (!unpack->ends_marked && reader_bytes(&unpack->reader)[0] == 0) {
        (void)err_set(&block->err, STATUS_INPUT,
                      "truncated BGZF data: at byte %llu are zeros, and no end of it before them; "
                      "make or copy the file again",
                      (unsigned long long)unpack->reader.offset);
        return name_error(unpack, &block->err);
    }
    if (!packed_inflate(block->packed, block->data, block->len, &block->err))
        return name_error(unpack, &block->err);
    packed_clear(block->packed, 0, 0);
    return next_member(unpack, &block->err) && unpack_gzip(unpack, block);
}

bool unpack_bgzf(struct unpack *unpack, struct block *block)
{
    struct reader *reader = &unpack->reader;
    struct bgzf_member shape;

    packed_clear(block->packed, unpack->text_used, reader->offset);
    while (block->len < BLOCK_BYTES) {
        if (!reader_fill(reader, BGZF_MEMBER_MAX, &block->err))
            return false;
        const unsigned char *member = reader_bytes(reader);
        size_t have = reader_have(reader), room = BLOCK_BYTES - block->len;
        if (have == 0) {
            block->last = true;
            return unpack->ends_marked || unpack_truncated(unpack, "gzip", &block->err);
        }
        if (!bgzf_parse_header(member, have, &shape))
            return continue_as_gzip(unpack, block);
        if (shape.size > have)
            return unpack_truncated(unpack, "gzip", &block->err);
        bool added = bgzf_parse_member(member, have, &shape) &&
                     packed_add(block->packed, member, shape.size);
        if (!added && unpack->text_used > 0)
            return err_set(&block->err, STATUS_TRANSIENT, "out of memory");
        if (!added)
            return continue_as_gzip(unpack, block);
        size_t left = shape.text_size - unpack->text_used;
        block->len += left < room ? left : room;
        block->packed_len = block->len;
        if (left > room) {
            unpack->text_used += room;
            return true;
        }
        unpack->text_used = 0;
        unpack->ends_marked = shape.text_size == 0;
        reader_consume(reader, shape.size);
    }
    return true;
}
