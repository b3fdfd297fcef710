#include "common/civil_time.h"

#include <stddef.h>

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097, DAYS_0000_03_01_TO_EPOCH = 719468 };

static void put_digits(char *out, int width, int64_t value)
{
    while (width-- > 0) {
        out[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void civil_put_date(char *out, int64_t days)
{
    days += DAYS_0000_03_01_TO_EPOCH;
    int64_t era = days / DAYS_PER_ERA;
    int64_t day_of_era = days % DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;

    put_digits(out, 4, era * 400 + year_of_era + (month <= 2));
    out[4] = '-';
    put_digits(out + 5, 2, month);
    out[7] = '-';
    put_digits(out + 8, 2, day_of_year - (153 * month_from_march + 2) / 5 + 1);
}

void civil_put_time(char *out, int64_t seconds)
{
    int64_t days = seconds / SECONDS_PER_DAY - (seconds % SECONDS_PER_DAY < 0);
    int64_t second = seconds - days * SECONDS_PER_DAY;

    civil_put_date(out, days);
    out[10] = 'T';
    put_digits(out + 11, 2, second / 3600);
    out[13] = ':';
    put_digits(out + 14, 2, second / 60 % 60);
    out[16] = ':';
    put_digits(out + 17, 2, second % 60);
}

static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400;
    int64_t year_of_era = year % 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_0000_03_01_TO_EPOCH;
}

/* Exactly `width` digits, then advances. */
static bool take(const char **at, int width, int64_t low, int64_t high, int64_t *ret)
{
    int64_t value = 0;
    for (int i = 0; i < width; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *at += width;
    *ret = value;
    return value >= low && value <= high;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* ".5": digits of any number, at least one; it is dropped. */
static bool skip_fraction(const char **at)
{
    if (!take_char(at, '.'))
        return true;
    const char *start = *at;
    while (**at >= '0' && **at <= '9')
        (*at)++;
    return *at > start;
}

static bool take_offset(const char **at, int64_t *ret_seconds)
{
    int64_t sign = **at == '-' ? -1 : 1, hours, minutes;

    if (take_char(at, 'Z') || **at == '\0')
        return true;
    if (!take_char(at, '+') && !take_char(at, '-'))
        return false;
    if (!take(at, 2, 0, 23, &hours) || !take_char(at, ':') || !take(at, 2, 0, 59, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool civil_parse(const char *text, int64_t *ret_seconds)
{
    static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t year, month, day, hour = 0, minute = 0, second = 0, offset = 0;

    if (!take(&text, 4, 1, 9999, &year) || !take_char(&text, '-') ||
        !take(&text, 2, 1, 12, &month) || !take_char(&text, '-') || !take(&text, 2, 1, 31, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (leap && month == 2))
        return false;

    if (take_char(&text, 'T')) {
        if (!take(&text, 2, 0, 23, &hour) || !take_char(&text, ':') ||
            !take(&text, 2, 0, 59, &minute) || !take_char(&text, ':') ||
            !take(&text, 2, 0, 59, &second))
            return false;
        if (!skip_fraction(&text) || !take_offset(&text, &offset))
            return false;
    }
    if (*text != '\0')
        return false;
    int64_t seconds = days_from_civil(year, month, day) * SECONDS_PER_DAY + hour * 3600 +
                      minute * 60 + second - offset;
    if (seconds < days_from_civil(1, 1, 1) * SECONDS_PER_DAY ||
        seconds >= days_from_civil(10000, 1, 1) * SECONDS_PER_DAY)
        return false;
    *ret_seconds = seconds;
    return true;
}
