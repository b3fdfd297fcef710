#include "aggregator/scan/field.h"

#include <string.h>

static bool is_index(const struct field_step *step)
{
    return strcmp(step->name, "-") == 0 || strcmp(step->name, "0") == 0 ||
           (step->name[0] >= '1' && step->name[0] <= '9' &&
            strspn(step->name, "0123456789") == step->len);
}

/* One step of a pointer, unescaped into `to`. Returns where it ends; NULL: it holds no escape. */
static const char *take_step(const char *p, char *to, struct field_step *ret)
{
    *ret = (struct field_step){.name = to};
    for (; *p != '\0' && *p != '/'; p++) {
        char c = *p;
        if (c == '~') {
            c = *++p == '0' ? '~' : *p == '1' ? '/' : '\0';
            if (c == '\0')
                return NULL;
        }
        *to++ = c;
    }
    *to = '\0';
    ret->len = (size_t)(to - ret->name);
    return p;
}

static bool parse_pointer(struct field *field, struct err *err)
{
    char *names = field->names;

    for (const char *p = field->text; *p != '\0';) {
        if (field->count == FIELD_STEPS_MAX)
            return err_set(err, STATUS_USAGE,
                           "the JSON Pointer has more than %d steps, and no event more levels",
                           FIELD_STEPS_MAX);
        struct field_step *step = &field->step[field->count++];
        p = take_step(p + 1, names, step);
        if (p == NULL)
            return err_set(
                err, STATUS_USAGE,
                "'%s' begins with / but is not a JSON Pointer: ~ is written ~0, and / in a "
                "name ~1",
                field->text);
        if (is_index(step))
            return err_set(err, STATUS_USAGE,
                           "'%s' is within an element of an array ('%s'); only fields of objects "
                           "can be named",
                           field->text, step->name);
        names += step->len + 1;
    }
    return true;
}

bool field_parse(struct field *ret, const char *text, struct err *err)
{
    size_t len = strlen(text);

    *ret = (struct field){.text = text};
    if (len > FIELD_TEXT_MAX)
        return err_set(err, STATUS_USAGE, "the field name has more than %d bytes", FIELD_TEXT_MAX);
    if (text[0] == '/')
        return parse_pointer(ret, err);
    memcpy(ret->names, text, len + 1);
    ret->step[ret->count++] = (struct field_step){.name = ret->names, .len = len};
    return true;
}

const char *field_name(const struct field *field)
{
    return field->step[field->count - 1].name;
}

bool field_overlaps(const struct field *a, const struct field *b)
{
    size_t shared = a->count < b->count ? a->count : b->count;

    for (size_t i = 0; i < shared; i++)
        if (strcmp(a->step[i].name, b->step[i].name) != 0)
            return false;
    return true;
}
