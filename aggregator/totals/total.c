#include "aggregator/totals/total.h"

#include <string.h>

void total_merge(struct total *into, const struct total *other)
{
    total_add(&into->sum, other->sum);
    into->count += other->count;
    into->min = other->min < into->min ? other->min : into->min;
    into->max = other->max > into->max ? other->max : into->max;
}

int total_compare(const unsigned char *a, size_t a_len, const unsigned char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}
