/* What an output asks of the system under it: the calls here see it, or answer for it. */
#include "common/outfile.h"

#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

static bool short_writes, links_of_others;
static int directory_syncs;

int fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        directory_syncs++;
    return fdatasync(fd);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    const struct iovec block = {.iov_base = (void *)(uintptr_t)bytes,
                                .iov_len = short_writes && len > 3 ? 3 : len};
    return pwritev(fd, &block, 1, offset);
}

int lstat(const char *path, struct stat *ret)
{
    int failed = fstatat(AT_FDCWD, path, ret, AT_SYMLINK_NOFOLLOW);

    if (failed == 0 && links_of_others && S_ISLNK(ret->st_mode))
        ret->st_uid = geteuid() + 1;
    return failed;
}

static int end_of_faults(void **state)
{
    (void)state;
    short_writes = links_of_others = false;
    return 0;
}

static void put(const char *path, const char *text)
{
    struct err err = {0};
    assert_true(outfile_put(path, text, strlen(text), &err));
}

static void assert_text(const char *path, const char *expected)
{
    char *text = scratch_read(path, NULL);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void name_of_an_output_is_made_durable(void **state)
{
    char *path = scratch_path("durable");
    (void)state;
    directory_syncs = 0;
    put(path, "one");
    assert_int_equal(directory_syncs, 1);
    put(path, "two"); /* in the place of the first */
    assert_int_equal(directory_syncs, 2);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void mode_of_an_output_is_the_umasks(void **state)
{
    static const mode_t masks[] = {0022, 0077, 0002};
    char *path = scratch_path("mode");
    struct stat st;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        mode_t before = umask(masks[i]);
        put(path, "x");
        (void)umask(before);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0666 & ~masks[i]);
        assert_int_equal(unlink(path), 0);
    }
    free(path);
}

static void short_write_at_an_offset_is_continued_where_it_ended(void **state)
{
    char *path = scratch_path("short");
    struct outfile out;
    struct err err = {0};
    (void)state;
    short_writes = true;
    assert_true(outfile_open(&out, path, &err));
    assert_true(outfile_write_at(&out, "world", 5, 6, &err));
    assert_true(outfile_write_at(&out, "hello ", 6, 0, &err));
    assert_true(outfile_commit(&out, &err));
    assert_text(path, "hello world");
    assert_int_equal(unlink(path), 0);
    free(path);
}

/* Whoever may add links to a directory such as /tmp must not choose what is overwritten. */
static void link_of_another_user_in_a_shared_directory_is_not_followed(void **state)
{
    char *dir = scratch_path("shared"), *link = scratch_path("shared/link"),
         *real = scratch_path("real");
    struct outfile out;
    struct err err = {0};
    (void)state;
    put(real, "precious");
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(chmod(dir, 01777), 0);
    assert_int_equal(symlink("../real", link), 0);
    links_of_others = true;
    assert_false(outfile_open(&out, link, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_non_null(strstr(err.text, "cannot follow the link"));
    assert_text(real, "precious");
    assert_int_equal(chmod(dir, 0755), 0); /* nobody else adds links here */
    put(link, "replaced");
    assert_text(real, "replaced");
    links_of_others = false;
    assert_int_equal(chmod(dir, 01777), 0); /* one's own link */
    put(link, "again");
    assert_text(real, "again");
    assert_int_equal(unlink(link) + rmdir(dir) + unlink(real), 0);
    free(dir);
    free(link);
    free(real);
}

#define TEST(name) cmocka_unit_test_teardown(name, end_of_faults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(name_of_an_output_is_made_durable),
        TEST(mode_of_an_output_is_the_umasks),
        TEST(short_write_at_an_offset_is_continued_where_it_ended),
        TEST(link_of_another_user_in_a_shared_directory_is_not_followed),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
