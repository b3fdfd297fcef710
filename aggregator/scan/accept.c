#include "aggregator/scan/accept.h"

#include <string.h>

#include "common/json_scan.h"

static const char *const names[ACCEPT_COUNT] = {"number-keys", "text-numbers", "whole-floats",
                                                "extended-json", "concatenated"};

const char *accept_name(unsigned bit)
{
    return names[bit];
}

bool accept_parse(const char *text, unsigned *ret, struct err *err)
{
    unsigned accepted = 0;

    for (const char *item = text;; item++) {
        size_t len = strcspn(item, ",");
        unsigned bit = 0;
        while (bit < ACCEPT_COUNT &&
               (strlen(names[bit]) != len || memcmp(names[bit], item, len) != 0))
            bit++;
        if (bit == ACCEPT_COUNT)
            return err_set(err, STATUS_USAGE,
                           "'%s' is not a list of number-keys, text-numbers, whole-floats, "
                           "extended-json, concatenated, with commas between",
                           text);
        accepted |= 1U << bit;
        item += len;
        if (*item == '\0')
            break;
    }
    *ret = accepted;
    return true;
}

/* A number that is all of the text. */
static bool read_number(const unsigned char *p, const unsigned char *end, struct shape *ret)
{
    struct json_fault fault;
    bool integer;

    if (p == end || (*p != '-' && (*p < '0' || *p > '9')) ||
        json_scan_number(p, end, &integer, &fault) != end)
        return false;
    if (!integer)
        ret->needs |= ACCEPT_WHOLE_FLOATS;
    return decimal_read(p, end, &ret->number);
}

static bool read_text(const struct json_string *string, struct shape *ret)
{
    const unsigned char *p = string->start;
    size_t len = (size_t)(string->end - p);

    if (string->escaped) {
        len = json_decode(string, ret->text, sizeof ret->text);
        p = ret->text;
    }
    return len <= SHAPE_TEXT_MAX && read_number(p, p + len, ret);
}

static bool is_number_name(const struct json_string *string)
{
    unsigned char name[sizeof "$numberLong"];
    size_t len = json_decode(string, name, sizeof name);

    return (len == strlen("$numberLong") && memcmp(name, "$numberLong", len) == 0) ||
           (len == strlen("$numberInt") && memcmp(name, "$numberInt", len) == 0);
}

/* An object of one such member, which holds an integer within quotes; p is at its brace. */
static bool read_extended(const unsigned char *p, const unsigned char *end, struct shape *ret)
{
    struct json_string name, text;
    struct json_fault fault;

    p = json_skip_space(p + 1, end);
    if (*p != '"')
        return false;
    p = json_scan_string(p, end, &name, &fault);
    p = json_skip_space(json_skip_space(p, end) + 1, end);
    if (*p != '"')
        return false;
    p = json_skip_space(json_scan_string(p, end, &text, &fault), end);
    return *p == '}' && is_number_name(&name) && read_text(&text, ret) && ret->needs == 0;
}

bool shape_read(const unsigned char *p, const unsigned char *end, struct shape *ret)
{
    struct json_string string;
    struct json_fault fault;

    ret->needs = 0;
    if (*p == '"') {
        bool read = json_scan_string(p, end, &string, &fault) == end && read_text(&string, ret);
        ret->needs |= ACCEPT_TEXT_NUMBERS;
        return read;
    }
    if (*p == '{') {
        bool read = read_extended(p, end, ret);
        ret->needs |= ACCEPT_EXTENDED_JSON;
        return read;
    }
    return read_number(p, end, ret);
}

const char *accept_advice(unsigned needs)
{
    switch (needs) {
    case ACCEPT_NUMBER_KEYS:
        return "write it as a string, or --accept number-keys takes it";
    case ACCEPT_NUMBER_KEYS | ACCEPT_WHOLE_FLOATS:
        return "write it as a string, or --accept number-keys,whole-floats takes it";
    case ACCEPT_NUMBER_KEYS | ACCEPT_EXTENDED_JSON:
        return "write it as a string, or --accept number-keys,extended-json takes it";
    case ACCEPT_TEXT_NUMBERS:
        return "write it as a number, or --accept text-numbers takes it";
    case ACCEPT_TEXT_NUMBERS | ACCEPT_WHOLE_FLOATS:
        return "write it as a number, or --accept text-numbers,whole-floats takes it";
    case ACCEPT_WHOLE_FLOATS:
        return "write it without fraction and exponent, or --accept whole-floats takes it";
    case ACCEPT_EXTENDED_JSON:
        return "write it as a number, or --accept extended-json takes it";
    default:
        return NULL;
    }
}
