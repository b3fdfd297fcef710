#include "fake_gen/event_text.h"

#include <string.h>

enum { SECONDS_PER_DAY = 86400, DAY_LEN = 25, TYPE_BLOCK = 64 };

#define DAY_START  "{\"timestamp\":\""
#define USER_START "\",\"userId\":\"user"
#define TYPE_START "\",\"eventType\":\""
#define TYPE_END   "\",\"productId\":\"product"
#define TAIL_START "\",\"sessionDuration\":"

#define TYPE(name)                                                                                 \
    {                                                                                              \
        TYPE_START name TYPE_END, sizeof(TYPE_START name TYPE_END) - 1, name                       \
    }

/* What stands between the digits of the user and those of the product. */
static const struct {
    char block[TYPE_BLOCK];
    size_t len;
    const char *name;
} types[EVENT_TYPES] = {
    TYPE("click"),      TYPE("signIn"),        TYPE("signOut"),        TYPE("formSubmit"),
    TYPE("purchase"),   TYPE("addToCart"),     TYPE("removeFromCart"), TYPE("videoPlay"),
    TYPE("videoPause"), TYPE("scroll"),        TYPE("search"),         TYPE("error"),
    TYPE("exception"),  TYPE("profileUpdate"), TYPE("registration"),   TYPE("newsletterSignup"),
    TYPE("download"),   TYPE("pageView"),
};

/* Exactly as long as the copies that put_line() makes of them. */
static const char user_start[16] __attribute__((nonstring)) = USER_START;
static const char tail_start[20] __attribute__((nonstring)) = TAIL_START;
_Static_assert(sizeof USER_START == 16 + 1 && sizeof TAIL_START == 20 + 1, "copied whole");
_Static_assert(sizeof DAY_START - 1 + CIVIL_DATE_LEN + 1 == DAY_LEN, "start of a line");

static void put_decimal(char *out, unsigned width, unsigned value)
{
    for (; width > 0; value /= 10)
        out[--width] = (char)('0' + value % 10);
}

static void put_day(int64_t day, char *out)
{
    memcpy(out, DAY_START, sizeof DAY_START - 1);
    civil_put_date(out + sizeof DAY_START - 1, day);
    out[DAY_LEN - 1] = 'T';
}

void event_text_init(struct event_text *text, int64_t first_day, int64_t last_day)
{
    text->first_day = first_day;
    text->days = last_day - first_day < EVENT_DAYS_MAX ? (uint64_t)(last_day - first_day) + 1 : 0;
    for (uint64_t day = 0; day < text->days; day++)
        put_day(first_day + (int64_t)day, text->day[day]);
    for (unsigned value = 0; value < 100; value++)
        put_decimal(text->two_digits[value], 2, value);
    for (unsigned value = 0; value < 1000; value++) {
        uint8_t len = value < 10 ? 1 : value < 100 ? 2 : 3;
        put_decimal(text->padded[value], 3, value);
        put_decimal(text->plain[value].digits, len, value);
        text->plain[value].len = len;
    }
}

static inline char *put_plain(const struct event_text *text, char *out, uint32_t value)
{
    memcpy(out, &text->plain[value], 4);
    return out + text->plain[value].len;
}

static inline char *put_padded(const struct event_text *text, char *out, uint32_t value)
{
    memcpy(out, text->padded[value], 4);
    return out + 3;
}

/* Groups of three digits; only the first group of a longer number goes without zeros. */
static inline char *put_id(const struct event_text *text, char *out, uint32_t id)
{
    if (id < 1000)
        return put_padded(text, out, id);
    uint32_t thousands = id / 1000;
    if (thousands < 1000) {
        out = put_plain(text, out, thousands);
    } else {
        uint32_t millions = thousands / 1000;
        if (millions >= 1000)
            out = put_plain(text, out, millions / 1000);
        out = millions >= 1000 ? put_padded(text, out, millions % 1000)
                               : put_plain(text, out, millions);
        out = put_padded(text, out, thousands % 1000);
    }
    return put_padded(text, out, id % 1000);
}

static inline char *put_clock(const struct event_text *text, char *out, uint32_t second)
{
    uint32_t minute = second / 60;
    uint32_t hour = second / 3600;

    memcpy(out, text->two_digits[hour], 2);
    out[2] = ':';
    memcpy(out + 3, text->two_digits[minute - hour * 60], 2);
    out[5] = ':';
    memcpy(out + 6, text->two_digits[second - minute * 60], 2);
    return out + 8;
}

static inline char *put_line(const struct event_text *text, const struct event *event, char *out)
{
    uint64_t day = event->second / SECONDS_PER_DAY;

    if (day < text->days)
        memcpy(out, text->day[day], sizeof *text->day);
    else
        put_day(text->first_day + (int64_t)day, out);
    out = put_clock(text, out + DAY_LEN, (uint32_t)(event->second - day * SECONDS_PER_DAY));

    memcpy(out, user_start, sizeof user_start);
    out = put_id(text, out + sizeof user_start, event->user);
    memcpy(out, types[event->type].block, TYPE_BLOCK);
    out = put_id(text, out + types[event->type].len, event->product);
    memcpy(out, tail_start, sizeof tail_start);
    out = put_plain(text, out + sizeof tail_start, event->duration);
    memcpy(out, "}\n", 2);
    return out + 2;
}

char *event_text_put(const struct event_text *text, const struct event *events, size_t count,
                     char *out)
{
    for (size_t i = 0; i < count; i++)
        out = put_line(text, &events[i], out);
    return out;
}

char *event_text_put_time(const struct event_text *text, uint64_t second, char *out)
{
    civil_put_time(out, text->first_day * SECONDS_PER_DAY + (int64_t)second);
    return out + CIVIL_TIME_LEN;
}

char *event_text_put_id(uint32_t id, char *out)
{
    unsigned width = 3;
    for (uint32_t rest = id / 1000; rest > 0; rest /= 10)
        width++;
    put_decimal(out, width, id);
    return out + width;
}

const char *event_type_name(unsigned type)
{
    return types[type].name;
}
