/*
 * Any file of zstd through the input side, against the library's decoders of whole frames: what is
 * read is what they decode, and what they do not take is an error.
 */
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include "aggregator/read/unzstd.h"
#include "tests/fuzz/reading.h"

/* All frames in turn, nothing between them, and nothing but zeros after them. */
static enum verdict decode_whole(const uint8_t *data, size_t size, size_t *ret_len)
{
    static ZSTD_DCtx *zstd;
    ZSTD_frameHeader header;
    size_t len = 0;

    if (zstd == NULL)
        zstd = ZSTD_createDCtx();
    HOLDS(zstd != NULL);
    while (size > 0 && !is_zeros(data, size)) {
        size_t taken = ZSTD_findFrameCompressedSize(data, size);
        if (ZSTD_isError(taken) || ZSTD_getFrameHeader(&header, data, size) != 0)
            return BROKEN;
        if (header.frameType == ZSTD_frame) {
            size_t made = ZSTD_decompressDCtx(zstd, expected + len, TEXT_MAX - len, data, taken);
            if (ZSTD_getErrorCode(made) == ZSTD_error_dstSize_tooSmall)
                return TOO_LONG;
            if (ZSTD_isError(made) || header.dictID != 0 || header.windowSize > ZSTD_WINDOW_MAX)
                return BROKEN;
            len += made;
        }
        data += taken;
        size -= taken;
    }
    *ret_len = len;
    return WHOLE;
}

/* The decoder in turn is the stricter one: it takes no block of more than 128 KiB. */
static bool decodes_in_turn(const uint8_t *data, size_t size)
{
    static ZSTD_DCtx *zstd;
    ZSTD_inBuffer in = {.src = data, .size = size};
    size_t result = 0;

    if (zstd == NULL)
        zstd = ZSTD_createDCtx();
    HOLDS(zstd != NULL);
    (void)ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
    while (in.pos < size && !is_zeros(data + in.pos, size - in.pos) && !ZSTD_isError(result)) {
        ZSTD_outBuffer out = {.dst = expected, .size = TEXT_MAX};
        result = ZSTD_decompressStream(zstd, &out, &in);
    }
    return result == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    size_t len = 0, want_len = 0;

    if (!zstd_begins(data, size))
        return 0;
    enum verdict verdict = read_by_source(data, size, &len, &err);
    enum verdict want = decode_whole(data, size, &want_len);
    if (want == TOO_LONG || verdict == TOO_LONG)
        return 0;
    if (verdict == WHOLE)
        HOLDS(want == WHOLE && len == want_len && memcmp(got, expected, len) == 0);
    else
        HOLDS((want == BROKEN || !decodes_in_turn(data, size)) && err.status == STATUS_INPUT &&
              strstr(err.text, reading_path) != NULL);
    return 0;
}
