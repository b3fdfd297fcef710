#include "aggregator/read/inflate.h"
#include "aggregator/read/reader.h"
#include "aggregator/read/unzstd.h"
#include "aggregator/tests/reading.h"
#include "aggregator/tests/zstd_made.h"

static void store(struct buf *stored, int way, const char *text, size_t len)
{
    const size_t half = len / 2;

    switch (way) {
    case 0:
        made_add_zstd(stored, text, len, 3, 0);
        break;
    case 1:
        made_add_zstd(stored, text, len, 19, MADE_UNSIZED | MADE_UNCHECKED);
        break;
    case 2: /* as parallel compressors begin, and as tables of frames end */
        made_add_skippable(stored, 4);
        made_add_zstd(stored, text, half, 1, MADE_UNSIZED);
        made_add_skippable(stored, 0);
        made_add_zstd(stored, text + half, len - half, 1, 0);
        made_add_skippable(stored, READER_BUFFER + 9);
        break;
    case 3: /* side by side */
        made_add_frames(stored, text, len, 100 * 1000, 0);
        made_add_zstd(stored, "", 0, 1, 0);
        break;
    case 4: /* the largest that go side by side, and such that do not */
        made_add_frames(stored, text, half, PACKED_FRAME, MADE_UNCHECKED);
        made_add_frames(stored, text + half, len - half, PACKED_FRAME + 1, 0);
        break;
    case 5: /* in turn, side by side, in turn ... within a block */
        for (size_t at = 0, cut = 1; at < len; at += cut, cut = cut * 7 % 300007) {
            cut = len - at < cut ? len - at : cut;
            made_add_zstd(stored, text + at, cut, 1, cut % 3 == 0 ? MADE_UNSIZED : 0);
            if (cut % 2 == 0)
                made_add_skippable(stored, cut % 50);
        }
        break;
    case 6: /* a frame that starts a block too late to end in it */
        made_add_zstd(stored, text, half, 1, MADE_UNSIZED);
        made_add_frames(stored, text + half, len - half, 70001, 0);
        break;
    }
}

static void every_way_to_store_a_text_reads_the_same(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   PACKED_FRAME,
                                   PACKED_FRAME + 1,
                                   BLOCK_BYTES - 1,
                                   BLOCK_BYTES,
                                   BLOCK_BYTES + 1,
                                   2 * BLOCK_BYTES,
                                   3 * BLOCK_BYTES + 12345};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *text = make_text(sizes[i]);
        for (int way = 0; way < 7; way++) {
            OWNED_BUF(stored, MADE_MAX);
            store(&stored, way, text, sizes[i]);
            if (stored.len > 0) /* of no text, some ways make nothing */
                assert_reads_as(&stored, text, sizes[i]);
        }
        free(text);
    }
}

/* More members than one block may hold compressed, and frames that hold nothing. */
static void a_flood_of_tiny_frames_is_read(void **state)
{
    enum { FRAMES = 300 * 1000 };
    OWNED_BUF(one, MADE_MAX);
    OWNED_BUF(stored, MADE_MAX);
    char *text = malloc(FRAMES);
    (void)state;
    assert_non_null(text);
    memset(text, '\n', FRAMES);
    made_add_zstd(&one, "\n", 1, 1, 0);
    for (size_t i = 0; i < FRAMES; i++)
        made_add(&stored, one.data, one.len);
    assert_true(stored.len > PACKED_MAX);
    assert_reads_as(&stored, text, FRAMES);

    buf_clear(&one);
    buf_clear(&stored);
    made_add_zstd(&one, "", 0, 1, 0);
    made_add_skippable(&one, 1);
    for (size_t i = 0; i < FRAMES; i++)
        made_add(&stored, one.data, one.len);
    assert_reads_as(&stored, "", 0);
    free(text);
}

static void every_truncation_is_an_error(void **state)
{
    OWNED_BUF(stored, MADE_MAX);
    size_t ends[4];
    (void)state;
    made_add_zstd(&stored, line, LINE, 3, 0);
    ends[0] = stored.len;
    made_add_skippable(&stored, 11);
    ends[1] = stored.len;
    made_add_zstd(&stored, line, LINE, 3, MADE_UNSIZED | MADE_UNCHECKED);
    ends[2] = stored.len;
    made_add_frames(&stored, line, LINE, 20, 0);
    for (size_t at = 4; at < stored.len; at++) { /* fewer bytes do not tell zstd */
        struct reading got;
        bool whole = at == ends[0] || at == ends[1] || at >= ends[2];
        read_bytes(stored.data, at, &got);
        CHECK(got.failed || whole, "cut at %zu of %zu", at, stored.len);
        if (got.failed) {
            CHECK(got.err.status == STATUS_INPUT, "cut at %zu: %s", at, got.err.text);
            CHECK(strstr(got.err.text, "truncated zstd data: it ends at byte ") != NULL,
                  "cut at %zu: %s", at, got.err.text);
            CHECK(strstr(got.err.text, scratch_dir) != NULL, "cut at %zu: %s", at, got.err.text);
        }
        buf_release(&got.text);
    }
}

static void every_flipped_bit_is_an_error_or_changes_nothing(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        OWNED_BUF(stored, MADE_MAX);
        if (kind == 0)
            made_add_zstd(&stored, line, LINE, 3, MADE_UNSIZED);
        else
            made_add_frames(&stored, line, LINE, 20, 0);
        if (kind == 2)
            made_add_skippable(&stored, 5);
        for (size_t bit = 32; bit < stored.len * 8; bit++) { /* without its magic it is none */
            struct reading got;
            stored.data[bit / 8] = (char)(stored.data[bit / 8] ^ 1 << bit % 8);
            read_bytes(stored.data, stored.len, &got);
            CHECK(got.failed ? got.err.status == STATUS_INPUT : is_text(&got, line, LINE),
                  "kind %d, byte %zu, bit %zu: %s", kind, bit / 8, bit % 8, got.err.text);
            buf_release(&got.text);
            stored.data[bit / 8] = (char)(stored.data[bit / 8] ^ 1 << bit % 8);
        }
    }
}

static void any_damage_ends_well(void **state)
{
    uint64_t random = 7;
    char *text = make_text(20000);
    (void)state;
    for (int round = 0; round < 1500; round++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading got;
        if (round % 2 == 0)
            made_add_frames(&stored, text, 20000, 1000 + chance_below(&random, 9000), 0);
        else
            made_add_zstd(&stored, text, 20000, 1, round % 4 == 1 ? MADE_UNSIZED : 0);
        for (size_t n = 1 + chance_below(&random, 3); n > 0; n--) {
            size_t at = 4 + chance_below(&random, stored.len - 4);
            size_t len = 1 + chance_below(&random, 20);
            len = len < stored.len - at ? len : stored.len - at;
            if (chance_below(&random, 2) == 0) {
                memset(stored.data + at, (int)chance_below(&random, 256), len);
            } else { /* lost bytes */
                memmove(stored.data + at, stored.data + at + len, stored.len - at - len);
                stored.len -= len;
            }
        }
        read_bytes(stored.data, stored.len, &got);
        CHECK(got.failed ? got.err.status == STATUS_INPUT
                         : got.text.len <= 20000 && memcmp(got.text.data, text, got.text.len) == 0,
              "round %d: %s", round, got.err.text);
        buf_release(&got.text);
    }
    free(text);
}

static void rubbish_after_the_end_is_an_error(void **state)
{
    static const struct {
        const char *bytes;
        size_t len, beyond; /* beyond: bytes until what is named */
        const char *says;
    } cases[] = {{"x", 1, 0, "not zstd"},
                 {"\n", 1, 0, "not zstd"},
                 {"\0\0\0x", 4, 3, "not zstd"},
                 {"\x28", 1, 1, "truncated"},
                 {"\x28\xb5\x2f", 3, 3, "truncated"},
                 {"\x5f\x2a\x4d", 3, 3, "truncated"},
                 {"\x28\xb5\x2e\xfd", 4, 0, "not zstd"},
                 {"\x1f\x8b", 2, 0, "not zstd"}};
    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading got;
        char offset[32];
        made_add_zstd(&stored, line, LINE, 3, i % 2 ? MADE_UNSIZED : 0);
        (void)snprintf(offset, sizeof offset, "at byte %zu", stored.len + cases[i / 2].beyond);
        made_add(&stored, cases[i / 2].bytes, cases[i / 2].len);
        read_bytes(stored.data, stored.len, &got);
        CHECK(got.failed && got.err.status == STATUS_INPUT, "case %zu", i);
        CHECK(strstr(got.err.text, offset) != NULL, "case %zu: %s", i, got.err.text);
        CHECK(strstr(got.err.text, cases[i / 2].says) != NULL, "case %zu: %s", i, got.err.text);
        buf_release(&got.text);
    }
}

static void zeros_after_the_end_are_not_data(void **state)
{
    static const size_t counts[] = {1, 3, 4, 511, READER_BUFFER, 3 * READER_BUFFER};
    static const char zeros[3 * READER_BUFFER];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        OWNED_BUF(stored, MADE_MAX);
        struct reading got;
        made_add_frames(&stored, line, LINE, 20, i % 2 ? MADE_UNSIZED : 0);
        made_add(&stored, zeros, counts[i]);
        assert_reads_as(&stored, line, LINE);
        made_add_zstd(&stored, line, LINE, 3, 0); /* not to the end */
        read_bytes(stored.data, stored.len, &got);
        CHECK(got.failed && got.err.status == STATUS_INPUT, "%zu zeros", counts[i]);
        buf_release(&got.text);
    }
}

static void what_is_not_read_is_refused_with_the_way_out(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *says;
    } cases[] = {
        /* Window descriptors: 2^27 and an eighth more, 2^28; a dictionary; a reserved bit. */
        {"\x28\xb5\x2f\xfd\x00\x89\x01\x00\x00", 9,
         "byte 0 needs a window of 150994944 bytes, more"},
        {"\x28\xb5\x2f\xfd\x00\x90\x01\x00\x00", 9,
         "byte 0 needs a window of 268435456 bytes, more"},
        {"\x28\xb5\x2f\xfd\x21\x07\x00\x01\x00\x00", 10, "byte 0 needs dictionary 7, which is not"},
        {"\x28\xb5\x2f\xfd\x08\x00\x01\x00\x00", 9, "corrupt zstd data at byte 0"},
        {"\x50\x2a\x4d\x18\0\0\0\0\x04\x22\x4d\x18xxxx", 16, "this is compressed with lz4"},
    };
    struct reading got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        read_bytes(cases[i].bytes, cases[i].len, &got);
        CHECK(got.failed && got.err.status == STATUS_INPUT, "case %zu: %s", i, got.err.text);
        CHECK(strstr(got.err.text, cases[i].says) != NULL, "case %zu: %s", i, got.err.text);
        CHECK(strstr(got.err.text, scratch_dir) != NULL, "case %zu: %s", i, got.err.text);
        buf_release(&got.text);
    }
    /* The largest window that is read. */
    read_bytes("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9, &got);
    assert_true(is_text(&got, "", 0));
    buf_release(&got.text);
}

/* Hands out so many bytes, or ends in an error at a call. */
struct purse {
    size_t left;
    int calls, fails_at;
};

static int take(void *context, size_t bytes, struct err *err)
{
    struct purse *purse = context;
    if (++purse->calls == purse->fails_at)
        return (int)err_set(err, STATUS_TRANSIENT, "no space") - 1;
    if (bytes > purse->left)
        return 0;
    purse->left -= bytes;
    return 1;
}

static void memory_is_asked_for_once_by_window(void **state)
{
    const size_t len = 2 * BLOCK_BYTES, turn = zstd_turn_memory(len),
                 small = zstd_turn_memory(1024);
    struct purse purse = {.left = turn};
    char *text = make_text(len);
    OWNED_BUF(stored, MADE_MAX);
    struct reading got;
    (void)state;
    made_add_zstd(&stored, "", 0, 1, MADE_UNSIZED);
    for (int i = 0; i < 3; i++)
        made_add_zstd(&stored, text, len, 19, 0);
    reading_memory = (struct source_memory){.reserve = take, .context = &purse, .blocks = 4};
    read_bytes(stored.data, stored.len, &got);
    CHECK(!got.failed && got.text.len == 3 * len, "%s", got.err.text);
    assert_true(purse.calls >= 1 && purse.left < turn);
    buf_release(&got.text);

    purse = (struct purse){.left = turn - 1};
    read_bytes(stored.data, stored.len, &got);
    assert_true(got.failed && got.err.status == STATUS_USAGE);
    CHECK(strstr(got.err.text, "needs a window of") != NULL &&
              strstr(got.err.text, "--max-memory") != NULL,
          "%s", got.err.text);
    buf_release(&got.text);

    purse = (struct purse){.left = turn, .fails_at = 1};
    read_bytes(stored.data, stored.len, &got);
    assert_true(got.failed && got.err.status == STATUS_TRANSIENT);
    assert_string_equal(got.err.text, "no space");
    buf_release(&got.text);

    /* Small frames are read in turn where there is no memory to read them side by side. */
    buf_clear(&stored);
    made_add_frames(&stored, text, len, 50000, 0);
    for (int plenty = 0; plenty < 2; plenty++) {
        purse = (struct purse){.left = plenty ? SIZE_MAX : small + (1 << 20)};
        read_bytes(stored.data, stored.len, &got);
        CHECK(is_text(&got, text, len), "%s", got.err.text);
        CHECK(purse.calls < 4 + 3 * !plenty, "%d calls", purse.calls);
        buf_release(&got.text);
    }
    reading_memory = (struct source_memory){.blocks = 4};
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_store_a_text_reads_the_same),
        cmocka_unit_test(a_flood_of_tiny_frames_is_read),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(every_flipped_bit_is_an_error_or_changes_nothing),
        cmocka_unit_test(any_damage_ends_well),
        cmocka_unit_test(rubbish_after_the_end_is_an_error),
        cmocka_unit_test(zeros_after_the_end_are_not_data),
        cmocka_unit_test(what_is_not_read_is_refused_with_the_way_out),
        cmocka_unit_test(memory_is_asked_for_once_by_window),
    };
    return cmocka_run_group_tests(tests, reading_set_up, reading_tear_down);
}
