#include "common/outfile.h"

#include "common/temporary.h"
#include "common/tests/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* Faults of the system under the module, switched on by a test. */
static bool no_unnamed_files, no_fsync, no_rename;
static struct outfile *meanwhile; /* committed right before a rename, as by another process */

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
    struct outfile *other = meanwhile;
    struct err err = {0};

    meanwhile = NULL;
    if (other != NULL)
        assert_true(outfile_commit(other, &err));
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

/* Written two minutes ago. */
static void make_old(const char *path)
{
    const struct timespec times[] = {{.tv_sec = time(NULL) - 120}, {.tv_sec = time(NULL) - 120}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static char *old_file(const char *name)
{
    char *path = scratch_path(name);
    scratch_write(path, "killed", 6);
    make_old(path);
    return path;
}

static void removes_what_was_left(const char *path)
{
    struct err err = {0};
    char *left = old_file(".both.0123456789abcdef.tmp");
    char *other = old_file(".both.fedcba9876543210.tmp");
    assert_true(outfile_put(path, "new", 3, &err));
    assert_int_equal(scratch_count(), 1);
    free(left);
    free(other);
}

static void what_a_killed_run_left_is_removed(void **state)
{
    (void)state;
    for_both_kinds(removes_what_was_left);
}

static void keeps_other_files(const char *path)
{
    static const char *const names[] = {
        ".both.tmp",                    /* a user's own */
        ".both.12345.tmp",              /* too short */
        ".both.0123456789ABCDEF.tmp",   /* capitals */
        ".both.0123456789abcdef0.tmp",  /* too long */
        ".both.0123456789abcdef.tmpx",  /* goes on */
        "both.0123456789abcdef.tmp",    /* not hidden */
        ".boths.0123456789abcdef.tmp",  /* another output's */
        ".both.2.0123456789abcdef.tmp", /* another output's */
        ".both.0123456789abcdef.tmp~",  /* an editor's */
        "..both.0123456789abcdef.tmp",  /* of an output .both */
        ".both.0123456789abcde\xc3\xa9.tmp",
    };
    struct err err = {0};
    char *other[ARRAY_LEN(names)];

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        other[i] = old_file(names[i]);
    assert_true(outfile_put(path, "new", 3, &err));
    assert_true(outfile_put(path, "newer", 5, &err));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CHECK(unlink(other[i]) == 0, "%s was removed", names[i]);
        free(other[i]);
    }
}

static void files_of_other_names_are_left_alone(void **state)
{
    (void)state;
    for_both_kinds(keeps_other_files);
}

static void keeps_what_may_be_used(const char *path)
{
    char *young = scratch_path(".both.0000000000000001.tmp");
    char *linked = old_file(".both.0000000000000002.tmp"), *link_of = scratch_path("link");
    char *locked = old_file(".both.0000000000000003.tmp");
    char *symbolic = scratch_path(".both.0000000000000004.tmp");
    char *dir = scratch_path(".both.0000000000000005.tmp");
    char *fifo = scratch_path(".both.0000000000000006.tmp");
    char *foreign = old_file(".both.0000000000000007.tmp");
    struct err err = {0};

    scratch_write(young, "", 0);
    assert_int_equal(link(linked, link_of), 0);
    int holder = open(locked, O_RDONLY | O_CLOEXEC);
    assert_true(holder >= 0 && flock(holder, LOCK_EX | LOCK_NB) == 0);
    assert_int_equal(symlink("link", symbolic) + mkdir(dir, 0700) + mkfifo(fifo, 0600), 0);
    make_old(symbolic);
    make_old(dir);
    make_old(fifo);
    if (geteuid() == 0)
        assert_int_equal(chown(foreign, 65531, 65531), 0);
    assert_true(outfile_put(path, "new", 3, &err));
    assert_int_equal(unlink(young) + unlink(linked) + unlink(link_of) + unlink(locked), 0);
    assert_int_equal(unlink(symbolic) + rmdir(dir) + unlink(fifo), 0);
    assert_int_equal(unlink(foreign), geteuid() == 0 ? 0 : -1);
    (void)close(holder);
    char *const all[] = {young, linked, link_of, locked, symbolic, dir, fifo, foreign};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        free(all[i]);
}

static void what_may_be_in_use_is_left_alone(void **state)
{
    (void)state;
    for_both_kinds(keeps_what_may_be_used);
}

/* Also while it has a name only because the file system has no unnamed files. */
static void output_under_way_is_locked(void **state)
{
    char *path = scratch_path("f");
    struct err err = {0};
    struct outfile out;
    (void)state;
    for (int named = 0; named < 2; named++) {
        no_unnamed_files = named == 1;
        assert_true(outfile_open(&out, path, &err));
        char again[64];
        (void)snprintf(again, sizeof again, "/proc/self/fd/%d", out.fd);
        int other = open(again, O_RDWR | O_CLOEXEC);
        assert_true(other >= 0);
        assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
        (void)close(other);
        outfile_discard(&out);
    }
    free(path);
}

static void names_alike_for_200_bytes_do_not_meet(void **state)
{
    char name[2][NAME_MAX + 1], *path[2];
    struct outfile out[2];
    struct err err = {0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        memset(name[i], 'n', 220);
        name[i][220] = (char)('a' + i);
        name[i][221] = '\0';
        path[i] = scratch_path(name[i]);
    }
    for (int named = 0; named < 2; named++) {
        no_unnamed_files = named == 1;
        for (int i = 0; i < 2; i++)
            scratch_write(path[i], "old", 3);
        for (int i = 0; i < 2; i++)
            assert_true(outfile_open(&out[i], path[i], &err));
        for (int i = 0; i < 2; i++)
            write_text(&out[i], i == 0 ? "first" : "second");
        meanwhile = &out[1];
        assert_true(outfile_commit(&out[0], &err));
        assert_holds(path[0], "first");
        assert_holds(path[1], "second");
        assert_int_equal(scratch_count(), 2);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(unlink(path[i]), 0);
        free(path[i]);
    }
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
    /* A link that leads nowhere is replaced by what is written. */
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
    struct outfile out[TEMPORARIES_MAX];
    char *path[TEMPORARIES_MAX], name[16];
    struct err err = {0};
    (void)state;
    no_unnamed_files = true;
    for (int i = 0; i < TEMPORARIES_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%d", i);
        path[i] = scratch_path(name);
        assert_true(outfile_open(&out[i], path[i], &err));
    }
    assert_int_equal(scratch_count(), TEMPORARIES_MAX);
    assert_true(outfile_commit(&out[3], &err));
    outfile_discard(&out[5]);
    temporary_remove_all();
    assert_int_equal(scratch_count(), 1);
    assert_int_equal(unlink(path[3]), 0);
    for (int i = 0; i < TEMPORARIES_MAX; i++) {
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
        TEST(what_a_killed_run_left_is_removed),
        TEST(files_of_other_names_are_left_alone),
        TEST(what_may_be_in_use_is_left_alone),
        TEST(output_under_way_is_locked),
        TEST(names_alike_for_200_bytes_do_not_meet),
        TEST(offsets_may_be_written_in_any_order),
        TEST(failed_commit_keeps_the_old_file),
        TEST(link_stays_and_its_target_is_replaced),
        TEST(what_cannot_be_a_file_is_refused),
        TEST(name_of_the_greatest_length_works),
        TEST(fifo_is_written_directly),
        TEST(full_device_is_a_shortage),
        TEST(standard_output_is_written_on),
        TEST(watchdog_removes_every_temporary_name),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_drop);
}
