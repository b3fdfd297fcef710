#include "aggregator/load/copy_row.h"

#include <endian.h>
#include <string.h>

static bool add_int16(struct buf *out, uint16_t value, struct err *err)
{
    value = htobe16(value);
    return buf_add(out, &value, sizeof value, err);
}

static bool add_int32(struct buf *out, uint32_t value, struct err *err)
{
    value = htobe32(value);
    return buf_add(out, &value, sizeof value, err);
}

static bool add_int8_field(struct buf *out, int64_t value, struct err *err)
{
    uint64_t bits = htobe64((uint64_t)value);
    return add_int32(out, sizeof bits, err) && buf_add(out, &bits, sizeof bits, err);
}

bool copy_header(struct buf *out, struct err *err)
{
    static const char signature[] = "PGCOPY\n\377\r\n"; /* its terminator belongs to it */
    return buf_add(out, signature, sizeof signature, err) && add_int32(out, 0, err) &&
           add_int32(out, 0, err);
}

bool copy_row(struct buf *out, const struct total *total, bool statistics, struct err *err)
{
    if (!add_int16(out, statistics ? 5 : 2, err) ||
        !add_int32(out, (uint32_t)total->key_len, err) ||
        !buf_add(out, total->key, total->key_len, err) || !add_int8_field(out, total->sum, err))
        return false;
    return !statistics ||
           (add_int8_field(out, total->count, err) && add_int8_field(out, total->min, err) &&
            add_int8_field(out, total->max, err));
}

bool copy_trailer(struct buf *out, struct err *err)
{
    return add_int16(out, UINT16_MAX, err);
}
