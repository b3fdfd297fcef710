#include "common/bgzf.h"

#include <string.h>

enum {
    FIXED_SIZE = 12,   /* ID1 ID2 CM FLG MTIME(4) XFL OS XLEN(2) */
    SUBFIELD_SIZE = 4, /* SI1 SI2 SLEN(2), before a subfield's bytes */
    DEFLATE_LEAST = 2, /* an empty final block */
    FLAG_EXTRA = 4,
    XLEN_AT = 10,
    BSIZE_LEN = 2,
};

const unsigned char bgzf_eof[BGZF_EOF_SIZE] = {0x1f, 0x8b, 8,   4,   0, 0, 0,    0, 0, 0xff,
                                               6,    0,    'B', 'C', 2, 0, 0x1b, 0, 3, 0,
                                               0,    0,    0,   0,   0, 0, 0,    0};

static void put_u16(unsigned char *out, size_t value)
{
    out[0] = (unsigned char)(value & 0xff);
    out[1] = (unsigned char)(value >> 8 & 0xff);
}

static void put_u32(unsigned char *out, uint32_t value)
{
    put_u16(out, value & 0xffff);
    put_u16(out + 2, value >> 16);
}

static size_t get_u16(const unsigned char *bytes)
{
    return (size_t)bytes[0] | (size_t)bytes[1] << 8;
}

static uint32_t get_u32(const unsigned char *bytes)
{
    return (uint32_t)get_u16(bytes) | (uint32_t)get_u16(bytes + 2) << 16;
}

void bgzf_put_header(unsigned char out[BGZF_HEADER_SIZE], size_t member_size)
{
    memcpy(out, bgzf_eof, BGZF_HEADER_SIZE - BSIZE_LEN);
    put_u16(out + BGZF_HEADER_SIZE - BSIZE_LEN, member_size - 1);
}

void bgzf_put_trailer(unsigned char out[BGZF_TRAILER_SIZE], uint32_t text_crc, uint32_t text_size)
{
    put_u32(out, text_crc);
    put_u32(out + 4, text_size);
}

/* The one BC subfield of an extra field of len bytes; 0 when the field is malformed. */
static size_t find_member_size(const unsigned char *extra, size_t len)
{
    size_t member_size = 0;

    while (len > 0) {
        if (len < SUBFIELD_SIZE)
            return 0;
        size_t value_len = get_u16(extra + 2);
        if (value_len > len - SUBFIELD_SIZE)
            return 0;
        if (extra[0] == 'B' && extra[1] == 'C') {
            if (value_len != BSIZE_LEN || member_size != 0)
                return 0;
            member_size = get_u16(extra + SUBFIELD_SIZE) + 1;
        }
        extra += SUBFIELD_SIZE + value_len;
        len -= SUBFIELD_SIZE + value_len;
    }
    return member_size;
}

bool bgzf_parse_header(const unsigned char *bytes, size_t len, struct bgzf_member *ret)
{
    static const unsigned char start[] = {0x1f, 0x8b, 8, FLAG_EXTRA};

    if (len < FIXED_SIZE || memcmp(bytes, start, sizeof start) != 0)
        return false;
    size_t extra_len = get_u16(bytes + XLEN_AT);
    if (extra_len > len - FIXED_SIZE)
        return false;
    size_t header_size = FIXED_SIZE + extra_len;
    size_t member_size = find_member_size(bytes + FIXED_SIZE, extra_len);
    if (member_size < header_size + DEFLATE_LEAST + BGZF_TRAILER_SIZE)
        return false;
    *ret = (struct bgzf_member){.size = member_size, .header_size = header_size};
    return true;
}

bool bgzf_parse_member(const unsigned char *bytes, size_t len, struct bgzf_member *ret)
{
    struct bgzf_member member;

    if (!bgzf_parse_header(bytes, len, &member) || member.size > len)
        return false;
    const unsigned char *trailer = bytes + member.size - BGZF_TRAILER_SIZE;
    member.text_crc = get_u32(trailer);
    member.text_size = get_u32(trailer + 4);
    if (member.text_size > BGZF_TEXT_MAX)
        return false;
    *ret = member;
    return true;
}
