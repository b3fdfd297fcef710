/* Gzip and BGZF made by hand with zlib alone, so that tests do not trust what they test. */
#ifndef AGGREGATOR_TESTS_GZIP_MADE_H
#define AGGREGATOR_TESTS_GZIP_MADE_H

#include "common/buf.h"
#include "common/tests/unit.h"

#include <zlib.h>

enum { MADE_BGZF_TEXT = 65280, MADE_MAX = 64 << 20 };

static inline void made_add(struct buf *out, const void *bytes, size_t len)
{
    struct err err = {0};
    buf_add(out, bytes, len);
    assert_true(buf_ok(out, &err));
}

/* One member with any header zlib can write; header may be NULL. */
static inline void made_add_gzip(struct buf *out, const void *text, size_t len, int level,
                                 gz_header *header)
{
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    if (header != NULL)
        assert_int_equal(deflateSetHeader(&zlib, header), Z_OK);
    size_t room = deflateBound(&zlib, len) + 512;
    assert_true(buf_reserve(out, room));
    zlib.next_in = (unsigned char *)(uintptr_t)text;
    zlib.avail_in = (unsigned)len;
    zlib.next_out = (unsigned char *)out->data + out->len;
    zlib.avail_out = (unsigned)room;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    buf_grown(out, zlib.total_out);
    (void)deflateEnd(&zlib);
}

static inline void made_put_u32(unsigned char *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (unsigned char)(value >> 8 * i);
}

/* One BGZF member of at most 65536 bytes of text, which must fit deflated. */
static inline void made_add_bgzf_member(struct buf *out, const void *text, size_t len, int level)
{
    static const unsigned char header[16] = {0x1f, 0x8b, 8, 4, 0,   0,   0, 0,
                                             0,    0xff, 6, 0, 'B', 'C', 2, 0};
    unsigned char deflated[70000], tail[8];
    z_stream zlib = {0};
    assert_int_equal(deflateInit2(&zlib, level, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    zlib.next_in = (unsigned char *)(uintptr_t)text;
    zlib.avail_in = (unsigned)len;
    zlib.next_out = deflated;
    zlib.avail_out = sizeof deflated;
    assert_int_equal(deflate(&zlib, Z_FINISH), Z_STREAM_END);
    size_t size = 18 + zlib.total_out + 8;
    assert_true(size <= 65536);
    const unsigned char less_one[] = {(unsigned char)(size - 1), (unsigned char)((size - 1) >> 8)};
    made_put_u32(tail, (uint32_t)crc32(0, text, (unsigned)len));
    made_put_u32(tail + 4, (uint32_t)len);
    made_add(out, header, sizeof header);
    made_add(out, less_one, sizeof less_one);
    made_add(out, deflated, zlib.total_out);
    made_add(out, tail, sizeof tail);
    (void)deflateEnd(&zlib);
}

/* The empty member that ends a file, byte for byte from the format's specification. */
static inline void made_add_bgzf_end(struct buf *out)
{
    static const unsigned char end[] = {0x1f, 0x8b, 8,    4, 0, 0, 0, 0, 0, 0xff, 6, 0, 'B', 'C',
                                        2,    0,    0x1b, 0, 3, 0, 0, 0, 0, 0,    0, 0, 0,   0};
    made_add(out, end, sizeof end);
}

/* A whole BGZF file, in members of `cut` bytes of text. */
static inline void made_add_bgzf(struct buf *out, const void *text, size_t len, size_t cut)
{
    const char *bytes = text;
    for (size_t at = 0; at < len; at += cut)
        made_add_bgzf_member(out, bytes + at, len - at < cut ? len - at : cut, 1);
    made_add_bgzf_end(out);
}

#endif
