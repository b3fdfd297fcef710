/* Frames of zstd, made by the library's compressor or by hand. */
#ifndef AGGREGATOR_TESTS_ZSTD_MADE_H
#define AGGREGATOR_TESTS_ZSTD_MADE_H

#include "aggregator/tests/gzip_made.h"

#include <zstd.h>

enum { MADE_UNSIZED = 1, MADE_UNCHECKED = 2 }; /* what a frame leaves out */

static inline void made_add_zstd(struct buf *out, const void *text, size_t len, int level,
                                 int without)
{
    ZSTD_CCtx *zstd = ZSTD_createCCtx();
    const size_t room = ZSTD_compressBound(len);

    assert_non_null(zstd);
    assert_true(buf_reserve(out, room));
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, level);
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_contentSizeFlag, (without & MADE_UNSIZED) == 0);
    (void)ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, (without & MADE_UNCHECKED) == 0);
    size_t size = ZSTD_compress2(zstd, out->data + out->len, room, text, len);
    assert_false(ZSTD_isError(size));
    out->len += size;
    (void)ZSTD_freeCCtx(zstd);
}

/* A frame that is to be skipped, of len bytes behind its header. */
static inline void made_add_skippable(struct buf *out, size_t len)
{
    unsigned char header[8] = {0x5a, 0x2a, 0x4d, 0x18};
    made_put_u32(header + 4, (uint32_t)len);
    made_add(out, header, sizeof header);
    for (size_t i = 0; i < len; i++)
        made_add(out, "x", 1);
}

/* A text in frames of `cut` bytes of it. */
static inline void made_add_frames(struct buf *out, const void *text, size_t len, size_t cut,
                                   int without)
{
    const char *bytes = text;
    for (size_t at = 0; at < len; at += cut)
        made_add_zstd(out, bytes + at, len - at < cut ? len - at : cut, 1, without);
}

#endif
