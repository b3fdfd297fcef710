#include "common/outfile.h"

#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* Faults of the system under the module, switched on by a test. */
static bool no_unnamed_files, no_fsync, no_rename;

int access(const char *path, int mode)
{
    if (no_unnamed_files && strcmp(path, "/proc/self/fd") == 0) {
        errno = ENOENT;
        return -1;
    }
    return faccessat(AT_FDCWD, path, mode, 0);
}

int fsync(int fd)
{
    if (no_fsync) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

int rename(const char *from, const char *to)
{
    if (no_rename) {
        errno = EACCES;
        return -1;
    }
    return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static int end_of_faults(void **state)
{
    (void)state;
    no_unnamed_files = no_fsync = no_rename = false;
    return 0;
}

static void assert_holds(const char *path, const char *expected)
{
    char *text = scratch_read(path, NULL);
    assert_non_null(text);
    assert_string_equal(text, expected);
    free(text);
}

static void write_text(const struct outfile *out, const char *text)
{
    struct err err = {0};
    assert_true(outfile_write(out, text, strlen(text), &err));
}

/* The same whether the file system has unnamed files or not. */
static void for_both_kinds(void (*test)(const char *path))
{
    char *path = scratch_path("both");
    for (int named = 0; named < 2; named++) {
        no_unnamed_files = named == 1;
        test(path);
        (void)unlink(path);
        assert_int_equal(scratch_count(), 0);
    }
    free(path);
}

static void appears_at_commit(const char *path)
{
    struct outfile out;
    struct err err = {0};
    assert_true(outfile_open(&out, path, &err));
    write_text(&out, "hello ");
    assert_int_equal(access(path, F_OK), -1);
    write_text(&out, "world\n");
    assert_true(outfile_commit(&out, &err));
    assert_int_equal(out.fd, -1);
    assert_holds(path, "hello world\n");
    assert_int_equal(scratch_count(), 1);
    outfile_discard(&out);
    assert_holds(path, "hello world\n");
}

static void file_appears_whole_at_commit_and_stays(void **state)
{
    (void)state;
    for_both_kinds(appears_at_commit);
}

static void leaves_nothing(const char *path)
{
    struct outfile out;
    struct err err = {0};
    assert_true(outfile_open(&out, path, &err));
    write_text(&out, "half");
    outfile_discard(&out);
    assert_int_equal(out.fd, -1);
    assert_int_equal(scratch_count(), 0);
    outfile_discard(&out);
}

static void discarded_output_leaves_nothing(void **state)
{
    struct outfile closed = OUTFILE_CLOSED;
    (void)state;
    for_both_kinds(leaves_nothing);
    outfile_discard(&closed);
}

static void replaces_existing(const char *path)
{
    struct outfile out;
    struct err err = {0};
    scratch_write(path, "the old and longer text", 23);
    assert_true(outfile_open(&out, path, &err));
    write_text(&out, "new");
    assert_holds(path, "the old and longer text");
    assert_true(outfile_commit(&out, &err));
    assert_holds(path, "new");
    assert_true(outfile_open(&out, path, &err));
    write_text(&out, "newer");
    outfile_discard(&out);
    assert_holds(path, "new");
}

static void existing_file_is_replaced_at_commit_only(void **state)
{
    (void)state;
    for_both_kinds(replaces_existing);
}

static void put_again(const char *path, const char *text)
{
    struct err err = {0};
    assert_true(outfile_put(path, "before", 6, &err));
    CHECK(outfile_put(path, text, strlen(text), &err), "%s", err.text);
    assert_holds(path, text);
}

static void name_left_by_a_killed_run_is_taken_over(void **state)
{
    char *path = scratch_path("f"), *left = scratch_path(".f.tmp");
    (void)state;
    scratch_write(left, "killed", 6);
    put_again(path, "after");
    assert_int_equal(scratch_count(), 1);
    assert_int_equal(unlink(path), 0);
    free(left);
    free(path);
}

static void name_that_cannot_be_taken_is_not_needed(void **state)
{
    char *path = scratch_path("f"), *taken = scratch_path(".f.tmp");
    (void)state;
    assert_int_equal(mkdir(taken, 0700), 0);
    put_again(path, "after");
    assert_int_equal(scratch_count(), 2);
    assert_int_equal(rmdir(taken), 0);
    assert_int_equal(unlink(path), 0);
    free(taken);
    free(path);
}

static void writes_anywhere(const char *path)
{
    struct outfile out;
    struct err err = {0};
    assert_true(outfile_open(&out, path, &err));
    for (int i = 9; i >= 0; i--) {
        const char digit = (char)('0' + i);
        assert_true(outfile_write_at(&out, &digit, 1, (uint64_t)i, &err));
    }
    assert_true(outfile_write_at(&out, "", 0, 100, &err));
    assert_true(outfile_commit(&out, &err));
    assert_holds(path, "0123456789");
}

static void offsets_may_be_written_in_any_order(void **state)
{
    (void)state;
    for_both_kinds(writes_anywhere);
}

static void fails_without_a_trace(const char *path)
{
    bool *const faults[] = {&no_fsync, &no_rename};
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct outfile out;
        struct err err = {0};
        scratch_write(path, "old", 3);
        assert_true(outfile_open(&out, path, &err));
        write_text(&out, "new");
        *faults[i] = true;
        assert_false(outfile_commit(&out, &err));
        *faults[i] = false;
        assert_int_equal(err.status, i == 0 ? STATUS_TRANSIENT : STATUS_REFUSED);
        assert_non_null(strstr(err.text, path));
        assert_int_equal(out.fd, -1);
        assert_holds(path, "old");
        assert_int_equal(scratch_count(), 1);
    }
}

static void failed_commit_keeps_the_old_file(void **state)
{
    (void)state;
    for_both_kinds(fails_without_a_trace);
}

static void link_stays_and_its_target_is_replaced(void **state)
{
    char *dir = scratch_path("data"), *target = scratch_path("data/real"),
         *link = scratch_path("l");
    struct outfile out;
    struct err err = {0};
    struct stat st;
    (void)state;
    assert_int_equal(mkdir(dir, 0777), 0);
    scratch_write(target, "old", 3);
    assert_int_equal(symlink("data/real", link), 0);
    for (int named = 0; named < 2; named++) {
        no_unnamed_files = named == 1;
        assert_true(outfile_open(&out, link, &err));
        write_text(&out, named ? "named" : "unnamed");
        assert_true(outfile_commit(&out, &err));
        assert_int_equal(lstat(link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_holds(target, named ? "named" : "unnamed");
        assert_true(outfile_open(&out, link, &err));
        outfile_discard(&out);
        assert_int_equal(scratch_count(), 2);
    }
    /* A link to nowhere is no file: what is written takes its place. */
    assert_int_equal(unlink(target), 0);
    assert_true(outfile_put(link, "x", 1, &err));
    assert_holds(link, "x");
    assert_int_equal(unlink(link) + rmdir(dir), 0);
    free(dir);
    free(target);
    free(link);
}

static void what_cannot_be_a_file_is_refused(void **state)
{
    char *no_dir = scratch_path("missing/file"), *slash = scratch_path("name/");
    char *below_file = scratch_path("file/below"), *file = scratch_path("file");
    char long_name[NAME_MAX + 3], *too_long;
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    too_long = scratch_path(long_name);
    const struct {
        const char *path, *says;
    } cases[] = {
        {scratch_dir, "it is a directory"}, {"", "not a file name"},
        {slash, "not a file name"},         {no_dir, "create the directory first"},
        {below_file, "Not a directory"},    {too_long, "name too long"},
    };
    (void)state;
    scratch_write(file, "", 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct outfile out;
        struct err err = {0};
        bool opened = outfile_open(&out, cases[i].path, &err);
        if (opened) /* a name that is too long shows when it is linked */
            opened = outfile_commit(&out, &err);
        CHECK(!opened, "'%s'", cases[i].path);
        CHECK(out.fd == -1, "'%s'", cases[i].path);
        CHECK(err.status == STATUS_REFUSED, "'%s'", cases[i].path);
        CHECK(strstr(err.text, cases[i].says) != NULL, "'%s': %s", cases[i].path, err.text);
    }
    assert_int_equal(unlink(file), 0);
    assert_int_equal(scratch_count(), 0);
    free(no_dir);
    free(slash);
    free(below_file);
    free(file);
    free(too_long);
}

static void name_of_the_greatest_length_works(void **state)
{
    char name[NAME_MAX + 1];
    struct err err = {0};
    (void)state;
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    char *path = scratch_path(name);
    for (int named = 0; named < 2; named++) {
        no_unnamed_files = named == 1;
        assert_true(outfile_put(path, "x", 1, &err));
        assert_holds(path, "x");
    }
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void fifo_is_written_directly(void **state)
{
    char *path = scratch_path("fifo"), got[16] = "";
    struct outfile out;
    struct err err = {0};
    struct stat st;
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_true(outfile_open(&out, path, &err));
    assert_true(out.direct);
    write_text(&out, "through");
    assert_int_equal(read(reader, got, sizeof got), 7);
    assert_true(outfile_commit(&out, &err));
    assert_string_equal(got, "through");
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(close(reader) + unlink(path), 0);
    free(path);
}

static void full_device_is_a_shortage(void **state)
{
    struct outfile out;
    struct err err = {0};
    (void)state;
    assert_true(outfile_open(&out, "/dev/full", &err));
    assert_false(outfile_write(&out, "x", 1, &err));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    assert_non_null(strstr(err.text, "/dev/full"));
    outfile_discard(&out);
    assert_true(outfile_put("/dev/null", "x", 1, &err));
}

/* With > FILE and >> FILE the descriptor leads to a regular file, which is not ours to replace. */
static void standard_output_is_written_on(void **state)
{
    static const char *const names[] = {"-", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"};
    char *path = scratch_path("stdout");
    struct err err = {0};
    (void)state;
    (void)fflush(stdout);
    const int kept = dup(STDOUT_FILENO);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        scratch_write(path, "before ", 7);
        int file = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        bool moved = dup2(file, STDOUT_FILENO) == STDOUT_FILENO;
        bool put = moved && outfile_put(names[i], "after", 5, &err);
        (void)dup2(kept, STDOUT_FILENO);
        (void)close(file);
        CHECK(moved && put, "%s", names[i]);
        assert_holds(path, "before after");
        assert_int_equal(scratch_count(), 1);
    }
    (void)close(kept);
    assert_int_equal(unlink(path), 0);
    free(path);
}

static void watchdog_removes_every_temporary_name(void **state)
{
    struct outfile out[OUTFILES_MAX];
    char *path[OUTFILES_MAX], name[16];
    struct err err = {0};
    (void)state;
    no_unnamed_files = true;
    for (int i = 0; i < OUTFILES_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        path[i] = scratch_path(name);
        assert_true(outfile_open(&out[i], path[i], &err));
    }
    assert_int_equal(scratch_count(), OUTFILES_MAX);
    assert_true(outfile_commit(&out[3], &err));
    outfile_discard(&out[5]);
    outfile_discard_all();
    assert_int_equal(scratch_count(), 1);
    assert_int_equal(unlink(path[3]), 0);
    for (int i = 0; i < OUTFILES_MAX; i++) {
        outfile_discard(&out[i]);
        free(path[i]);
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, end_of_faults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file_appears_whole_at_commit_and_stays),
        TEST(discarded_output_leaves_nothing),
        TEST(existing_file_is_replaced_at_commit_only),
        TEST(offsets_may_be_written_in_any_order),
        TEST(failed_commit_keeps_the_old_file),
        TEST(link_stays_and_its_target_is_replaced),
        TEST(what_cannot_be_a_file_is_refused),
        TEST(name_of_the_greatest_length_works),
        TEST(fifo_is_written_directly),
        TEST(full_device_is_a_shortage),
        TEST(standard_output_is_written_on),
        TEST(name_left_by_a_killed_run_is_taken_over),
        TEST(name_that_cannot_be_taken_is_not_needed),
        TEST(watchdog_removes_every_temporary_name),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
