#include "aggregator/read/unzstd.h"

#include <stdlib.h>
#include <string.h>

#define ZSTD_STATIC_LINKING_ONLY /* headers of frames, sizes of contexts */
#include <zstd.h>
#include <zstd_errors.h>

enum { SKIPPABLE_HEADER = ZSTD_SKIPPABLEHEADERSIZE, MAGIC = 4 };

struct unzstd {
    ZSTD_DCtx *context;
};

static uint32_t magic_of(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

bool zstd_begins(const unsigned char *bytes, size_t len)
{
    return len >= MAGIC &&
           (magic_of(bytes) == ZSTD_MAGICNUMBER ||
            (magic_of(bytes) & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START);
}

enum zstd_header zstd_read_header(const unsigned char *bytes, size_t len, struct zstd_frame *ret)
{
    ZSTD_frameHeader header;
    size_t wanted = ZSTD_getFrameHeader(&header, bytes, len);

    if (ZSTD_isError(wanted))
        return ZSTD_CORRUPT;
    if (wanted != 0)
        return ZSTD_CUT;
    *ret = (struct zstd_frame){.skippable = header.frameType == ZSTD_skippableFrame};
    if (ret->skippable) {
        ret->size = SKIPPABLE_HEADER + header.frameContentSize;
        return ZSTD_WHOLE;
    }
    ret->window = header.windowSize;
    ret->text_size = header.frameContentSize; /* ZSTD_CONTENTSIZE_UNKNOWN is UINT64_MAX */
    ret->dictionary = header.dictID;
    return ZSTD_WHOLE;
}

size_t zstd_frame_size(const unsigned char *bytes, size_t len)
{
    size_t size = ZSTD_findFrameCompressedSize(bytes, len);
    return ZSTD_isError(size) ? 0 : size;
}

size_t zstd_turn_memory(uint64_t window)
{
    return ZSTD_estimateDStreamSize((size_t)window);
}

size_t zstd_whole_memory(void)
{
    return ZSTD_estimateDCtxSize();
}

struct unzstd *unzstd_new(void)
{
    struct unzstd *unzstd = calloc(1, sizeof *unzstd);
    if (unzstd != NULL)
        unzstd->context = ZSTD_createDCtx();
    if (unzstd != NULL && unzstd->context == NULL) {
        free(unzstd);
        return NULL;
    }
    return unzstd;
}

void unzstd_free(struct unzstd *unzstd)
{
    if (unzstd == NULL)
        return;
    (void)ZSTD_freeDCtx(unzstd->context);
    free(unzstd);
}

void unzstd_reset(struct unzstd *unzstd)
{
    (void)ZSTD_DCtx_reset(unzstd->context, ZSTD_reset_session_only);
}

static bool corrupt(uint64_t offset, const char *what, struct err *err)
{
    return err_set(err, STATUS_INPUT,
                   "corrupt zstd data at byte %llu: %s; make or copy the file again",
                   (unsigned long long)offset, what);
}

static bool failed(size_t result, uint64_t offset, struct err *err)
{
    if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
        return err_set(err, STATUS_TRANSIENT, "out of memory to decompress");
    return corrupt(offset, ZSTD_getErrorName(result), err);
}

bool unzstd_whole(struct unzstd *unzstd, const unsigned char *frame, size_t size, uint64_t offset,
                  unsigned char *out, size_t text_size, struct err *err)
{
    size_t result = ZSTD_decompressDCtx(unzstd->context, out, text_size, frame, size);

    if (ZSTD_isError(result))
        return failed(result, offset, err);
    return result == text_size || corrupt(offset, "wrong length", err);
}

bool unzstd_step(struct unzstd *unzstd, const unsigned char **in, size_t *in_len, uint64_t offset,
                 unsigned char **out, size_t *out_len, bool *ret_frame_end, struct err *err)
{
    ZSTD_inBuffer from = {.src = *in, .size = *in_len};
    ZSTD_outBuffer to = {.dst = *out, .size = *out_len};
    size_t result = ZSTD_decompressStream(unzstd->context, &to, &from);

    *in += from.pos;
    *in_len -= from.pos;
    *out += to.pos;
    *out_len -= to.pos;
    *ret_frame_end = result == 0;
    return !ZSTD_isError(result) || failed(result, offset + from.pos, err);
}
