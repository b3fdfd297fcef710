#include "aggregator/s3/xml.h"

#include <string.h>

#include "common/utf8.h"

static const char blanks[] = " \t\r\n";

void xml_init(struct xml *xml, const char *bytes, size_t len)
{
    *xml = (struct xml){.at = bytes, .end = bytes + len};
    buf_init(&xml->text, XML_TEXT_MAX);
}

void xml_release(struct xml *xml)
{
    buf_release(&xml->text);
}

static bool bad(const char *why, struct err *err)
{
    return err_set(err, STATUS_INPUT, "the answer is not XML as S3 writes it: %s", why);
}

static size_t left(const struct xml *xml)
{
    return (size_t)(xml->end - xml->at);
}

static bool take(struct xml *xml, const char *word)
{
    const size_t len = strlen(word);
    bool found = left(xml) >= len && memcmp(xml->at, word, len) == 0;

    xml->at += found ? len : 0;
    return found;
}

/* Moves past the next `word`; *ret_len is what stood before it. */
static bool take_until(struct xml *xml, const char *word, size_t *ret_len)
{
    const char *found = memmem(xml->at, left(xml), word, strlen(word));

    if (found == NULL)
        return false;
    *ret_len = (size_t)(found - xml->at);
    xml->at = found + strlen(word);
    return true;
}

static void skip_blanks(struct xml *xml)
{
    while (xml->at < xml->end && memchr(blanks, *xml->at, sizeof blanks - 1) != NULL)
        xml->at++;
}

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
}

/* The name, without a namespace's prefix. */
static bool take_name(struct xml *xml, char ret[XML_NAME_MAX + 1], struct err *err)
{
    size_t len = 0;

    for (; xml->at < xml->end && is_name_byte(*xml->at); xml->at++) {
        if (*xml->at == ':') {
            len = 0;
            continue;
        }
        if (len == XML_NAME_MAX)
            return bad("a name is too long", err);
        ret[len++] = *xml->at;
    }
    ret[len] = '\0';
    return len > 0 || bad("an element has no name", err);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

/* &#65; or &#x41;: text is what stands between & and ;. */
static bool put_number(struct buf *out, const char *text, size_t len)
{
    const bool hex = len > 1 && text[1] == 'x';
    const int base = hex ? 16 : 10;
    unsigned char bytes[UTF8_MAX];
    unsigned code = 0;

    for (size_t i = hex ? 2 : 1; i < len; i++) {
        if (digit_of(text[i]) >= base || code > 0x10FFFF)
            return false;
        code = code * (unsigned)base + (unsigned)digit_of(text[i]);
    }
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
        return false;
    buf_add(out, bytes, utf8_put(bytes, code));
    return true;
}

/* At a &. */
static bool take_entity(struct xml *xml, struct err *err)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (take(xml, known[i].name)) {
            buf_add_text(&xml->text, known[i].text);
            return true;
        }
    const size_t most = left(xml) < 12 ? left(xml) : 12;
    const char *semicolon = memchr(xml->at, ';', most);
    if (semicolon == NULL || semicolon - xml->at < 3 || xml->at[1] != '#' ||
        !put_number(&xml->text, xml->at + 1, (size_t)(semicolon - xml->at - 1)))
        return bad("an entity that is not known", err);
    xml->at = semicolon + 1;
    return true;
}

/* Text up to the next markup. */
static bool take_text(struct xml *xml, struct err *err)
{
    while (xml->at < xml->end && *xml->at != '<') {
        const char *from = xml->at;
        if (*from == '\0' || (xml->depth == 0 && memchr(blanks, *from, sizeof blanks - 1) == NULL))
            return bad("text where none may be", err);
        if (*from == '&') {
            if (!take_entity(xml, err))
                return false;
            continue;
        }
        xml->at++;
        if (xml->depth > 0)
            buf_add(&xml->text, from, 1);
    }
    return buf_ok(&xml->text, err) || bad("a text is too long", err);
}

/* At a < that begins no element: true when it was passed over. */
static bool take_other(struct xml *xml, bool *ret_other, struct err *err)
{
    const char *from;
    size_t len;

    *ret_other = true;
    if (take(xml, "<!--"))
        return take_until(xml, "-->", &len) || bad("a comment does not end", err);
    if (take(xml, "<![CDATA[")) {
        from = xml->at;
        if (!take_until(xml, "]]>", &len) || xml->depth == 0 || memchr(from, '\0', len) != NULL)
            return bad("a CDATA section is out of place", err);
        buf_add(&xml->text, from, len);
        return buf_ok(&xml->text, err) || bad("a text is too long", err);
    }
    if (left(xml) > 1 && xml->at[1] == '!')
        return bad("it has a document type", err);
    if (left(xml) > 1 && xml->at[1] == '?')
        return bad("it has a processing instruction", err);
    *ret_other = false;
    return true;
}

/* Up to the > or /> that ends a start tag; values in quotes may hold a >. */
static bool skip_attributes(struct xml *xml, struct err *err)
{
    char name[XML_NAME_MAX + 1];
    size_t len;

    for (;;) {
        skip_blanks(xml);
        if (left(xml) == 0)
            return bad("it ends within an element's name", err);
        if (*xml->at == '>' || *xml->at == '/')
            return true;
        if (!take_name(xml, name, err))
            return false;
        skip_blanks(xml);
        if (!take(xml, "="))
            return bad("an attribute has no value", err);
        skip_blanks(xml);
        if (left(xml) == 0 || (*xml->at != '"' && *xml->at != '\''))
            return bad("an attribute has no quotes", err);
        const char quote[2] = {*xml->at++, '\0'};
        if (!take_until(xml, quote, &len))
            return bad("an attribute does not end", err);
    }
}

static enum xml_event begin(struct xml *xml, struct err *err)
{
    if (xml->depth == XML_DEPTH_MAX) {
        (void)bad("too many elements within each other", err);
        return XML_BAD;
    }
    if (xml->depth == 0 && xml->seen) {
        (void)bad("more than one outermost element", err);
        return XML_BAD;
    }
    xml->at++;
    if (!take_name(xml, xml->name[xml->depth], err) || !skip_attributes(xml, err))
        return XML_BAD;
    xml->is_empty = take(xml, "/");
    if (!take(xml, ">")) {
        (void)bad("an element's name does not end", err);
        return XML_BAD;
    }
    xml->depth++;
    xml->seen = true;
    buf_clear(&xml->text);
    return XML_BEGIN;
}

static enum xml_event finish(struct xml *xml, struct err *err)
{
    char name[XML_NAME_MAX + 1];

    xml->at += 2;
    if (!take_name(xml, name, err))
        return XML_BAD;
    skip_blanks(xml);
    if (!take(xml, ">") || xml->depth == 0 || strcmp(name, xml->name[xml->depth - 1]) != 0) {
        (void)bad("an element ends that did not begin", err);
        return XML_BAD;
    }
    xml->ended = true;
    return XML_END;
}

/* The declaration, which may only be at the start. */
static bool take_declaration(struct xml *xml, struct err *err)
{
    size_t len;

    (void)take(xml, "\xEF\xBB\xBF");
    return !take(xml, "<?xml ") || take_until(xml, "?>", &len) ||
           bad("its declaration does not end", err);
}

enum xml_event xml_next(struct xml *xml, struct err *err)
{
    bool other = true;

    if (xml->is_empty) {
        xml->is_empty = false;
        xml->ended = true;
        return XML_END;
    }
    if (xml->ended) {
        xml->ended = false;
        xml->depth--;
        buf_clear(&xml->text);
    } else if (!xml->seen && !take_declaration(xml, err)) {
        return XML_BAD;
    }
    while (other) {
        if (!take_text(xml, err))
            return XML_BAD;
        if (xml->at == xml->end) {
            if (xml->depth == 0 && xml->seen)
                return XML_DONE;
            (void)bad("it is cut off", err);
            return XML_BAD;
        }
        if (!take_other(xml, &other, err))
            return XML_BAD;
    }
    return left(xml) > 1 && xml->at[1] == '/' ? finish(xml, err) : begin(xml, err);
}

bool xml_is(const struct xml *xml, const char *path)
{
    for (unsigned i = 0; i < xml->depth; i++) {
        const size_t len = strlen(xml->name[i]);
        if (strncmp(path, xml->name[i], len) != 0)
            return false;
        path += len;
        if (*path != (i + 1 < xml->depth ? '/' : '\0'))
            return false;
        path++;
    }
    return xml->depth > 0;
}
