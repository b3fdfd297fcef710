#include "aggregator/read/inflate.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "aggregator/read/unzstd.h"
#include "common/bgzf.h"

struct packed {
    unsigned char *bytes;
    size_t len, cap, skip;
    uint64_t offset;
    z_stream zlib;
    bool zlib_ready;
    struct unzstd *unzstd; /* NULL until there is a frame */
    unsigned char *text;   /* of a member that is wanted in part */
    size_t text_cap;
};

/* A member, whichever format it is of. */
struct shape {
    bool is_bgzf;
    struct bgzf_member bgzf;
    size_t size, text_size;
};

struct gunzip {
    z_stream zlib;
};

struct packed *packed_new(void)
{
    return calloc(1, sizeof(struct packed));
}

void packed_free(struct packed *packed)
{
    if (packed == NULL)
        return;
    if (packed->zlib_ready)
        (void)inflateEnd(&packed->zlib);
    unzstd_free(packed->unzstd);
    free(packed->text);
    free(packed->bytes);
    free(packed);
}

void packed_clear(struct packed *packed, size_t skip, uint64_t offset)
{
    packed->len = 0;
    packed->skip = skip;
    packed->offset = offset;
}

bool packed_is_empty(const struct packed *packed)
{
    return packed->len == 0;
}

bool packed_add(struct packed *packed, const unsigned char *member, size_t size)
{
    if (size > PACKED_MAX - packed->len)
        return false;
    if (packed->len + size > packed->cap) {
        size_t cap = packed->cap == 0 ? 256 * 1024 : packed->cap * 2;
        while (cap < packed->len + size)
            cap *= 2;
        unsigned char *bytes = realloc(packed->bytes, cap);
        if (bytes == NULL)
            return false;
        packed->bytes = bytes;
        packed->cap = cap;
    }
    memcpy(packed->bytes + packed->len, member, size);
    packed->len += size;
    return true;
}

static bool corrupt(uint64_t offset, const char *what, struct err *err)
{
    return err_set(err, STATUS_INPUT,
                   "corrupt gzip data at byte %llu: %s; make or copy the file again",
                   (unsigned long long)offset, what);
}

/* The text of one member into out, which has room for all of it. */
static bool inflate_member(struct packed *packed, const unsigned char *member,
                           const struct bgzf_member *shape, uint64_t offset, unsigned char *out,
                           struct err *err)
{
    z_stream *zlib = &packed->zlib;

    if (!packed->zlib_ready && inflateInit2(zlib, -MAX_WBITS) != Z_OK)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    packed->zlib_ready = true;
    (void)inflateReset(zlib);
    zlib->next_in = (unsigned char *)(uintptr_t)(member + shape->header_size);
    zlib->avail_in = (unsigned)(shape->size - shape->header_size - BGZF_TRAILER_SIZE);
    zlib->next_out = out;
    zlib->avail_out = shape->text_size;
    int done = inflate(zlib, Z_FINISH);
    if (done != Z_STREAM_END || zlib->avail_in != 0 || zlib->avail_out != 0)
        return corrupt(offset, zlib->msg != NULL ? zlib->msg : "wrong length", err);
    if (crc32(0, out, shape->text_size) != shape->text_crc)
        return corrupt(offset, "wrong checksum", err);
    return true;
}

static bool expand_frame(struct packed *packed, const unsigned char *frame,
                         const struct shape *shape, uint64_t offset, unsigned char *out,
                         struct err *err)
{
    if (packed->unzstd == NULL)
        packed->unzstd = unzstd_new();
    if (packed->unzstd == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    return unzstd_whole(packed->unzstd, frame, shape->size, offset, out, shape->text_size, err);
}

static bool find_shape(const unsigned char *member, size_t len, struct shape *ret)
{
    struct zstd_frame frame;

    *ret = (struct shape){0};
    ret->is_bgzf = bgzf_parse_member(member, len, &ret->bgzf);
    if (ret->is_bgzf) {
        ret->size = ret->bgzf.size;
        ret->text_size = ret->bgzf.text_size;
        return true;
    }
    if (zstd_read_header(member, len, &frame) != ZSTD_WHOLE || frame.text_size > PACKED_FRAME)
        return false;
    ret->size = zstd_frame_size(member, len);
    ret->text_size = (size_t)frame.text_size; /* of a skippable one: 0 */
    return ret->size > 0;
}

static bool expand_member(struct packed *packed, const unsigned char *member,
                          const struct shape *shape, uint64_t offset, unsigned char *out,
                          struct err *err)
{
    return shape->is_bgzf ? inflate_member(packed, member, &shape->bgzf, offset, out, err)
                          : expand_frame(packed, member, shape, offset, out, err);
}

static bool make_text_room(struct packed *packed, size_t size, struct err *err)
{
    if (size <= packed->text_cap)
        return true;
    unsigned char *text = realloc(packed->text, size);
    if (text == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    packed->text = text;
    packed->text_cap = size;
    return true;
}

bool packed_inflate(struct packed *packed, unsigned char *out, size_t len, struct err *err)
{
    size_t skip = packed->skip;

    for (size_t at = 0; at < packed->len;) {
        struct shape shape;
        const unsigned char *member = packed->bytes + at;
        uint64_t offset = packed->offset + at;

        if (!find_shape(member, packed->len - at, &shape))
            return err_set(err, STATUS_BUG, "a packed member changed its shape");
        bool whole = skip == 0 && shape.text_size <= len;
        if (!whole && !make_text_room(packed, shape.text_size, err))
            return false;
        if (!expand_member(packed, member, &shape, offset, whole ? out : packed->text, err))
            return false;
        size_t use = shape.text_size - skip < len ? shape.text_size - skip : len;
        if (!whole)
            memcpy(out, packed->text + skip, use);
        skip = 0;
        out += use;
        len -= use;
        at += shape.size;
    }
    return len == 0 || err_set(err, STATUS_BUG, "packed members hold less than was counted");
}

struct gunzip *gunzip_new(void)
{
    struct gunzip *gunzip = calloc(1, sizeof *gunzip);
    if (gunzip != NULL && inflateInit2(&gunzip->zlib, 16 + MAX_WBITS) != Z_OK) {
        free(gunzip);
        return NULL;
    }
    return gunzip;
}

void gunzip_free(struct gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    (void)inflateEnd(&gunzip->zlib);
    free(gunzip);
}

bool gunzip_reset(struct gunzip *gunzip, struct err *err)
{
    return inflateReset(&gunzip->zlib) == Z_OK ||
           err_set(err, STATUS_BUG, "zlib refuses to start again");
}

bool gunzip_step(struct gunzip *gunzip, const unsigned char **in, size_t *in_len, uint64_t offset,
                 unsigned char **out, size_t *out_len, bool *ret_member_end, struct err *err)
{
    z_stream *zlib = &gunzip->zlib;

    zlib->next_in = (unsigned char *)(uintptr_t)*in;
    zlib->avail_in = (unsigned)*in_len;
    zlib->next_out = *out;
    zlib->avail_out = (unsigned)*out_len;
    int done = inflate(zlib, Z_NO_FLUSH);
    offset += *in_len - zlib->avail_in;
    *in = zlib->next_in;
    *in_len = zlib->avail_in;
    *out = zlib->next_out;
    *out_len = zlib->avail_out;
    *ret_member_end = done == Z_STREAM_END;
    if (done == Z_OK || done == Z_STREAM_END || done == Z_BUF_ERROR)
        return true;
    if (done == Z_MEM_ERROR)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    return corrupt(offset, zlib->msg != NULL ? zlib->msg : "not deflated data", err);
}
