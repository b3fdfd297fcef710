#include "common/num.h"

#include <stddef.h>
#include <string.h>

/* Reads digits from *at on, at least one; stops at the first other character. */
static bool take_digits(const char **at, uint64_t *ret)
{
    uint64_t value = 0;
    const char *p = *at;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    if (p == *at)
        return false;
    *at = p;
    *ret = value;
    return true;
}

bool num_u64(const char *text, uint64_t *ret)
{
    uint64_t value;
    if (!take_digits(&text, &value) || *text != '\0')
        return false;
    *ret = value;
    return true;
}

bool num_size(const char *text, uint64_t *ret)
{
    static const char units[] = "KMGT";
    uint64_t value;

    if (!take_digits(&text, &value))
        return false;
    const char *unit = *text == '\0' ? NULL : strchr(units, *text == 'k' ? 'K' : *text);
    if (unit != NULL) {
        unsigned shift = 10 * (unsigned)(unit - units + 1);
        if (value > UINT64_MAX >> shift)
            return false;
        value <<= shift;
        text++;
        if (*text == 'i')
            text++;
    }
    if (*text == 'B')
        text++;
    if (*text != '\0')
        return false;
    *ret = value;
    return true;
}

bool num_duration(const char *text, uint64_t *ret_ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}};
    uint64_t whole, thousandths = 0;

    if (!take_digits(&text, &whole))
        return false;
    if (*text == '.') {
        unsigned scale = 100;
        const char *start = ++text;
        for (; *text >= '0' && *text <= '9'; text++, scale /= 10)
            thousandths += (uint64_t)(*text - '0') * scale;
        if (text == start)
            return false;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        if (whole > UINT64_MAX / units[i].ms - 1)
            return false;
        *ret_ms = whole * units[i].ms + thousandths * units[i].ms / 1000;
        return true;
    }
    return false;
}

bool num_decimal(const char *text, double *ret)
{
    enum { DIGITS_MAX = 9 };
    uint64_t whole, fraction = 0;
    double scale = 1;
    const char *start = text;

    if (!take_digits(&text, &whole) || text - start > DIGITS_MAX)
        return false;
    if (*text == '.') {
        start = ++text;
        if (!take_digits(&text, &fraction) || text - start > DIGITS_MAX)
            return false;
        for (; start < text; start++)
            scale *= 10;
    }
    if (*text != '\0')
        return false;
    *ret = (double)whole + (double)fraction / scale;
    return true;
}

bool num_shard(const char *text, uint32_t *ret_index, uint32_t *ret_count)
{
    uint64_t index, count;

    if (!take_digits(&text, &index) || *text++ != '/')
        return false;
    if (!take_digits(&text, &count) || *text != '\0')
        return false;
    if (index >= count || count > INT32_MAX)
        return false;
    *ret_index = (uint32_t)index;
    *ret_count = (uint32_t)count;
    return true;
}

void num_put_u128(char out[NUM_U128_TEXT], unsigned __int128 value)
{
    char reversed[NUM_U128_TEXT];
    size_t len = 0;

    do {
        reversed[len++] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    out[len] = '\0';
}
