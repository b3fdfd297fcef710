#include "common/err.h"

#include "common/tests/unit.h"

#include <errno.h>

#include "common/utf8.h"

static bool is_utf8(const char *text)
{
    const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
    while (p < end) {
        size_t width = utf8_length(p, (size_t)(end - p));
        if (width == 0)
            return false;
        p += width;
    }
    return true;
}

static void set_returns_false_and_fills_status_and_text(void **state)
{
    struct err err = {0};
    (void)state;
    assert_false(err_set(&err, STATUS_INPUT, "%s:%d", "file", 7));
    assert_int_equal(err.status, STATUS_INPUT);
    assert_string_equal(err.text, "file:7");
}

static void text_is_one_printable_line(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"ends in a line end\n", "ends in a line end"},
        {"ends in several \n \n", "ends in several"},
        {"two\nlines\tand a tab", "two lines and a tab"},
        {"bell \a escape \033[2J delete \177", "bell ? escape ?[2J delete ?"},
        {"caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80"},
        {"stray \xff and \xc3", "stray ? and ?"},
        {"overlong \xc0\xaf surrogate \xed\xa0\x80", "overlong ?? surrogate ???"},
        {"", ""},
        {"\n", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        (void)err_set(&err, STATUS_BUG, "%s", cases[i].in);
        CHECK(strcmp(err.text, cases[i].out) == 0, "case %zu gave '%s'", i, err.text);
    }
}

static void long_text_is_cut_between_characters(void **state)
{
    char text[ERR_TEXT_MAX * 2];
    (void)state;
    for (size_t lead = 0; lead < UTF8_MAX; lead++) {
        struct err err = {0};
        size_t at = lead;
        memset(text, 'x', lead);
        for (; at + 5 < sizeof text; at += 4)
            memcpy(text + at, "\xf0\x9f\x98\x80", 5);
        (void)err_set(&err, STATUS_BUG, "%s", text);
        assert_true(is_utf8(err.text));
        assert_in_range(strlen(err.text), ERR_TEXT_MAX - 8, ERR_TEXT_MAX - 1);
        (void)err_prefix(&err, "a prefix");
        assert_true(is_utf8(err.text));
        assert_in_range(strlen(err.text), ERR_TEXT_MAX - 8, ERR_TEXT_MAX - 1);
    }
}

static void prefix_goes_before_the_text_and_keeps_the_status(void **state)
{
    struct err err = {0};
    (void)state;
    (void)err_set(&err, STATUS_TRANSIENT, "it broke");
    assert_false(err_prefix(&err, "--%s", "option"));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    assert_string_equal(err.text, "--option: it broke");
}

static void prefix_of_any_length_fits(void **state)
{
    char prefix[ERR_TEXT_MAX + 50];
    (void)state;
    for (size_t len = ERR_TEXT_MAX - 12; len < sizeof prefix - 1; len++) {
        struct err err = {0};
        memset(prefix, 'p', len);
        prefix[len] = '\0';
        (void)err_set(&err, STATUS_BUG, "cause");
        (void)err_prefix(&err, "%s", prefix);
        assert_in_range(strlen(err.text), ERR_TEXT_MAX - 13, ERR_TEXT_MAX - 1);
        assert_memory_equal(err.text, prefix, ERR_TEXT_MAX - 13);
    }
}

static void system_errors_carry_their_status(void **state)
{
    static const struct {
        int errnum;
        enum status status;
    } cases[] = {
        {ENOSPC, STATUS_TRANSIENT}, {EDQUOT, STATUS_TRANSIENT}, {EIO, STATUS_TRANSIENT},
        {ENOMEM, STATUS_TRANSIENT}, {EMFILE, STATUS_TRANSIENT}, {ENFILE, STATUS_TRANSIENT},
        {EACCES, STATUS_REFUSED},   {EROFS, STATUS_REFUSED},    {EPIPE, STATUS_REFUSED},
        {ENOENT, STATUS_REFUSED},   {EPERM, STATUS_REFUSED},    {EISDIR, STATUS_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        char expected[200];
        (void)snprintf(expected, sizeof expected, "reading x: %s", strerror(cases[i].errnum));
        assert_false(err_errno(&err, cases[i].errnum, "reading %s", "x"));
        assert_string_equal(err.text, expected);
        assert_int_equal(err.status, cases[i].status);
        assert_int_equal(err_errno_status(cases[i].errnum), cases[i].status);
    }
}

static void quoting_shows_any_bytes_safely(void **state)
{
    static const struct {
        const char *in;
        size_t len;
        const char *out;
    } cases[] = {
        {"user1", 5, "user1"},
        {"", 0, ""},
        {"a\nb\tc\0d", 7, "a\\x0ab\\x09c\\x00d"},
        {"\033[31m\177", 6, "\\x1b[31m\\x7f"},
        {"\xe2\x82\xac", 3, "\xe2\x82\xac"},
        {"\xe2\x82", 2, "\\xe2\\x82"},
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
        {"\xc2\x9b", 2, "\\xc2\\x9b"}, /* a control character of eight bits: CSI */
        {"\xc2\xa0", 2, "\xc2\xa0"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[128];
        unsigned char *in = exact_copy(cases[i].in, cases[i].len);
        CHECK(strcmp(err_quote(out, sizeof out, in, cases[i].len), cases[i].out) == 0,
              "case %zu gave '%s'", i, out);
        free(in);
    }
}

static void quoting_never_passes_its_buffer(void **state)
{
    static const char *const patterns[] = {"abcdefgh", "\xf0\x9f\x98\x80", "\xff\x01", "\xc3\xa9x"};
    (void)state;
    for (size_t p = 0; p < ARRAY_LEN(patterns); p++) {
        char in[64];
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = patterns[p][i % strlen(patterns[p])];
        for (size_t size = 8; size < 80; size++) {
            for (size_t len = 0; len <= sizeof in; len += 4) {
                char *out = malloc(size);
                assert_non_null(out);
                assert_ptr_equal(err_quote(out, size, in, len), out);
                assert_true(strlen(out) < size);
                assert_true(is_utf8(out));
                if (strlen(out) < len)
                    assert_non_null(strstr(out, "..."));
                free(out);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_returns_false_and_fills_status_and_text),
        cmocka_unit_test(text_is_one_printable_line),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(prefix_goes_before_the_text_and_keeps_the_status),
        cmocka_unit_test(prefix_of_any_length_fits),
        cmocka_unit_test(system_errors_carry_their_status),
        cmocka_unit_test(quoting_shows_any_bytes_safely),
        cmocka_unit_test(quoting_never_passes_its_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
