#include "fake_gen/members.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/bgzf.h"
#include "common/pages.h"

struct packer {
    z_stream zlib;
    unsigned char *out;
    size_t out_size;
};

struct packer *packer_new(int level, size_t text_max)
{
    struct packer *packer = calloc(1, sizeof *packer);
    if (packer == NULL)
        return NULL;
    if (deflateInit2(&packer->zlib, level, Z_DEFLATED, -MAX_WBITS, MAX_MEM_LEVEL - 1,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
        free(packer);
        return NULL;
    }
    /* Two neighbouring members together hold more than BGZF_TEXT_CUT bytes of text, wherever lines
     * end. */
    size_t members_max = 2 * (text_max / BGZF_TEXT_CUT + 1);
    packer->out_size = members_max * BGZF_MEMBER_MAX;
    packer->out = pages_alloc(packer->out_size);
    if (packer->out == NULL) {
        packer_free(packer);
        return NULL;
    }
    return packer;
}

void packer_free(struct packer *packer)
{
    if (packer == NULL)
        return;
    (void)deflateEnd(&packer->zlib);
    free(packer->out);
    free(packer);
}

static size_t cut_length(const char *text, size_t len)
{
    if (len <= BGZF_TEXT_CUT)
        return len;
    const char *line_end = memrchr(text, '\n', BGZF_TEXT_CUT);
    return line_end == NULL ? BGZF_TEXT_CUT : (size_t)(line_end - text) + 1;
}

/* One member at out, which has room for BGZF_MEMBER_MAX bytes; its size, or 0 if zlib failed. */
static size_t pack_member(z_stream *zlib, const unsigned char *text, size_t len, unsigned char *out)
{
    const size_t room = BGZF_MEMBER_MAX - BGZF_HEADER_SIZE - BGZF_TRAILER_SIZE;

    if (deflateReset(zlib) != Z_OK)
        return 0;
    zlib->next_in = (unsigned char *)(uintptr_t)text;
    zlib->avail_in = (unsigned)len;
    zlib->next_out = out + BGZF_HEADER_SIZE;
    zlib->avail_out = (unsigned)room;
    if (deflate(zlib, Z_FINISH) != Z_STREAM_END)
        return 0;
    size_t size = BGZF_HEADER_SIZE + (room - zlib->avail_out) + BGZF_TRAILER_SIZE;
    bgzf_put_header(out, size);
    bgzf_put_trailer(out + size - BGZF_TRAILER_SIZE, (uint32_t)crc32(0, text, (unsigned)len),
                     (uint32_t)len);
    return size;
}

bool packer_pack(struct packer *packer, const char *text, size_t len, const void **ret,
                 size_t *ret_len, struct err *err)
{
    size_t used = 0;

    while (len > 0) {
        size_t cut = cut_length(text, len);
        if (used + BGZF_MEMBER_MAX > packer->out_size)
            return err_set(err, STATUS_BUG, "more text to pack than was promised");
        size_t size =
            pack_member(&packer->zlib, (const unsigned char *)text, cut, packer->out + used);
        if (size == 0)
            return err_set(err, STATUS_BUG, "zlib failed to deflate %zu bytes", cut);
        used += size;
        text += cut;
        len -= cut;
    }
    *ret = packer->out;
    *ret_len = used;
    return true;
}
