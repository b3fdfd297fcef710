#include "fake_gen/broken_line.h"

#include <string.h>

/* In a form: @T time, @U user, @E event type, @P product, @D duration stand for the event's own. */
#define HEAD    "{\"timestamp\":\"@T\""
#define USER    ",\"userId\":\"user@U\""
#define TYPE    ",\"eventType\":\"@E\""
#define PRODUCT ",\"productId\":\"product@P\""
#define VALUE   ",\"sessionDuration\":@D"

#define VALUED(value) HEAD USER TYPE PRODUCT ",\"sessionDuration\":" value "}"
#define KEYED(key)    HEAD ",\"userId\":" key TYPE PRODUCT VALUE "}"

static const struct {
    const char *fault, *form;
} kinds[BROKEN_KINDS] = {
    {"cut in the middle", HEAD USER ",\"eventType\":\"@E"},
    {"no value", HEAD USER TYPE PRODUCT "}"},
    {"value in quotes", VALUED("\"@D\"")},
    {"value below zero", VALUED("-@D")},
    {"raw control character", HEAD USER ",\"eventType\":\"@E\x01\"" PRODUCT VALUE "}"},
    {"invalid UTF-8", HEAD USER TYPE ",\"productId\":\"product@P\xff\"" VALUE "}"},
    {"comma before the end", VALUED("@D,")},
    {"key twice", HEAD USER USER TYPE PRODUCT VALUE "}"},
    {"value twice", HEAD USER TYPE PRODUCT VALUE VALUE "}"},
    {"value with a fraction", VALUED("@D.5")},
    {"value with an exponent", VALUED("@De1")},
    {"value with a leading zero", VALUED("0@D")},
    {"value above 64 bits", VALUED("9223372036854775808")},
    {"value null", VALUED("null")},
    {"no key", HEAD TYPE PRODUCT VALUE "}"},
    {"key empty", KEYED("\"\"")},
    {"key a number", KEYED("1@U")},
    {"key with half a surrogate pair", KEYED("\"user@U\\ud83d\"")},
    {"key with U+0000", KEYED("\"user@U\\u0000\"")},
    {"text after the object", VALUED("@D") ";"},
};

static char *put_text(const char *text, char *out)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return out + len;
}

static char *put_field(const struct event_text *text, const struct event *event, char field,
                       char *out)
{
    switch (field) {
    case 'T':
        return event_text_put_time(text, event->second, out);
    case 'U':
        return event_text_put_id(event->user, out);
    case 'E':
        return put_text(event_type_name(event->type), out);
    case 'P':
        return event_text_put_id(event->product, out);
    default: {
        /* 30 to 999: what %03d would pad is at most one zero. */
        char digits[EVENT_ID_DIGITS_MAX];
        char *end = event_text_put_id(event->duration, digits);
        char *start = digits + (digits[0] == '0');
        memcpy(out, start, (size_t)(end - start));
        return out + (end - start);
    }
    }
}

char *broken_line_put(const struct event_text *text, const struct event *event, unsigned kind,
                      char *out)
{
    for (const char *form = kinds[kind].form; *form != '\0'; form++) {
        if (*form == '@')
            out = put_field(text, event, *++form, out);
        else
            *out++ = *form;
    }
    *out++ = '\n';
    return out;
}

const char *broken_line_fault(unsigned kind)
{
    return kinds[kind].fault;
}
