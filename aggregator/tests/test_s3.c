#include "aggregator/s3/address.h"
#include "aggregator/s3/answers.h"
#include "aggregator/s3/range.h"
#include "aggregator/s3/xml.h"
#include "common/tests/unit.h"

static void names_are_buckets_with_a_key_or_a_prefix(void **state)
{
    static const struct {
        const char *name, *bucket, *key;
        bool is_prefix;
    } good[] = {
        {"s3://abc/k", "abc", "k", false},       {"s3://a.b-c/", "a.b-c", "", true},
        {"s3://abc/p/q/", "abc", "p/q/", true},  {"s3://abc//k", "abc", "/k", false},
        {"s3://abc/../k", "abc", "../k", false}, {"s3://abc/a b%+&", "abc", "a b%+&", false},
    };
    static const char *const bad[] = {"s3://",       "s3://abc",     "s3://ab/k",   "s3:///k",
                                      "s3://Abc/k",  "s3://-abc/k",  "s3://a..b/k", "s3://a_b@c/k",
                                      "s3://abc./k", "s3://abc/*.gz"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct s3_address address;
        struct err err = {0};
        CHECK(s3_address_parse(good[i].name, &address, &err), "%s: %s", good[i].name, err.text);
        assert_string_equal(address.bucket, good[i].bucket);
        assert_string_equal(address.key, good[i].key);
        assert_int_equal(address.is_prefix, good[i].is_prefix);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct s3_address address;
        struct err err = {0};
        CHECK(!s3_address_parse(bad[i], &address, &err), "%s", bad[i]);
        assert_int_equal(err.status, STATUS_USAGE);
    }
}

static void urls_are_encoded_as_signatures_want_them(void **state)
{
    static const struct {
        const char *endpoint, *region;
        enum s3_style style;
        const char *bucket, *key, *url;
    } cases[] = {
        {NULL, "eu-west-1", S3_STYLE_AUTO, "abc", "k", "https://abc.s3.eu-west-1.amazonaws.com/k"},
        {NULL, "cn-north-1", S3_STYLE_AUTO, "abc", "k",
         "https://abc.s3.cn-north-1.amazonaws.com.cn/k"},
        {NULL, "us-east-1", S3_STYLE_AUTO, "a.bc", "k",
         "https://s3.us-east-1.amazonaws.com/a.bc/k"},
        {"https://h:9000/", "x", S3_STYLE_AUTO, "abc", "", "https://h:9000/abc/"},
        {"https://h", "x", S3_STYLE_HOST, "abc", "p/q", "https://abc.h/p/q"},
        {"https://[::1]:9", "x", S3_STYLE_PATH, "abc", "a b+c&d=\xc3\xa9~/..",
         "https://[::1]:9/abc/a%20b%2Bc%26d%3D%C3%A9~/.."},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_place place;
        struct err err = {0};
        OWNED_BUF(url, 4096);
        CHECK(s3_place_set(&place, cases[i].endpoint, cases[i].region, cases[i].style, false, &err),
              "%s", err.text);
        s3_add_url(&url, &place, cases[i].bucket, cases[i].key);
        assert_string_equal(url.data, cases[i].url);
    }
}

static void endpoints_that_may_leak_are_refused(void **state)
{
    static const struct {
        const char *endpoint, *region, *says;
    } cases[] = {
        {"http://h", "x", "plain http"},    {"h:9000", "x", "https://HOST"},
        {"https://", "x", "https://HOST"},  {"https://u:p@h", "x", "without a user"},
        {"https://h/path", "x", "a path"},  {"https://h?q", "x", "without a user"},
        {"ftp://h", "x", "https://HOST"},   {"https://h", "", "the region"},
        {"https://h", "a:b", "the region"}, {"https://h", "a\nb", "the region"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_place place;
        struct err err = {0};
        CHECK(!s3_place_set(&place, cases[i].endpoint, cases[i].region, S3_STYLE_AUTO, false, &err),
              "%s", cases[i].endpoint);
        CHECK(err.status == STATUS_USAGE && strstr(err.text, cases[i].says) != NULL, "%s",
              err.text);
    }
}

/* Answers. */

static bool gather(void *context, const struct s3_entry *entry, struct err *err)
{
    (void)err;
    buf_printf(context, "%s %llu %s;", entry->key, (unsigned long long)entry->size, entry->etag);
    return true;
}

#define PAGE(inner)                                                                                \
    "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\">" inner "</ListBucketResult>"
#define ENTRY(key) "<Contents><Key>" key "</Key><Size>5</Size><ETag>&quot;e&#34;</ETag></Contents>"

#define ENCODED(inner) PAGE(inner "<EncodingType>url</EncodingType>")

static void pages_of_lists_are_read(void **state)
{
    static const struct {
        const char *page, *entries, *next;
    } cases[] = {
        {PAGE(""), "", ""},
        {PAGE(ENTRY("a") ENTRY("b/c")), "a 5 e;b/c 5 e;", ""},
        {PAGE(ENTRY("a+b%20c")), "a+b%20c 5 e;", ""},
        {ENCODED(ENTRY("a+b%20c%2B%C3%A9")), "a b c+\xc3\xa9 5 e;", ""},
        {PAGE(ENTRY("a&amp;&lt;&#233;&#xE9;<![CDATA[<]]>")), "a&<\xc3\xa9\xc3\xa9< 5 e;", ""},
        {PAGE("<Contents><ETag>W/\"w\"</ETag><Key>k</Key><Size>0</Size><Owner><ID>i</ID></Owner>"
              "</Contents>"),
         "k 0 ;", ""},
        {PAGE("<IsTruncated>true</IsTruncated><NextContinuationToken>t=/+</NextContinuationToken>"),
         "", "t=/+"},
        {PAGE("<!-- a comment --><Prefix/>" ENTRY("a") "<CommonPrefixes a='>'></CommonPrefixes>"),
         "a 5 e;", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const size_t len = strlen(cases[i].page);
        unsigned char *page = exact_copy(cases[i].page, len);
        struct s3_page ret;
        struct err err = {0};
        OWNED_BUF(entries, 4096);
        CHECK(s3_read_page((const char *)page, len, &ret, gather, &entries, &err), "%s: %s",
              cases[i].page, err.text);
        CHECK(strcmp(entries.data, cases[i].entries) == 0, "%s", entries.data);
        assert_string_equal(ret.next, cases[i].next);
        free(page);
    }
}

static void what_is_no_page_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "<html><body>hello</body></html>",
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult/>",
        "<?xml version=\"1.0\"?><?php ?><ListBucketResult/>",
        PAGE("") PAGE(""),
        PAGE("") "text",
        "<ListBucketResult>",
        "<ListBucketResult></Other>",
        "<ListBucketResult a=b/>",
        PAGE("&nbsp;"),
        PAGE("&#0;"),
        PAGE("&#xD800;"),
        PAGE("&#1114112;"),
        PAGE("&#99999999999;"),
        PAGE("<Contents><Key>k</Key></Contents>"),
        PAGE("<Contents><Size>5</Size></Contents>"),
        PAGE("<Contents><Key></Key><Size>5</Size></Contents>"),
        PAGE("<Contents><Key>k</Key><Size>-5</Size></Contents>"),
        PAGE("<Contents><Key>k</Key><Size>99999999999999999999</Size></Contents>"),
        PAGE("<IsTruncated>true</IsTruncated>"),
        PAGE("<NextContinuationToken>t</NextContinuationToken>"),
        PAGE(ENTRY("\xff")),
        ENCODED(ENTRY("a%2")),
        ENCODED(ENTRY("a%00")),
        ENCODED(ENTRY("%FF")),
        "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_page ret;
        struct err err = {0};
        OWNED_BUF(entries, 4096);
        CHECK(!s3_read_page(cases[i], strlen(cases[i]), &ret, gather, &entries, &err), "%s",
              cases[i]);
        CHECK(err.status == STATUS_INPUT, "%s: %s", cases[i], err.text);
    }
}

static void errors_tell_what_they_can(void **state)
{
    static const struct {
        const char *text, *code, *message, *region;
    } cases[] = {
        {"<Error><Code>NoSuchKey</Code><Message>It is not there</Message></Error>", "NoSuchKey",
         "It is not there", ""},
        {"<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>", "ExpiredToken",
         "", ""},
        {"<Error><Code>X</Code><Region>eu-west-1</Region>", "X", "", "eu-west-1"},
        {"<Error><Code>a&#10;b</Code></Error>", "", "", ""},
        {"<html>", "", "", ""},
        {"", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_error error;
        s3_read_error(cases[i].text, strlen(cases[i].text), &error);
        assert_string_equal(error.code, cases[i].code);
        assert_string_equal(error.message, cases[i].message);
        assert_string_equal(error.region, cases[i].region);
    }
}

static void credentials_of_a_role_are_read_whole_or_not(void **state)
{
#define ROLE(inner)                                                                                \
    "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>" inner      \
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
    static const char good[] =
        ROLE("<AccessKeyId>i</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
             "<SessionToken>t</SessionToken>");
    static const char half[] = ROLE("<AccessKeyId>i</AccessKeyId><SessionToken>t</SessionToken>");
    struct s3_credentials ret;
    struct err err = {0};
    (void)state;
    assert_true(s3_read_role(good, strlen(good), &ret, &err));
    assert_string_equal(ret.id, "i");
    assert_string_equal(ret.secret, "s");
    assert_string_equal(ret.session, "t");
    assert_false(s3_read_role(half, strlen(half), &ret, &err));
    assert_false(s3_read_role(good, strlen(good) - 1, &ret, &err));
}

/* Ranges. */

static void ranges_are_read_as_they_are_written(void **state)
{
    static const char *const cases[] = {":", "b/a:", ":b/z", "b/a:b/z", "b/a%20%3A%C3%A9:b/z%25"};
    static const char *const bad[] = {"", "b/a", "a:b:c", "a%2:", "a%00:", "b/z:b/a"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_range range;
        struct err err = {0};
        OWNED_BUF(text, 4096);
        CHECK(s3_range_parse(cases[i], &range, &err), "%s: %s", cases[i], err.text);
        s3_range_add(&text, &range);
        assert_string_equal(text.data, cases[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct s3_range range;
        struct err err = {0};
        CHECK(!s3_range_parse(bad[i], &range, &err), "%s", bad[i]);
    }
}

static void parts_have_about_the_same_and_all_of_it(void **state)
{
    uint64_t sizes[1000], seed = 1;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        sizes[i] = 1 + chance_below(&seed, 1000);
    for (unsigned parts = 1; parts <= 40; parts++) {
        uint64_t least = UINT64_MAX, most = 0;
        for (unsigned part = 0; part < parts; part++) {
            const size_t from = s3_range_begin(sizes, 1000, part, parts);
            const size_t to =
                part + 1 == parts ? 1000 : s3_range_begin(sizes, 1000, part + 1, parts);
            uint64_t sum = 0;
            CHECK(from <= to && (part > 0 || from == 0), "part %u of %u", part, parts);
            for (size_t i = from; i < to; i++)
                sum += sizes[i];
            least = sum < least ? sum : least;
            most = sum > most ? sum : most;
        }
        CHECK(most - least <= 2000, "%u parts: %llu to %llu", parts, (unsigned long long)least,
              (unsigned long long)most);
    }
    assert_int_equal(s3_range_begin(sizes, 0, 1, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_buckets_with_a_key_or_a_prefix),
        cmocka_unit_test(urls_are_encoded_as_signatures_want_them),
        cmocka_unit_test(endpoints_that_may_leak_are_refused),
        cmocka_unit_test(pages_of_lists_are_read),
        cmocka_unit_test(what_is_no_page_is_refused),
        cmocka_unit_test(errors_tell_what_they_can),
        cmocka_unit_test(credentials_of_a_role_are_read_whole_or_not),
        cmocka_unit_test(ranges_are_read_as_they_are_written),
        cmocka_unit_test(parts_have_about_the_same_and_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
