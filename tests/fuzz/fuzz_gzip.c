/*
 * Any file through the input side, against zlib itself: what is read is what zlib inflates, and
 * what zlib does not take is an error. A mutator mends checksums, so that damage gets past them.
 */
#include <zlib.h>

#include "aggregator/read/unzstd.h"
#include "common/bgzf.h"
#include "tests/fuzz/reading.h"

enum { HEADER = 10, TRAILER = 8 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static bool is_gzip(const uint8_t *data, size_t size)
{
    return size >= 2 && data[0] == 0x1f && data[1] == 0x8b;
}

/* All members in turn, nothing between them, and nothing but zeros after them. */
static enum verdict inflate_by_zlib(const uint8_t *data, size_t size, size_t *ret_len)
{
    z_stream zlib = {.next_in = (unsigned char *)(uintptr_t)data,
                     .avail_in = (unsigned)size,
                     .next_out = expected,
                     .avail_out = TEXT_MAX};
    int result = Z_STREAM_END;

    HOLDS(inflateInit2(&zlib, 16 + MAX_WBITS) == Z_OK);
    while (result == Z_STREAM_END && zlib.avail_in > 0 && !is_zeros(zlib.next_in, zlib.avail_in)) {
        HOLDS(inflateReset(&zlib) == Z_OK);
        result = is_gzip(zlib.next_in, zlib.avail_in) ? inflate(&zlib, Z_FINISH) : Z_DATA_ERROR;
    }
    *ret_len = TEXT_MAX - zlib.avail_out;
    bool full = zlib.avail_out == 0;
    (void)inflateEnd(&zlib);
    return result == Z_STREAM_END ? WHOLE : full ? TOO_LONG : BROKEN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bgzf_member shape;
    struct err err = {0};
    size_t len = 0, want_len = 0;

    if (zstd_begins(data, size))
        return 0;
    enum verdict verdict = read_by_source(data, size, &len, &err);
    if (!is_gzip(data, size)) {
        HOLDS(verdict == WHOLE && len == size && memcmp(got, data, size) == 0);
        return 0;
    }
    enum verdict want = inflate_by_zlib(data, size, &want_len);
    if (want == TOO_LONG || verdict == TOO_LONG)
        return 0;
    if (verdict == WHOLE)
        HOLDS(want == WHOLE && len == want_len && memcmp(got, expected, len) == 0);
    else
        HOLDS(err.status == STATUS_INPUT && strstr(err.text, reading_path) != NULL);
    /* Only BGZF says how long its members are and where it ends, which zlib does not look at. */
    if (verdict == BROKEN && want == WHOLE)
        HOLDS(bgzf_parse_header(data, size, &shape));
    return 0;
}

/* Puts the right checksum and length after the first member, if it inflates. */
static void mend(uint8_t *data, size_t size)
{
    z_stream zlib = {.next_out = expected, .avail_out = TEXT_MAX};
    struct bgzf_member shape;
    size_t header = bgzf_parse_header(data, size, &shape) ? shape.header_size : HEADER;

    if (!is_gzip(data, size) || size <= header + TRAILER || (header == HEADER && data[3] != 0))
        return;
    zlib.next_in = data + header;
    zlib.avail_in = (unsigned)(size - header);
    HOLDS(inflateInit2(&zlib, -MAX_WBITS) == Z_OK);
    if (inflate(&zlib, Z_FINISH) == Z_STREAM_END && zlib.avail_in >= TRAILER) {
        uint32_t len = (uint32_t)zlib.total_out, crc = (uint32_t)crc32(0, expected, len);
        memcpy(zlib.next_in, &crc, sizeof crc);
        memcpy(zlib.next_in + sizeof crc, &len, sizeof len);
    }
    (void)inflateEnd(&zlib);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (seed % 2 == 0)
        mend(data, size);
    return size;
}
