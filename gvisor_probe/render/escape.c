#include "gvisor_probe/render/escape.h"

#include <string.h>

enum { QUOTED_MAX = 4096 };

struct escape {
    char byte;
    const char *as;
};

static bool add_escaped(struct buf *out, const char *text, const struct escape *escapes,
                        struct err *err)
{
    char quoted[QUOTED_MAX];

    err_quote(quoted, sizeof quoted, text, strlen(text));
    for (const char *p = quoted; *p != '\0'; p++) {
        const struct escape *escape = escapes;
        while (escape->byte != '\0' && escape->byte != *p)
            escape++;
        if (escape->byte == '\0' ? !buf_add(out, p, 1, err) : !buf_add_text(out, escape->as, err))
            return false;
    }
    return true;
}

bool add_xml(struct buf *out, const char *text, struct err *err)
{
    static const struct escape escapes[] = {{'&', "&amp;"},  {'<', "&lt;"},    {'>', "&gt;"},
                                            {'"', "&quot;"}, {'\'', "&apos;"}, {'\0', NULL}};
    return add_escaped(out, text, escapes, err);
}

bool add_markdown(struct buf *out, const char *text, struct err *err)
{
    static const struct escape escapes[] = {
        {'\\', "\\\\"}, {'|', "\\|"},  {'`', "\\`"},  {'*', "\\*"},   {'_', "\\_"}, {'[', "\\["},
        {']', "\\]"},   {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'~', "\\~"}, {'\0', NULL}};
    return add_escaped(out, text, escapes, err);
}
