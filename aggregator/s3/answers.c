#include "aggregator/s3/answers.h"

#include <string.h>

#include "aggregator/s3/xml.h"
#include "common/num.h"
#include "common/utf8.h"

#define LIST "ListBucketResult"
#define ROLE "AssumeRoleWithWebIdentityResponse/AssumeRoleWithWebIdentityResult/Credentials/"

static bool wrong(const char *what, struct err *err)
{
    return err_set(err, STATUS_INPUT, "the answer is not S3's: %s", what);
}

/* Texts. */

static bool copy(char *to, size_t size, const struct buf *text)
{
    if (text->len >= size || memchr(text->data, '\0', text->len) != NULL)
        return false;
    memcpy(to, text->data, text->len);
    to[text->len] = '\0';
    return true;
}

/* The texts of headers and messages: without line ends and what else moves a terminal's cursor. */
static bool copy_plain(char *to, size_t size, const struct buf *text)
{
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] < ' ' || text->data[i] > '~')
            return false;
    return copy(to, size, text);
}

/* "etag", or W/"etag" of a weak one, which says too little: it is left out. */
static void read_etag(char to[S3_ETAG_MAX + 1], const struct buf *text)
{
    const char *from = text->data;
    size_t len = text->len;

    to[0] = '\0';
    if (len >= 2 && from[0] == '"' && from[len - 1] == '"') {
        from++;
        len -= 2;
    }
    for (size_t i = 0; i < len; i++)
        if (from[i] <= ' ' || from[i] > '~' || from[i] == '"' || from[i] == '\\')
            return;
    if (len > S3_ETAG_MAX || (len > 1 && from[0] == 'W' && from[1] == '/'))
        return;
    memcpy(to, from, len);
    to[len] = '\0';
}

/* Pages of a list. */

struct reading {
    struct buf list; /* the entries as they came: whether keys are encoded may be told after them */
    struct buf key;
    bool encoded, truncated, counted, named;
    struct s3_entry entry;
};

/* One entry in the list: size, etag, key, each text with its NUL. */
static bool keep_entry(struct reading *reading, struct err *err)
{
    if (!reading->named || !reading->counted)
        return wrong("an entry without a key or a size", err);
    buf_add(&reading->list, &reading->entry.size, sizeof reading->entry.size);
    buf_add(&reading->list, reading->entry.etag, strlen(reading->entry.etag) + 1);
    buf_add(&reading->list, reading->key.data, reading->key.len + 1);
    return buf_ok(&reading->list, err);
}

static bool read_key(struct reading *reading, const struct buf *text, struct err *err)
{
    buf_clear(&reading->key);
    buf_add(&reading->key, text->data, text->len);
    reading->named = text->len > 0 && memchr(text->data, '\0', text->len) == NULL;
    return buf_ok(&reading->key, err) && (reading->named || wrong("an entry without a key", err));
}

static bool read_size(struct reading *reading, const struct buf *text, struct err *err)
{
    reading->counted = num_u64(text->data, &reading->entry.size);
    return reading->counted || wrong("a size that is no number", err);
}

static bool take_list(struct reading *reading, const struct xml *xml, struct s3_page *page,
                      struct err *err)
{
    if (xml_is(xml, LIST "/Contents/Key"))
        return read_key(reading, &xml->text, err);
    if (xml_is(xml, LIST "/Contents/Size"))
        return read_size(reading, &xml->text, err);
    if (xml_is(xml, LIST "/Contents/ETag"))
        read_etag(reading->entry.etag, &xml->text);
    if (xml_is(xml, LIST "/Contents"))
        return keep_entry(reading, err);
    if (xml_is(xml, LIST "/IsTruncated"))
        reading->truncated = strcmp(xml->text.data, "true") == 0;
    if (xml_is(xml, LIST "/EncodingType"))
        reading->encoded = strcmp(xml->text.data, "url") == 0;
    if (xml_is(xml, LIST "/NextContinuationToken"))
        return copy(page->next, sizeof page->next, &xml->text) ||
               wrong("a token that is too long", err);
    return true;
}

static bool is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t left = strlen(text), width;

    for (; left > 0; at += width, left -= width)
        if ((width = utf8_length(at, left)) == 0)
            return false;
    return true;
}

static bool hand_over(struct reading *reading, s3_entry_sink *sink, void *context, struct err *err)
{
    struct s3_entry *entry = &reading->entry;

    for (size_t at = 0; at < reading->list.len;) {
        const char *bytes = reading->list.data + at;
        memcpy(&entry->size, bytes, sizeof entry->size);
        bytes += sizeof entry->size;
        (void)stpcpy(entry->etag, bytes);
        const char *key = bytes + strlen(bytes) + 1;
        at = (size_t)(key + strlen(key) + 1 - reading->list.data);
        buf_clear(&reading->key);
        if (!reading->encoded)
            buf_add_text(&reading->key, key);
        else if (!s3_decode(&reading->key, key, strlen(key), true))
            return wrong("a key that is not encoded as it says", err);
        if (!buf_ok(&reading->key, err))
            return false;
        entry->key = reading->key.data;
        if (reading->key.len > S3_KEY_MAX)
            return wrong("a key of more than 1024 bytes", err);
        if (!is_utf8(entry->key))
            return wrong("a key that is not UTF-8", err);
        if (!sink(context, entry, err))
            return false;
    }
    return true;
}

static bool read_events(struct reading *reading, struct xml *xml, struct s3_page *page,
                        struct err *err)
{
    enum xml_event event;

    while ((event = xml_next(xml, err)) != XML_DONE) {
        if (event == XML_BAD)
            return false;
        if (event == XML_BEGIN && xml->depth == 1 && !xml_is(xml, LIST))
            return wrong("its outermost element is no " LIST, err);
        if (event == XML_BEGIN && xml_is(xml, LIST "/Contents")) {
            reading->named = reading->counted = false;
            reading->entry = (struct s3_entry){0};
        }
        if (event == XML_END && !take_list(reading, xml, page, err))
            return false;
    }
    if (reading->truncated != (page->next[0] != '\0'))
        return wrong("a list that goes on without a token, or has one and does not", err);
    return true;
}

bool s3_read_page(const char *bytes, size_t len, struct s3_page *ret, s3_entry_sink *sink,
                  void *context, struct err *err)
{
    struct reading reading = {0};
    struct xml xml;

    *ret = (struct s3_page){0};
    buf_init(&reading.list, S3_ANSWER_MAX);
    buf_init(&reading.key, XML_TEXT_MAX);
    xml_init(&xml, bytes, len);
    bool done = read_events(&reading, &xml, ret, err) && hand_over(&reading, sink, context, err);
    xml_release(&xml);
    buf_release(&reading.key);
    buf_release(&reading.list);
    return done;
}

/* Errors. */

void s3_read_error(const char *bytes, size_t len, struct s3_error *ret)
{
    enum xml_event event;
    struct err ignored;
    struct xml xml;

    *ret = (struct s3_error){0};
    xml_init(&xml, bytes, len);
    while ((event = xml_next(&xml, &ignored)) == XML_BEGIN || event == XML_END) {
        if (event == XML_BEGIN)
            continue;
        /* STS has one within ErrorResponse. */
        if (xml_is(&xml, "Error/Code") || xml_is(&xml, "ErrorResponse/Error/Code"))
            (void)copy_plain(ret->code, sizeof ret->code, &xml.text);
        if (xml_is(&xml, "Error/Message") || xml_is(&xml, "ErrorResponse/Error/Message"))
            (void)copy_plain(ret->message, sizeof ret->message, &xml.text);
        if (xml_is(&xml, "Error/Region"))
            (void)copy_plain(ret->region, sizeof ret->region, &xml.text);
    }
    xml_release(&xml);
}

/* Roles. */

bool s3_read_role(const char *bytes, size_t len, struct s3_credentials *ret, struct err *err)
{
    enum xml_event event;
    struct xml xml;
    bool fits = true;

    *ret = (struct s3_credentials){0};
    xml_init(&xml, bytes, len);
    while ((event = xml_next(&xml, err)) == XML_BEGIN || event == XML_END) {
        if (event == XML_BEGIN)
            continue;
        if (xml_is(&xml, ROLE "AccessKeyId"))
            fits = fits && copy_plain(ret->id, sizeof ret->id, &xml.text);
        if (xml_is(&xml, ROLE "SecretAccessKey"))
            fits = fits && copy_plain(ret->secret, sizeof ret->secret, &xml.text);
        if (xml_is(&xml, ROLE "SessionToken"))
            fits = fits && copy_plain(ret->session, sizeof ret->session, &xml.text);
    }
    explicit_bzero(xml.text.data, xml.text.cap);
    xml_release(&xml);
    if (event == XML_BAD)
        return false;
    return (fits && ret->id[0] != '\0' && ret->secret[0] != '\0' && ret->session[0] != '\0') ||
           err_set(err, STATUS_INPUT, "the answer has no credentials");
}
