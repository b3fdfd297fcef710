#include "job_service/logs/reading.h"

#include "common/tests/unit.h"

enum { LIMIT = 8 << 20, SMALL = 10, PIECE = 16 << 10 };

static struct reading reading;

static int open_one(void **state)
{
    (void)state;
    reading_open(&reading, LIMIT);
    return 0;
}

static int close_one(void **state)
{
    (void)state;
    reading_release(&reading);
    return 0;
}

static enum reading_said take(const char *text)
{
    return reading_take(&reading, text, strlen(text));
}

static void store_all(void)
{
    reading_stored(&reading, reading.stored + reading.pending.len);
}

static void sha256_of(const char *text, char out[SHA256_HEX + 1])
{
    struct sha256 hash;
    sha256_init(&hash);
    sha256_add(&hash, text, strlen(text));
    sha256_hex(&hash, out);
}

static void bytes_wait_until_they_are_stored(void **state)
{
    (void)state;
    assert_int_equal(take("abc"), READING_TAKEN);
    assert_int_equal(take("def"), READING_TAKEN);
    assert_string_equal(reading.pending.data, "abcdef");
    reading_stored(&reading, 4);
    assert_string_equal(reading.pending.data, "ef");
    store_all();
    assert_int_equal(reading.stored, 6);
    assert_int_equal(reading.pending.len, 0);
}

static void next_reading_drops_what_came_before(void **state)
{
    (void)state;
    (void)take("abcdef");
    reading_end(&reading);
    reading_stored(&reading, 3);
    /* Pieces of other sizes, over what is stored, what waits, and what is new. */
    static const char *const pieces[] = {"a", "bcd", "efg", "h"};
    reading_begin(&reading);
    for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
        assert_int_equal(take(pieces[i]), READING_TAKEN);
    assert_string_equal(reading.pending.data, "defgh");
    reading_end(&reading);
    assert_int_equal(reading.top, 8);
}

static void next_reading_in_any_pieces_gives_the_same_bytes(void **state)
{
    char text[300];
    uint64_t seed = 1;
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)chance(&seed);
    for (int round = 0; round < 500; round++) {
        OWNED_BUF(got, 1000);
        struct reading one;
        reading_open(&one, LIMIT);
        while (got.len < sizeof text) {
            size_t until = chance_below(&seed, sizeof text + 1);
            reading_begin(&one);
            for (size_t at = 0, len; at < until; at += len) {
                len = 1 + chance_below(&seed, until - at);
                assert_int_equal(reading_take(&one, text + at, len), READING_TAKEN);
                if (chance_below(&seed, 2) == 0) {
                    buf_add(&got, one.pending.data, one.pending.len);
                    reading_stored(&one, one.stored + one.pending.len);
                }
            }
            reading_end(&one);
            buf_add(&got, one.pending.data, one.pending.len);
            reading_stored(&one, one.stored + one.pending.len);
        }
        assert_int_equal(got.len, sizeof text);
        assert_memory_equal(got.data, text, sizeof text);
        reading_release(&one);
    }
}

static void other_bytes_than_before_are_noticed(void **state)
{
    (void)state;
    (void)take("abcdef");
    reading_end(&reading);
    store_all();
    reading_begin(&reading);
    assert_int_equal(take("abc"), READING_TAKEN);
    assert_int_equal(take("xefg"), READING_DIFFERS);
    assert_true(reading.differs);
    assert_int_equal(reading.pending.len, 0);
    reading_end(&reading);
    assert_int_equal(reading.top, 6);
}

static void what_the_database_has_is_dropped_if_it_fits(void **state)
{
    char digest[SHA256_HEX + 1];
    (void)state;
    sha256_of("abc", digest);
    reading_resume(&reading, 3, digest);
    assert_int_equal(take("abcd"), READING_TAKEN);
    assert_string_equal(reading.pending.data, "d");
}

static void what_the_database_has_and_the_node_has_not_differs(void **state)
{
    char digest[SHA256_HEX + 1];
    (void)state;
    sha256_of("abc", digest);
    reading_resume(&reading, 3, digest);
    assert_int_equal(take("bcd"), READING_DIFFERS);
    assert_int_equal(reading.pending.len, 0);
}

static void other_dispatcher_may_be_ahead(void **state)
{
    (void)state;
    (void)take("abcdef");
    reading_stored(&reading, 8);
    assert_int_equal(reading.pending.len, 0);
    (void)take("gh");
    (void)take("ij");
    assert_string_equal(reading.pending.data, "ij");
    reading_stored(&reading, 5); /* an old answer */
    assert_int_equal(reading.stored, 8);
}

static void nothing_is_taken_while_too_much_waits(void **state)
{
    char *piece = calloc(1, PIECE);
    (void)state;
    for (size_t len = 0; len < READING_CHUNK; len += PIECE)
        assert_int_equal(reading_take(&reading, piece, PIECE), READING_TAKEN);
    assert_int_equal(reading_take(&reading, piece, PIECE), READING_FULL);
    assert_int_equal(reading.pending.len, READING_CHUNK);
    store_all();
    assert_int_equal(reading_take(&reading, piece, PIECE), READING_TAKEN);
    free(piece);
}

static void limit_itself_is_allowed_and_one_byte_more_is_not(void **state)
{
    struct reading small;
    (void)state;
    reading_open(&small, SMALL);
    assert_int_equal(reading_take(&small, "0123456789", 10), READING_TAKEN);
    assert_int_equal(reading_take(&small, "x", 1), READING_OVER);
    assert_string_equal(small.pending.data, "0123456789");
    reading_begin(&small);
    assert_int_equal(reading_take(&small, "0123456789xyz", 13), READING_OVER);
    assert_string_equal(small.pending.data, "0123456789");
    reading_release(&small);
}

static void words_of_the_node_are_told_from_output(void **state)
{
    static const struct {
        const char *text;
        bool is, may_be;
    } cases[] = {
        {"", false, false},
        {"u", false, true},
        {"unable to retrieve container logs for ", true, true},
        {"unable to retrieve container logs for containerd://abc", true, true},
        {"failed to try resolving symlinks in path \"/x\": no such file", true, true},
        {"unable to retrieve container logs for x\n", false, false},
        {"Unable", false, false},
        {"output", false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading one;
        reading_open(&one, LIMIT);
        (void)reading_take(&one, cases[i].text, strlen(cases[i].text));
        CHECK(reading_is_message(&one) == cases[i].is, "%s", cases[i].text);
        CHECK(reading_may_be_message(&one) == cases[i].may_be, "%s", cases[i].text);
        reading_release(&one);
    }
    (void)take("line\n");
    store_all();
    (void)take("unable to retrieve container logs for x");
    assert_false(reading_is_message(&reading));
}

static void discarded_words_leave_nothing(void **state)
{
    (void)state;
    (void)take("unable to retrieve container logs for x");
    reading_end(&reading);
    reading_discard(&reading);
    reading_begin(&reading);
    assert_int_equal(take("output"), READING_TAKEN);
    assert_string_equal(reading.pending.data, "output");
}

static void record_says_how_many_bytes_there_are(void **state)
{
    static const struct {
        const char *text;
        bool exact, within_lines;
    } cases[] = {
        {"12\n45\n\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":6,\"perf\":1}\n", true, true},
        {"12\n45\n\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":8,\"perf\":1}\n", false, true},
        {"12\n45\n\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":10,\"perf\":1}\n", false, false},
        {"12\n45\n\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":5,\"perf\":1}\n", false, false},
        {"12\n45\n\x1e{\"cause\":\"done\",\"status\":0,\"bytes\":6,\"per", false, false},
        {"12\n45\n", false, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct reading one;
        reading_open(&one, LIMIT);
        for (const char *byte = cases[i].text; *byte != '\0'; byte++)
            (void)reading_take(&one, byte, 1);
        CHECK(reading_is_counted(&one, false) == cases[i].exact, "case %zu", i);
        CHECK(reading_is_counted(&one, true) == cases[i].within_lines, "case %zu", i);
        reading_release(&one);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_wait_until_they_are_stored, open_one, close_one),
        cmocka_unit_test_setup_teardown(next_reading_drops_what_came_before, open_one, close_one),
        cmocka_unit_test(next_reading_in_any_pieces_gives_the_same_bytes),
        cmocka_unit_test_setup_teardown(other_bytes_than_before_are_noticed, open_one, close_one),
        cmocka_unit_test_setup_teardown(what_the_database_has_is_dropped_if_it_fits, open_one,
                                        close_one),
        cmocka_unit_test_setup_teardown(what_the_database_has_and_the_node_has_not_differs,
                                        open_one, close_one),
        cmocka_unit_test_setup_teardown(other_dispatcher_may_be_ahead, open_one, close_one),
        cmocka_unit_test_setup_teardown(nothing_is_taken_while_too_much_waits, open_one, close_one),
        cmocka_unit_test(limit_itself_is_allowed_and_one_byte_more_is_not),
        cmocka_unit_test_setup_teardown(words_of_the_node_are_told_from_output, open_one,
                                        close_one),
        cmocka_unit_test_setup_teardown(discarded_words_leave_nothing, open_one, close_one),
        cmocka_unit_test(record_says_how_many_bytes_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
