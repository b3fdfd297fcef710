#include "aggregator/read/format.h"

#include "common/buf.h"
#include "common/tests/unit.h"

#define BYTES(literal) literal, sizeof(literal) - 1
#define BOM            "\xef\xbb\xbf"
#define EVENT          "{\"userId\":\"u\",\"sessionDuration\":1}"

/* The bytes in memory of exactly their size. */
static const struct format *tell(const void *bytes, size_t len)
{
    unsigned char *copy = exact_copy(bytes, len);
    const struct format *format = format_of(copy, len);
    free(copy);
    return format;
}

static void wrong_formats_are_told_by_name(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *name;
    } cases[] = {
        {BYTES("\x28\xb5\x2f\xfd"), "zstd"},
        {BYTES("\x50\x2a\x4d\x18\1\0\0\0"), "zstd or lz4"},
        {BYTES("\x5f\x2a\x4d\x18"), "zstd or lz4"},
        {BYTES("\x04\x22\x4d\x18"), "lz4"},
        {BYTES("\xfd"
               "7zXZ\0"),
         "xz"},
        {BYTES("BZh91AY&SY"), "bzip2"},
        {BYTES("BZh9\x17rE8P\x90"), "bzip2"},
        {BYTES("\x1f\x8b"), "twice, with gzip"},
        {BYTES("PK\3\4"), "zip"},
        {BYTES("PK\5\6"), "zip"},
        {BYTES("PAR1"), "Parquet"},
        {BYTES("Obj\1"), "Avro"},
        {BYTES("\x1e" EVENT "\n"), "RFC 7464"},
        {BYTES("\xff\xfe{\0"), "UTF-16 "},
        {BYTES("\xfe\xff\0{"), "UTF-16 "},
        {BYTES("\xff\xfe\0\0{\0\0\0"), "UTF-32 "},
        {BYTES("\0\0\xfe\xff\0\0\0{"), "UTF-32 "},
        {BYTES("{\0\"\0"), "UTF-16LE"},
        {BYTES("\0{\0\""), "UTF-16BE"},
        {BYTES("{\0\0\0\"\0\0\0"), "UTF-32LE"},
        {BYTES("\0\0\0{\0\0\0\""), "UTF-32BE"},
        {BYTES("\r\0\n\0[\0"), "UTF-16LE"},
        {BYTES("2026-11-27T02:13:28+00:00\tapp\t" EVENT "\n" EVENT "\n"), "fluentd"},
        {BYTES("1764209608\tapp.a\t" EVENT "\r\n"), "fluentd"},
        {BYTES("["), "array"},
        {BYTES("[" EVENT "]\n"), "array"},
        {BYTES(" \t\r\n\n [\n"), "array"},
        {BYTES(BOM "["), "array"},
        {BYTES(BOM "\r\n["), "array"},
        {BYTES("[INFO] started\n" EVENT "\n"), "array"},
        {BYTES("<!DOCTYPE html>"), "HTML"},
        {BYTES("\n <Error><Code>NoSuchKey</Code>"), "XML"},
        {BYTES(BOM "<?xml version"), "XML"},
        {BYTES("{\n  \"userId\": \"u\",\n  \"sessionDuration\": 1\n}\n"), "pretty"},
        {BYTES("{\r\n\t\"userId\": \"u\",\r\n\t\"sessionDuration\": 1\r\n}"), "pretty"},
        {BYTES("{\n\n\n  \"userId\": \"u\""), "pretty"},
        {BYTES(BOM "{\n  \"userId\":"), "pretty"},
        {BYTES("{ \"userId\": \"u\",\n  \"sessionDuration\": 1 }\n"), "pretty"},
        {BYTES("{\"events\":[\n" EVENT ",\n" EVENT "\n]}\n"), "pretty"},
        {BYTES("{\"events\":[\n" EVENT "\n," EVENT "\n]}\n"), "pretty"},
        {BYTES("{\n}"), "pretty"},
        {BYTES(EVENT EVENT), "several"},
        {BYTES(EVENT " \t" EVENT "\n" EVENT "\n"), "several"},
        {BYTES(BOM EVENT EVENT), "several"},
        {BYTES("{\"x\":1}{"), "several"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct format *format = tell(cases[i].bytes, cases[i].len);
        CHECK(format != NULL, "case %zu: '%s'", i, cases[i].bytes);
        CHECK(strstr(format->name, cases[i].name) != NULL, "case %zu: %s", i, format->name);
        assert_true(strlen(format->remedy) > 0);
    }
}

static void a_bad_first_line_is_not_another_format(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {BYTES("")},
        {BYTES("\n")},
        {BYTES(BOM)},
        {BYTES(EVENT)},
        {BYTES(BOM EVENT "\r\n")},
        {BYTES("{")},
        {BYTES("{\n")},
        {BYTES("\x1f")},
        {BYTES("P")},
        {BYTES("B")},
        {BYTES("rubbish\n[1]\n")},
        {BYTES("<134>Oct 11 22:14:15 host app: started\n")},
        {BYTES("\0\0\0\0\0\0\0\0")},
        {BYTES("\0\0\0\0" EVENT "\n")},
        {BYTES("u\0" EVENT)},
        {BYTES("\x2f\0\0\0\2\0")},
        /* Cut short, and followed by a line that is whole. */
        {BYTES("{\n" EVENT "\n")},
        {BYTES("{\"userId\":\"u\",\n" EVENT "\n")},
        {BYTES("{\"userId\":\n" EVENT "\n" EVENT "\n")},
        {BYTES("{\"userId\":\n" EVENT "\n")},
        {BYTES("{\"userId\":\"u\n" EVENT "\n")},
        {BYTES("{\"userId\":\"u\",\"x\":[\n" EVENT "\n" EVENT "\n")},
        /* Lines that make no JSON together. */
        {BYTES("{\"userId\":\"u\",\"sessionDuration\":1\n2}\n")},
        {BYTES("\n" BOM EVENT EVENT)},
        {BYTES(EVENT ";\n" EVENT)},
        {BYTES("2026\tapp\t{\"userId\":\"u\"\n" EVENT "\n")},
        {BYTES("2026\tapp\tno event\n" EVENT "\n")},
        {BYTES("2026\t" EVENT "\n" EVENT "\n")},
        {BYTES("app\tapp\t" EVENT "\n" EVENT "\n")},
        {BYTES(EVENT "\n" EVENT EVENT)},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct format *format = tell(cases[i].bytes, cases[i].len);
        CHECK(format == NULL, "case %zu: %s", i, format == NULL ? "" : format->name);
    }
}

/* By its sum, so that tar files of before 1988, without a magic, are known too. */
static void tar_is_told_by_its_header(void **state)
{
    unsigned char header[600] = "events.jsonl";
    (void)state;
    memcpy(header + 100, "0000644", 8);
    unsigned sum = 8 * ' ';
    for (size_t i = 0; i < 512; i++)
        sum += header[i];
    (void)snprintf((char *)header + 148, 8, "%06o", sum);
    assert_non_null(tell(header, sizeof header));
    assert_non_null(tell(header, 512));
    assert_null(tell(header, 511));
    header[0]++;
    assert_null(tell(header, sizeof header));
    memset(header, 0, sizeof header);
    assert_null(tell(header, sizeof header));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_formats_are_told_by_name),
        cmocka_unit_test(a_bad_first_line_is_not_another_format),
        cmocka_unit_test(tar_is_told_by_its_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
