#include "gvisor_probe/render/escape.h"

#include <string.h>

enum { QUOTED_MAX = 4096 };

struct escape {
    char byte;
    const char *as;
};

static void add_escaped(struct buf *out, const char *text, const struct escape *escapes)
{
    char quoted[QUOTED_MAX];

    err_quote(quoted, sizeof quoted, text, strlen(text));
    for (const char *p = quoted; *p != '\0'; p++) {
        const struct escape *escape = escapes;
        while (escape->byte != '\0' && escape->byte != *p)
            escape++;
        if (escape->byte == '\0')
            buf_add(out, p, 1);
        else
            buf_add_text(out, escape->as);
    }
}

void add_xml(struct buf *out, const char *text)
{
    static const struct escape escapes[] = {{'&', "&amp;"},  {'<', "&lt;"},    {'>', "&gt;"},
                                            {'"', "&quot;"}, {'\'', "&apos;"}, {'\0', NULL}};
    add_escaped(out, text, escapes);
}

void add_markdown(struct buf *out, const char *text)
{
    static const struct escape escapes[] = {
        {'\\', "\\\\"}, {'|', "\\|"},  {'`', "\\`"},  {'*', "\\*"},   {'_', "\\_"}, {'[', "\\["},
        {']', "\\]"},   {'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'~', "\\~"}, {'\0', NULL}};
    add_escaped(out, text, escapes);
}
