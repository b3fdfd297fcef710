#include "aggregator/read/inflate.h"

#include "aggregator/tests/gzip_made.h"
#include "common/bgzf.h"

static const char text[] = "{\"userId\":\"user001\",\"sessionDuration\":180}\n";
enum { LEN = sizeof text - 1, OFFSET = 1000 };

/* Three members of the text; where each begins is left in starts. */
static struct packed *three_members(size_t starts[3], size_t skip)
{
    OWNED_BUF(made, MADE_MAX);
    struct packed *packed = packed_new();
    assert_non_null(packed);
    assert_true(packed_is_empty(packed));
    packed_clear(packed, skip, OFFSET);
    for (int i = 0; i < 3; i++) {
        size_t from = made.len;
        made_add_bgzf_member(&made, text, LEN, 6);
        unsigned char *member = exact_copy(made.data + from, made.len - from);
        assert_true(packed_add(packed, member, made.len - from));
        free(member); /* it keeps a copy */
        starts[i] = from;
    }
    assert_false(packed_is_empty(packed));
    return packed;
}

static void members_become_one_text(void **state)
{
    size_t starts[3];
    struct err err = {0};
    struct packed *packed = three_members(starts, 0);
    unsigned char *out = malloc(3 * LEN);
    (void)state;
    assert_true(packed_inflate(packed, out, 3 * LEN, &err));
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(out + i * LEN, text, LEN);
    free(out);
    packed_free(packed);
    packed_free(NULL);
}

static void any_part_of_the_text_can_be_had(void **state)
{
    (void)state;
    for (size_t skip = 0; skip < LEN; skip++) {
        size_t starts[3];
        struct packed *packed = three_members(starts, skip);
        for (size_t len = 2 * LEN - skip; len <= 3 * LEN - skip; len++) {
            struct err err = {0};
            unsigned char *out = malloc(len);
            CHECK(packed_inflate(packed, out, len, &err), "%zu from %zu: %s", len, skip, err.text);
            for (size_t i = 0; i < len; i++)
                assert_int_equal(out[i], text[(skip + i) % LEN]);
            free(out);
        }
        packed_free(packed);
    }
}

static void cleared_members_are_forgotten(void **state)
{
    size_t starts[3];
    struct err err = {0};
    struct packed *packed = three_members(starts, 5);
    (void)state;
    packed_clear(packed, 0, 0);
    assert_true(packed_is_empty(packed));
    unsigned char nothing[1];
    assert_true(packed_inflate(packed, nothing, 0, &err));
    packed_free(packed);
}

static void more_text_than_members_hold_is_our_bug(void **state)
{
    size_t starts[3];
    unsigned char out[3 * LEN + 1];
    struct err err = {0};
    struct packed *packed = three_members(starts, 0);
    (void)state;
    assert_false(packed_inflate(packed, out, sizeof out, &err));
    assert_int_equal(err.status, STATUS_BUG);
    packed_free(packed);
}

static void corrupt_member_is_named_by_its_offset(void **state)
{
    OWNED_BUF(made, MADE_MAX);
    (void)state;
    made_add_bgzf_member(&made, text, LEN, 6);
    const size_t size = made.len;
    static const struct {
        long at; /* from the end where negative */
        const char *says;
    } cases[] = {{-1, "changed its shape"},
                 {-4, "wrong length"},
                 {-5, "wrong checksum"},
                 {-8, "wrong checksum"},
                 {18, ""},
                 {30, ""}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct packed *packed = packed_new();
        unsigned char out[2 * LEN];
        struct err err = {0};
        char offset[32];
        unsigned char *member = exact_copy(made.data, size);
        packed_clear(packed, 0, OFFSET);
        assert_true(packed_add(packed, member, size));
        member[cases[i].at < 0 ? (long)size + cases[i].at : cases[i].at] ^= 0x41;
        assert_true(packed_add(packed, member, size));
        CHECK(!packed_inflate(packed, out, sizeof out, &err), "case %zu", i);
        CHECK(strstr(err.text, cases[i].says) != NULL, "case %zu: %s", i, err.text);
        if (i > 0) {
            (void)snprintf(offset, sizeof offset, "at byte %zu:", OFFSET + size);
            CHECK(strstr(err.text, offset) != NULL, "case %zu: %s", i, err.text);
            assert_int_equal(err.status, STATUS_INPUT);
        }
        free(member);
        packed_free(packed);
    }
}

static void a_block_takes_only_so_many_members(void **state)
{
    struct packed *packed = packed_new();
    size_t count = 0;
    (void)state;
    packed_clear(packed, 0, 0);
    while (packed_add(packed, bgzf_eof, BGZF_EOF_SIZE))
        count++;
    assert_int_equal(count, PACKED_MAX / BGZF_EOF_SIZE);
    assert_false(packed_add(packed, bgzf_eof, BGZF_EOF_SIZE));
    packed_clear(packed, 0, 0);
    assert_true(packed_add(packed, bgzf_eof, BGZF_EOF_SIZE));
    packed_free(packed);
}

/* Feeds a stream in pieces of in_step bytes into pieces of out_step; the length of the text, or -1.
 */
static long gunzip_in_steps(struct gunzip *gunzip, const struct buf *made, size_t in_step,
                            size_t out_step, unsigned char *out, size_t size, struct err *err)
{
    size_t at = 0, len = 0;
    bool ended = false;
    assert_true(gunzip_reset(gunzip, err));
    while (!ended) {
        size_t have = made->len - at < in_step ? made->len - at : in_step;
        size_t room = size - len < out_step ? size - len : out_step;
        unsigned char *piece = exact_copy(made->data + at, have), *to = malloc(room);
        const unsigned char *in = piece;
        unsigned char *at_out = to;
        size_t left = have, room_left = room;
        bool good = gunzip_step(gunzip, &in, &left, at, &at_out, &room_left, &ended, err);
        assert_true(in == piece + have - left && at_out == to + room - room_left);
        memcpy(out + len, to, room - room_left);
        at += have - left;
        len += room - room_left;
        free(piece);
        free(to);
        if (!good)
            return -1;
        if (left == have && room_left == room && !ended)
            return -2; /* it wants more bytes or room than there are */
    }
    return (long)len;
}

static void streams_move_on_in_steps_of_any_size(void **state)
{
    struct gunzip *gunzip = gunzip_new();
    unsigned char out[4 * LEN];
    OWNED_BUF(made, MADE_MAX);
    char long_text[3 * LEN];
    (void)state;
    for (size_t i = 0; i < sizeof long_text; i++)
        long_text[i] = text[i % LEN];
    made_add_gzip(&made, long_text, sizeof long_text, 6, NULL);
    for (size_t in_step = 1; in_step < 20; in_step++) {
        for (size_t out_step = 1; out_step < 20; out_step++) {
            struct err err = {0};
            long len = gunzip_in_steps(gunzip, &made, in_step, out_step, out, sizeof out, &err);
            CHECK(len == sizeof long_text, "%ld in %zu out %zu", len, in_step, out_step);
            assert_memory_equal(out, long_text, sizeof long_text);
        }
    }
    gunzip_free(gunzip);
    gunzip_free(NULL);
}

static void corrupt_stream_is_named_by_its_offset(void **state)
{
    struct gunzip *gunzip = gunzip_new();
    unsigned char out[4 * LEN];
    OWNED_BUF(made, MADE_MAX);
    (void)state;
    made_add_gzip(&made, text, LEN, 6, NULL);
    for (size_t at = 0; at < made.len; at++) {
        struct err err = {0};
        made.data[at] = (char)(made.data[at] ^ 0x55);
        long len = gunzip_in_steps(gunzip, &made, 7, 100, out, sizeof out, &err);
        if (len == -1) {
            assert_int_equal(err.status, STATUS_INPUT);
            assert_non_null(strstr(err.text, "corrupt gzip data at byte "));
        } else if (len >= 0) { /* time, level and system say nothing about the text */
            assert_in_range(at, 4, 9);
            assert_int_equal(len, LEN);
            assert_memory_equal(out, text, LEN);
        }
        made.data[at] = (char)(made.data[at] ^ 0x55);
    }
    gunzip_free(gunzip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_one_text),
        cmocka_unit_test(any_part_of_the_text_can_be_had),
        cmocka_unit_test(cleared_members_are_forgotten),
        cmocka_unit_test(more_text_than_members_hold_is_our_bug),
        cmocka_unit_test(corrupt_member_is_named_by_its_offset),
        cmocka_unit_test(a_block_takes_only_so_many_members),
        cmocka_unit_test(streams_move_on_in_steps_of_any_size),
        cmocka_unit_test(corrupt_stream_is_named_by_its_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
