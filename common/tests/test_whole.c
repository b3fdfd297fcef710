#include "common/whole.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/tests/unit.h"

/* The far end of a pipe that holds len bytes and is closed. */
static int pipe_of(size_t len)
{
    static const char bytes[1 << 12];
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(len <= sizeof bytes && whole_write(ends[1], bytes, len));
    (void)close(ends[1]);
    return ends[0];
}

static void all_is_read_up_to_the_ceiling(void **state)
{
    enum { CEILING = 100 };
    (void)state;
    for (size_t len = CEILING - 2; len <= CEILING + 2; len++) {
        OWNED_BUF(out, CEILING);
        struct err err = {0};
        int fd = pipe_of(len);
        CHECK(whole_read(fd, "it", &out, &err) == (len <= CEILING), "%zu bytes", len);
        CHECK(out.len == (len <= CEILING ? len : CEILING), "%zu bytes", len);
        CHECK(len <= CEILING || (err.status == STATUS_BUG && strncmp(err.text, "it: ", 4) == 0),
              "%zu bytes: %s", len, err.text);
        (void)close(fd);
    }
}

static void reading_appends(void **state)
{
    OWNED_BUF(out, 1000);
    struct err err = {0};
    int fd = pipe_of(3);
    (void)state;
    buf_add_text(&out, "ab");
    assert_true(whole_read(fd, "it", &out, &err));
    assert_int_equal(out.len, 5);
    assert_memory_equal(out.data, "ab\0\0\0", 6);
    (void)close(fd);
}

static void what_cannot_be_read_is_named(void **state)
{
    OWNED_BUF(out, 1000);
    struct err err = {0};
    (void)state;
    assert_false(whole_read(-1, "the file", &out, &err));
    assert_string_equal(err.text, "cannot read the file: Bad file descriptor");
}

static void what_cannot_be_written_says_why(void **state)
{
    (void)state;
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(whole_write(fd, "", 0));
    errno = 0;
    assert_false(whole_write(fd, "x", 1));
    assert_int_equal(errno, ENOSPC);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read_up_to_the_ceiling),
        cmocka_unit_test(reading_appends),
        cmocka_unit_test(what_cannot_be_read_is_named),
        cmocka_unit_test(what_cannot_be_written_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
