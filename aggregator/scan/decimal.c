#include "aggregator/scan/decimal.h"

#include <string.h>

/* Such an exponent exceeds any count of digits that fits into memory. */
#define EXPONENT_MAX INT64_C(1000000000000000000)

static int64_t read_exponent(const unsigned char *p, const unsigned char *end)
{
    bool negative = p < end && *p == '-';
    int64_t exponent = 0;

    for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
        if (exponent < EXPONENT_MAX / 10)
            exponent = exponent * 10 + (*p - '0');
        else
            exponent = EXPONENT_MAX;
    return negative ? -exponent : exponent;
}

bool decimal_read(const unsigned char *p, const unsigned char *end, struct decimal *ret)
{
    const unsigned char *point, *mantissa_end = p, *to;
    int64_t power = 0;

    *ret = (struct decimal){.negative = *p == '-'};
    p += *p == '-';
    while (mantissa_end < end && *mantissa_end != 'e' && *mantissa_end != 'E')
        mantissa_end++;
    if (mantissa_end < end)
        power = read_exponent(mantissa_end + 1, end);
    point = memchr(p, '.', (size_t)(mantissa_end - p));
    if (point == NULL)
        point = mantissa_end;

    while (p < mantissa_end && (*p == '0' || *p == '.'))
        p++;
    for (to = mantissa_end; to > p && (to[-1] == '0' || to[-1] == '.'); to--)
        ;
    if (p == to) {
        ret->negative = false;
        return true;
    }
    /* The last digit's weight is ten to this power. */
    power += to <= point ? point - to : point + 1 - to;
    if (power < 0)
        return false;
    ret->from = p;
    ret->to = to;
    ret->zeros = (uint64_t)power;
    return true;
}

bool decimal_value(const struct decimal *number, int64_t *ret)
{
    int64_t value = 0;

    for (const unsigned char *p = number->from; p < number->to; p++)
        if (*p != '.' && (__builtin_mul_overflow(value, 10, &value) ||
                          __builtin_add_overflow(value, *p - '0', &value)))
            return false;
    for (uint64_t i = 0; i < number->zeros; i++)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    *ret = value;
    return !number->negative;
}

size_t decimal_text(const struct decimal *number, unsigned char *out, size_t size)
{
    size_t len = 0;

    if (number->from == number->to) {
        if (size == 0)
            return SIZE_MAX;
        out[0] = '0';
        return 1;
    }
    if (number->negative && len < size)
        out[len++] = '-';
    for (const unsigned char *p = number->from; p < number->to; p++) {
        if (*p == '.')
            continue;
        if (len == size)
            return SIZE_MAX;
        out[len++] = *p;
    }
    if (number->zeros > size - len)
        return SIZE_MAX;
    memset(out + len, '0', (size_t)number->zeros);
    return len + (size_t)number->zeros;
}
