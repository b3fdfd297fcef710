#include "aggregator/load/copy_row.h"

#include <endian.h>
#include <string.h>

static void add_int16(struct buf *out, uint16_t value)
{
    value = htobe16(value);
    buf_add(out, &value, sizeof value);
}

static void add_int32(struct buf *out, uint32_t value)
{
    value = htobe32(value);
    buf_add(out, &value, sizeof value);
}

static void add_int8_field(struct buf *out, int64_t value)
{
    uint64_t bits = htobe64((uint64_t)value);
    add_int32(out, sizeof bits);
    buf_add(out, &bits, sizeof bits);
}

void copy_header(struct buf *out)
{
    static const char signature[] = "PGCOPY\n\377\r\n"; /* the NUL at its end is part of it */
    buf_add(out, signature, sizeof signature);
    add_int32(out, 0);
    add_int32(out, 0);
}

void copy_row(struct buf *out, const struct total *total, bool statistics)
{
    add_int16(out, statistics ? 5 : 2);
    add_int32(out, (uint32_t)total->key_len);
    buf_add(out, total->key, total->key_len);
    add_int8_field(out, total->sum);
    if (!statistics)
        return;
    add_int8_field(out, total->count);
    add_int8_field(out, total->min);
    add_int8_field(out, total->max);
}

void copy_trailer(struct buf *out)
{
    add_int16(out, UINT16_MAX);
}
