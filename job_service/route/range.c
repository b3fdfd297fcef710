#include "job_service/route/range.h"

#include <string.h>
#include <strings.h>

#include "common/num.h"

/* At most 18 digits, so that sums cannot wrap. */
static bool take_digits(const char **p, uint64_t *ret)
{
    char digits[19];
    size_t len = strspn(*p, "0123456789");

    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, *p, len);
    digits[len] = '\0';
    *p += len;
    return num_u64(digits, ret);
}

struct range range_read(const char *value)
{
    struct range range = {.asked = true, .last = INT64_MAX};

    if (value == NULL || strncasecmp(value, "bytes=", 6) != 0)
        return (struct range){0};
    value += 6 + strspn(value + 6, " \t");
    range.suffix = *value == '-';
    if (!range.suffix && !take_digits(&value, &range.first))
        return (struct range){0};
    if (*value++ != '-')
        return (struct range){0};
    bool open = *value < '0' || *value > '9';
    if ((open && range.suffix) || (!open && !take_digits(&value, &range.last)))
        return (struct range){0};
    value += strspn(value, " \t");
    if (*value != '\0' || (!range.suffix && range.last < range.first))
        return (struct range){0};
    return range;
}
