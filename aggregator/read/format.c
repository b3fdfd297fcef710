#include "aggregator/read/format.h"

#include <stdint.h>
#include <string.h>

#include "aggregator/scan/scan.h"
#include "common/json_scan.h"

enum { TAR_HEADER = 512, TAR_SUM_AT = 148, TAR_SUM_SIZE = 8 };

/* Bytes that a file begins with. */
struct mark {
    const char *bytes;
    size_t len;
    struct format format;
};

#define MARK(text, name, remedy)                                                                   \
    {                                                                                              \
        text, sizeof text - 1,                                                                     \
        {                                                                                          \
            name, remedy                                                                           \
        }                                                                                          \
    }
#define PIPED(command) "decompress it first: " command " FILE | aggregator -"
#define OUTER          "undo the outer one first: gzip -dc (or zstd -dc) FILE | aggregator -"
#define CONVERT        "convert it to JSON Lines first, for instance with DuckDB"

static const struct mark marks[] = {
    MARK("\x28\xb5\x2f\xfd", "compressed twice, with zstd inside", OUTER),
    MARK("\xfd"
         "7zXZ\0",
         "compressed with xz", PIPED("xz -dc")),
    MARK("\x5d\0\0", "compressed with lzma", PIPED("xz -dc")),
    MARK("LZIP\x01", "compressed with lzip", PIPED("lzip -dc")),
    MARK("\x04\x22\x4d\x18", "compressed with lz4", PIPED("lz4 -dc")),
    MARK("\x02\x21\x4c\x18", "compressed with lz4", PIPED("lz4 -dc")),
    MARK("\x1f\x8b", "compressed twice, with gzip inside", OUTER),
    MARK("\x1f\x9d", "compressed with compress", PIPED("gzip -dc")),
    MARK("\xff\x06\0\0sNaPpY", "compressed with snappy", PIPED("snzip -dc")),
    MARK("PK\x03\x04", "a zip archive", "unpack it first: unzip -p FILE | aggregator -"),
    MARK("PK\x05\x06", "an empty zip archive", "make it again"),
    MARK("PK\x07\x08", "a zip archive in parts", "put it together and unpack it first"),
    MARK("7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first: 7z x -so FILE | aggregator -"),
    MARK("\x1e", "a JSON text sequence (RFC 7464)",
         "make lines of it first: tr -d '\\036' < FILE | jq -c . | aggregator -"),
    MARK("PAR1", "Parquet", CONVERT),
    MARK("Obj\x01", "Avro", CONVERT),
    MARK("ARROW1", "Arrow", CONVERT),
    MARK("SQLite format 3", "an SQLite database", CONVERT),
};

#define OBJECTS                                                                                    \
    "--accept concatenated takes it, or make lines of it first: jq -c . FILE | aggregator -"

static const struct format bzip2 = {"compressed with bzip2", PIPED("bzip2 -dc")};
static const struct format lz4_or_zstd = {"compressed twice, with zstd or lz4 inside", OUTER},
                           tar = {"a tar archive", "unpack it first: tar -xOf FILE | aggregator -"},
                           array = {"a JSON array",
                                    "make lines of it first: jq -c '.[]' FILE | aggregator -"},
                           document = {"JSON over several lines (pretty-printed)", OBJECTS},
                           objects = {"a line of several JSON objects", OBJECTS},
                           tagged = {"fluentd's output (time, tag and event, with tabs between)",
                                     "take the events out of it first: "
                                     "jq -cR 'split(\"\\t\")[2] | fromjson' FILE | aggregator -"},
                           markup = {"HTML or XML", "look into it: a download may have been "
                                                    "answered with a page about an error"};

/* A skippable frame, with which the output of parallel compressors begins. */
static bool is_skippable_frame(const unsigned char *bytes, size_t len)
{
    return len >= 4 && (bytes[0] & 0xf0) == 0x50 && memcmp(bytes + 1, "\x2a\x4d\x18", 3) == 0;
}

/* Its first three bytes alone may begin a line of text. */
static bool is_bzip2(const unsigned char *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "BZh", 3) == 0 && bytes[3] >= '1' && bytes[3] <= '9' &&
           (len == 4 || bytes[4] == '1' || bytes[4] == 0x17);
}

/* A header holds the sum of its bytes in octal digits, those of the sum itself taken as blanks. */
static bool is_tar(const unsigned char *bytes, size_t len)
{
    uint32_t sum = 0, stated = 0;
    size_t digits = 0;

    if (len < TAR_HEADER)
        return false;
    for (size_t i = 0; i < TAR_HEADER; i++)
        sum += i - TAR_SUM_AT < TAR_SUM_SIZE ? ' ' : bytes[i];
    const unsigned char *p = bytes + TAR_SUM_AT;
    while (*p == ' ' && p < bytes + TAR_SUM_AT + TAR_SUM_SIZE)
        p++;
    for (; digits < TAR_SUM_SIZE - 1 && *p >= '0' && *p <= '7'; digits++)
        stated = stated * 8 + (*p++ - '0');
    return digits > 0 && stated == sum;
}

/* Two characters of text, each in `width` bytes, at offset `at` in them; all other bytes are 0. */
static bool is_wide(const unsigned char *bytes, size_t len, size_t width, size_t at)
{
    if (len < 2 * width)
        return false;
    for (size_t i = 0; i < 2 * width; i++) {
        unsigned char c = bytes[i];
        bool text = (c >= ' ' && c < 0x7f) || c == '\t' || c == '\r' || c == '\n';
        if (i % width == at ? !text : c != 0)
            return false;
    }
    return true;
}

#define WIDE(name)                                                                                 \
    {                                                                                              \
        name " text", "convert it to UTF-8 first: iconv -f " name " -t UTF-8 FILE | aggregator -"  \
    }

static const struct format *wide_format(const unsigned char *bytes, size_t len)
{
    static const struct format utf32 = WIDE("UTF-32"), utf16 = WIDE("UTF-16"),
                               utf32_le = WIDE("UTF-32LE"), utf32_be = WIDE("UTF-32BE"),
                               utf16_le = WIDE("UTF-16LE"), utf16_be = WIDE("UTF-16BE");

    if (len >= 4 &&
        (memcmp(bytes, "\xff\xfe\0\0", 4) == 0 || memcmp(bytes, "\0\0\xfe\xff", 4) == 0))
        return &utf32;
    if (len >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
        return &utf16;
    return is_wide(bytes, len, 4, 0)   ? &utf32_le
           : is_wide(bytes, len, 4, 3) ? &utf32_be
           : is_wide(bytes, len, 2, 0) ? &utf16_le
           : is_wide(bytes, len, 2, 1) ? &utf16_be
                                       : NULL;
}

static const unsigned char *line_end(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *newline = memchr(p, '\n', (size_t)(end - p));
    return newline != NULL ? newline : end;
}

static bool is_whole(const unsigned char *p, const unsigned char *end)
{
    struct json_fault fault;

    p = json_scan_value(p, end, JSON_DEPTH_MAX, &fault);
    return p != NULL && json_skip_space(p, end) == end;
}

/*
 * p is at the first brace. An object with another one behind it on its line, or one that goes on in
 * the next two lines; a line that was cut short does not: what follows it makes no JSON with it.
 */
static const struct format *object_format(const unsigned char *p, const unsigned char *end)
{
    const unsigned char *first_end = line_end(p, end), *after;
    struct json_fault fault;

    after = json_scan_value(p, first_end, JSON_DEPTH_MAX, &fault);
    if (after != NULL) {
        after = json_skip_space(after, first_end);
        return after < first_end && *after == '{' ? &objects : NULL;
    }
    const unsigned char *second = json_skip_space(first_end, end);
    if (fault.at != first_end || second == end)
        return NULL;
    const unsigned char *limit = line_end(second, end), *third = json_skip_space(limit, end);
    bool by_itself = third == end && is_whole(second, limit);
    limit = third == end ? limit : line_end(third, end);
    after = json_scan_value(p, limit, JSON_DEPTH_MAX, &fault);
    return after != NULL || (fault.at == limit && !by_itself) ? &document : NULL;
}

/* A time, a tag and an object. */
static bool is_tagged(const unsigned char *p, const unsigned char *end)
{
    end = line_end(p, end);
    if (p == end || *p < '0' || *p > '9')
        return false;
    for (int tabs = 0; tabs < 2; tabs++) {
        p = memchr(p, '\t', (size_t)(end - p));
        if (p == NULL)
            return false;
        p++;
    }
    return p < end && *p == '{' && is_whole(p, end);
}

static bool is_markup(const unsigned char *p, const unsigned char *end)
{
    return end - p > 1 && p[0] == '<' &&
           (p[1] == '!' || p[1] == '?' || p[1] == '/' ||
            ((p[1] | 0x20) >= 'a' && (p[1] | 0x20) <= 'z'));
}

const struct format *format_of(const unsigned char *bytes, size_t len)
{
    const unsigned char *end = bytes + len;
    const struct format *wide = wide_format(bytes, len);

    if (wide != NULL)
        return wide;
    bytes += scan_byte_order_mark(bytes, len);
    const unsigned char *p = json_skip_space(bytes, end);
    if (p < end && *p == '{')
        return object_format(p, end);
    if (p < end && *p == '[')
        return &array;
    if (is_markup(p, end))
        return &markup;
    if (is_tagged(p, end))
        return &tagged;
    len = (size_t)(end - bytes);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (len >= marks[i].len && memcmp(bytes, marks[i].bytes, marks[i].len) == 0)
            return &marks[i].format;
    return is_bzip2(bytes, len)             ? &bzip2
           : is_skippable_frame(bytes, len) ? &lz4_or_zstd
           : is_tar(bytes, len)             ? &tar
                                            : NULL;
}

bool format_is_concatenated(const struct format *format)
{
    return format == &document || format == &objects;
}
