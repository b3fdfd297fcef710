#include "fake_gen/members.h"

#include "common/tests/unit.h"

#include <zlib.h>

#include "common/bgzf.h"

enum { TEXT_MAX = 1 << 20 };

/* Inflates all members, checks the shape of each; returns how many there were. */
static size_t check_members(const unsigned char *bytes, size_t len, const char *text,
                            size_t text_len, bool whole_lines)
{
    static unsigned char out[BGZF_TEXT_MAX];
    size_t members = 0, at = 0;

    for (; len > 0; members++) {
        struct bgzf_member member;
        z_stream zlib = {0};
        assert_true(bgzf_parse_member(bytes, len, &member));
        assert_in_range(member.text_size, 1, BGZF_TEXT_CUT);
        assert_int_equal(inflateInit2(&zlib, -MAX_WBITS), Z_OK);
        zlib.next_in = (unsigned char *)(uintptr_t)(bytes + member.header_size);
        zlib.avail_in = (unsigned)(member.size - member.header_size - BGZF_TRAILER_SIZE);
        zlib.next_out = out;
        zlib.avail_out = member.text_size;
        assert_int_equal(inflate(&zlib, Z_FINISH), Z_STREAM_END);
        assert_int_equal(zlib.avail_in, 0);
        assert_int_equal(zlib.avail_out, 0);
        assert_int_equal(inflateEnd(&zlib), Z_OK);
        assert_true(at + member.text_size <= text_len);
        assert_memory_equal(out, text + at, member.text_size);
        assert_int_equal(crc32(0, out, member.text_size), member.text_crc);
        if (whole_lines)
            assert_int_equal(out[member.text_size - 1], '\n');
        at += member.text_size;
        bytes += member.size;
        len -= member.size;
    }
    assert_int_equal(at, text_len);
    return members;
}

static size_t pack_and_check(int level, const char *text, size_t len, bool whole_lines)
{
    struct packer *packer = packer_new(level, TEXT_MAX);
    struct err err = {0};
    const void *bytes = NULL;
    size_t packed = 0;

    assert_non_null(packer);
    CHECK(packer_pack(packer, text, len, &bytes, &packed, &err), "%s", err.text);
    size_t members = check_members(bytes, packed, text, len, whole_lines);
    packer_free(packer);
    return members;
}

/* Lines of 100 bytes and their ends. */
static char *make_lines(size_t len)
{
    char *text = malloc(len + 1);
    uint64_t random = 1;
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 101 == 100 ? '\n' : (char)('a' + chance_below(&random, 20));
    return text;
}

static void members_hold_whole_lines_and_all_of_the_text(void **state)
{
    size_t len = 101 * 5000;
    char *text = make_lines(len);
    (void)state;
    for (int level = 1; level <= 9; level++)
        assert_int_equal(pack_and_check(level, text, len, true), 8);
    free(text);
}

static void edges_of_the_cut_are_kept(void **state)
{
    static const size_t lens[] = {
        1, 2, BGZF_TEXT_CUT - 1, BGZF_TEXT_CUT, BGZF_TEXT_CUT + 1, 2 * BGZF_TEXT_CUT, TEXT_MAX};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        char *text = make_lines(lens[i]);
        (void)pack_and_check(6, text, lens[i], false);
        free(text);
    }
}

static void a_line_longer_than_a_member_is_cut(void **state)
{
    size_t len = 3 * BGZF_TEXT_CUT;
    char *text = malloc(len);
    (void)state;
    assert_non_null(text);
    memset(text, 'x', len);
    assert_int_equal(pack_and_check(6, text, len, false), 3);
    free(text);
}

static void lines_of_more_than_half_a_member_still_fit(void **state)
{
    /* One line a member: the worst case for the packer's memory. */
    char *text = make_lines(TEXT_MAX);
    (void)state;
    for (size_t i = 0; i < TEXT_MAX; i++)
        text[i] = i % (BGZF_TEXT_CUT / 2 + 1) == BGZF_TEXT_CUT / 2 ? '\n' : 'x';
    (void)pack_and_check(1, text, TEXT_MAX, false);
    free(text);
}

static void bytes_that_do_not_compress_fit_a_member(void **state)
{
    char *text = malloc(TEXT_MAX);
    uint64_t random = 2;
    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < TEXT_MAX; i++)
        text[i] = (char)chance(&random);
    for (int level = 1; level <= 9; level += 4)
        (void)pack_and_check(level, text, TEXT_MAX, false);
    free(text);
}

static void bytes_do_not_depend_on_what_was_packed_before(void **state)
{
    struct packer *packer = packer_new(6, TEXT_MAX);
    struct err err = {0};
    size_t first_len = 0, second_len = 0, other_len = 0;
    const void *bytes;
    char *text = make_lines(200000), *other = make_lines(300000);
    (void)state;
    assert_non_null(packer);
    assert_true(packer_pack(packer, text, 200000, &bytes, &first_len, &err));
    unsigned char *first = exact_copy(bytes, first_len);
    assert_true(packer_pack(packer, other, 300000, &bytes, &other_len, &err));
    assert_true(packer_pack(packer, text, 200000, &bytes, &second_len, &err));
    assert_int_equal(first_len, second_len);
    assert_memory_equal(first, bytes, first_len);
    free(first);
    free(text);
    free(other);
    packer_free(packer);
}

static void no_text_makes_no_member(void **state)
{
    (void)state;
    assert_int_equal(pack_and_check(6, "", 0, false), 0);
    packer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_hold_whole_lines_and_all_of_the_text),
        cmocka_unit_test(edges_of_the_cut_are_kept),
        cmocka_unit_test(a_line_longer_than_a_member_is_cut),
        cmocka_unit_test(lines_of_more_than_half_a_member_still_fit),
        cmocka_unit_test(bytes_that_do_not_compress_fit_a_member),
        cmocka_unit_test(bytes_do_not_depend_on_what_was_packed_before),
        cmocka_unit_test(no_text_makes_no_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
