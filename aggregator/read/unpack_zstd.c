/*
 * Frames of zstd. Small ones that state the length of their text are cut up here and decoded by the
 * caller outside the lock; all others are decoded here, in turn. A block may begin with the rest of
 * a frame in turn, go on with small ones, and end with another frame in turn.
 */
#include "aggregator/read/inflate.h"
#include "aggregator/read/input.h"
#include "aggregator/read/unpack.h"
#include "aggregator/read/unzstd.h"

#include <string.h>

enum { MAGIC = 4, USUAL_WINDOW = 8 << 20 }; /* bytes; what zstd -19 uses */

static bool name_error(const struct unpack *unpack, struct err *err)
{
    return err_prefix(err, "%s", unpack->input->label);
}

static unsigned long long offset_of(const struct unpack *unpack)
{
    return (unsigned long long)unpack->reader.offset;
}

/* Memory for decoding. */

static bool make_room(struct unpack *unpack, uint64_t window, struct err *err)
{
    const size_t wanted = zstd_turn_memory(window);
    const struct source_memory *memory = &unpack->memory;

    if (wanted <= unpack->reserved)
        return true;
    int room = memory->reserve == NULL
                   ? 1
                   : memory->reserve(memory->context, wanted - unpack->reserved, err);
    if (room < 0)
        return false;
    if (room > 0) {
        unpack->reserved = wanted;
        return true;
    }
    (void)err_set(
        err, STATUS_USAGE,
        "the zstd frame at byte %llu needs a window of %llu bytes, for which --max-memory "
        "leaves no room; raise it, or lower --threads",
        offset_of(unpack), (unsigned long long)window);
    return name_error(unpack, err);
}

/* Whether every block may have a decoder of its own: looked at once. */
static bool may_pack(struct unpack *unpack, bool *ret, struct err *err)
{
    const struct source_memory *memory = &unpack->memory;
    const size_t each = zstd_whole_memory() + PACKED_FRAME;

    if (unpack->side == SIDE_UNKNOWN) {
        /* First the window of a frame that is read in turn, which may come later: without it the
         * order of frames would decide whether they can be read at all. */
        const size_t usual = zstd_turn_memory(USUAL_WINDOW);
        int room = 1;
        if (memory->reserve != NULL && usual > unpack->reserved) {
            room = memory->reserve(memory->context, usual - unpack->reserved, err);
            if (room > 0)
                unpack->reserved = usual;
        }
        if (memory->reserve != NULL && room > 0)
            room = memory->reserve(memory->context, memory->blocks * each, err);
        if (room < 0)
            return false;
        unpack->side = room > 0 ? SIDE_BY_SIDE : SIDE_NONE;
    }
    *ret = unpack->side == SIDE_BY_SIDE;
    return true;
}

/* Reading frames. */

/* Less than a magic number, and the begin of one: the file was cut there. */
static bool is_cut_magic(const unsigned char *bytes, size_t len)
{
    static const unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd}, skippable[] = {0x2a, 0x4d, 0x18};

    return len > 0 && len < MAGIC &&
           (memcmp(bytes, frame, len) == 0 ||
            ((bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, skippable, len - 1) == 0));
}

static bool check_frame(const struct unpack *unpack, const struct zstd_frame *frame,
                        struct err *err)
{
    if (frame->dictionary != 0) {
        (void)err_set(err, STATUS_INPUT,
                      "the zstd frame at byte %llu needs dictionary %lu, which is not here; "
                      "decompress it first: zstd -dc -D DICTIONARY FILE | aggregator -",
                      offset_of(unpack), (unsigned long)frame->dictionary);
        return name_error(unpack, err);
    }
    if (!frame->skippable && frame->window > ZSTD_WINDOW_MAX) {
        (void)err_set(err, STATUS_INPUT,
                      "the zstd frame at byte %llu needs a window of %llu bytes, more than %d; "
                      "decompress it first: zstd -dc --long=31 FILE | aggregator -",
                      offset_of(unpack), (unsigned long long)frame->window, ZSTD_WINDOW_MAX);
        return name_error(unpack, err);
    }
    return true;
}

/* Bytes that begin no frame: none, zeros to the end, or none of ours. */
static bool end_frames(struct unpack *unpack, struct err *err)
{
    static const unsigned char lz4[] = {0x04, 0x22, 0x4d, 0x18};
    const struct reader *reader = &unpack->reader;
    const unsigned char *bytes = reader_bytes(reader);

    if (!unpack->frame_seen && reader_have(reader) >= MAGIC && memcmp(bytes, lz4, MAGIC) == 0) {
        (void)err_set(err, STATUS_INPUT,
                      "this is compressed with lz4; decompress it first: lz4 -dc FILE | "
                      "aggregator -");
        return name_error(unpack, err);
    }
    if (!unpack_skip_zeros(unpack, err))
        return false;
    if (reader_have(reader) == 0)
        return true;
    if (is_cut_magic(reader_bytes(reader), reader_have(reader)))
        return unpack_truncated(unpack, "zstd", err);
    return unpack_rest_error(unpack, "zstd", err);
}

/* The frame at hand; *ret_more is false at the end of the file. */
static bool next_frame(struct unpack *unpack, struct zstd_frame *ret, bool *ret_more,
                       struct err *err)
{
    struct reader *reader = &unpack->reader;

    if (!reader_fill(reader, ZSTD_HEADER_MAX, err))
        return false;
    const unsigned char *bytes = reader_bytes(reader);
    *ret_more = zstd_begins(bytes, reader_have(reader));
    if (!*ret_more)
        return end_frames(unpack, err);
    switch (zstd_read_header(bytes, reader_have(reader), ret)) {
    case ZSTD_WHOLE:
        break;
    case ZSTD_CUT:
        return unpack_truncated(unpack, "zstd", err);
    case ZSTD_CORRUPT:
        (void)err_set(err, STATUS_INPUT,
                      "corrupt zstd data at byte %llu: no header of a frame; make or copy the file "
                      "again",
                      offset_of(unpack));
        return name_error(unpack, err);
    }
    unpack->frame_seen = unpack->frame_seen || !ret->skippable;
    return check_frame(unpack, ret, err);
}

static bool pass_over(struct unpack *unpack, struct err *err)
{
    struct reader *reader = &unpack->reader;

    while (unpack->skip_left > 0) {
        if (!reader_fill(reader, 1, err))
            return false;
        size_t have = reader_have(reader);
        if (have == 0)
            return unpack_truncated(unpack, "zstd", err);
        size_t use = have < unpack->skip_left ? have : (size_t)unpack->skip_left;
        reader_consume(reader, use);
        unpack->skip_left -= use;
    }
    return true;
}

static bool read_in_turn(struct unpack *unpack, struct block *block)
{
    struct reader *reader = &unpack->reader;
    struct err *err = &block->err;

    if (!reader_fill(reader, 1, err))
        return false;
    const unsigned char *in = reader_bytes(reader);
    size_t have = reader_have(reader), left = have, room = BLOCK_BYTES - block->len, before = room;
    unsigned char *out = block->data + block->len;
    bool frame_end;

    if (!unzstd_step(unpack->unzstd, &in, &left, reader->offset, &out, &room, &frame_end, err))
        return name_error(unpack, err);
    reader_consume(reader, have - left);
    block->len = BLOCK_BYTES - room;
    unpack->in_member = !frame_end;
    return have > 0 || room < before || frame_end || unpack_truncated(unpack, "zstd", err);
}

static bool begin_in_turn(struct unpack *unpack, const struct zstd_frame *frame, struct err *err)
{
    if (!make_room(unpack, frame->window, err))
        return false;
    if (unpack->unzstd == NULL)
        unpack->unzstd = unzstd_new();
    if (unpack->unzstd == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    unzstd_reset(unpack->unzstd);
    unpack->in_member = true;
    return true;
}

/* The whole size of a small frame that is in the buffer; 0: it is read in turn. */
static bool small_size(struct unpack *unpack, const struct zstd_frame *frame, size_t *ret,
                       struct err *err)
{
    struct reader *reader = &unpack->reader;
    bool packs;

    *ret = 0;
    if (frame->skippable ? frame->size > READER_BUFFER : frame->text_size > PACKED_FRAME)
        return true;
    if (!may_pack(unpack, &packs, err))
        return false;
    if (!packs)
        return true;
    *ret = zstd_frame_size(reader_bytes(reader), reader_have(reader));
    if (*ret > 0 || reader->ended)
        return true;
    if (!reader_fill(reader, READER_BUFFER, err))
        return false;
    *ret = zstd_frame_size(reader_bytes(reader), reader_have(reader));
    return true;
}

/* Adds a frame of this size to the block's packed members; false: they have no room for it. */
static bool pack(struct unpack *unpack, const struct zstd_frame *frame, size_t size,
                 struct block *block)
{
    struct reader *reader = &unpack->reader;
    const size_t room = BLOCK_BYTES - block->len;

    if (packed_is_empty(block->packed)) {
        packed_clear(block->packed, unpack->text_used, reader->offset);
        block->packed_at = block->len;
    }
    if (!packed_add(block->packed, reader_bytes(reader), size))
        return false;
    const size_t text = frame->skippable ? 0 : (size_t)frame->text_size - unpack->text_used;
    const size_t taken = text < room ? text : room;
    block->len += taken;
    block->packed_len += taken;
    if (text > room) {
        unpack->text_used += room;
        return true;
    }
    unpack->text_used = 0;
    reader_consume(reader, size);
    return true;
}

bool unpack_zstd(struct unpack *unpack, struct block *block)
{
    struct err *err = &block->err;
    bool packs = true; /* until text in turn follows what was packed */
    struct zstd_frame frame;
    size_t size;

    while (block->len < BLOCK_BYTES) {
        if (unpack->in_member) {
            packs = packs && packed_is_empty(block->packed);
            if (!read_in_turn(unpack, block))
                return false;
            continue;
        }
        bool more;
        if (!next_frame(unpack, &frame, &more, err))
            return false;
        if (!more) {
            block->last = true;
            return true;
        }
        if (!small_size(unpack, &frame, &size, err))
            return false;
        if (packs && size > 0 && pack(unpack, &frame, size, block))
            continue;
        if (unpack->text_used > 0) /* it could be packed for the last block */
            return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
        packs = packs && packed_is_empty(block->packed);
        unpack->skip_left = frame.skippable ? frame.size : 0;
        if (frame.skippable ? !pass_over(unpack, err) : !begin_in_turn(unpack, &frame, err))
            return false;
    }
    return true;
}
