#include "common/tests/short_memory.h"

#include "aggregator/read/names.h"
#include "common/tests/scratch.h"

#include <sys/stat.h>

enum { LIMIT = 1 << 20 };

static bool find(struct names *ret, const char *operand, const char *list, bool nul, bool recursive,
                 struct err *err)
{
    char *operands[] = {(char *)(uintptr_t)operand};
    const struct names_request request = {.operands = operands,
                                          .count = operand != NULL,
                                          .list = list,
                                          .nul = nul,
                                          .recursive = recursive,
                                          .limit = LIMIT};
    return names_find(ret, &request, err);
}

static void assert_found(const struct names *names, const char *const *wanted, size_t count)
{
    assert_int_equal(names->count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(names->item[i], wanted[i]);
}

#define ASSERT_FOUND(names, ...)                                                                   \
    assert_found(names, (const char *const[]){__VA_ARGS__},                                        \
                 ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

static void directory_stands_for_its_files_in_byte_order(void **state)
{
    struct names names;
    struct err err = {0};
    (void)state;
    for (int slash = 0; slash < 2; slash++) {
        assert_true(find(&names, slash ? "flat/" : "flat", NULL, false, false, &err));
        ASSERT_FOUND(&names, "flat/B", "flat/_", "flat/a", "flat/a-", "flat/a.b", "flat/b",
                     "flat/~", "flat/\xc3\xa9");
        assert_int_equal(names.directories + names.links + names.specials, 0);
        names_release(&names);
    }
}

static void directories_in_it_are_read_on_request_in_byte_order_of_paths(void **state)
{
    struct names names;
    struct err err = {0};
    (void)state;
    assert_true(find(&names, "deep", NULL, false, true, &err));
    ASSERT_FOUND(&names, "deep/a-b", "deep/a.b", "deep/a/1", "deep/a/z/0");
    assert_int_equal(names.directories, 0);
    names_release(&names);
    assert_true(find(&names, "deep", NULL, false, false, &err));
    ASSERT_FOUND(&names, "deep/a-b", "deep/a.b");
    assert_int_equal(names.directories, 2);
    names_release(&names);
}

static void links_and_pipes_are_read_where_they_are_named_only(void **state)
{
    struct names names;
    struct err err = {0};
    (void)state;
    assert_int_equal(mkdir("mixed", 0700), 0);
    scratch_write("mixed/file", "", 0);
    assert_int_equal(symlink("file", "mixed/link"), 0);
    assert_int_equal(symlink(".", "mixed/loop"), 0);
    assert_int_equal(symlink("nowhere", "mixed/dangling"), 0);
    assert_int_equal(mkfifo("mixed/fifo", 0600), 0);
    assert_int_equal(symlink("mixed", "to_mixed"), 0);
    for (int recursive = 0; recursive < 2; recursive++) {
        assert_true(find(&names, "to_mixed", NULL, false, recursive, &err));
        ASSERT_FOUND(&names, "to_mixed/file");
        assert_int_equal(names.links, 3);
        assert_int_equal(names.specials, 1);
        names_release(&names);
    }
    static const char *const named[] = {"mixed/link", "mixed/fifo", "-"};
    for (size_t i = 0; i < ARRAY_LEN(named); i++) {
        assert_true(find(&names, named[i], NULL, false, false, &err));
        ASSERT_FOUND(&names, named[i]);
        names_release(&names);
    }
}

static void list_holds_operands_in_lines_or_ended_by_nul(void **state)
{
    static const char lines[] = "one\n\nwith space\ndeep\n-", nuls[] = "one\0two\nlines\0deep";
    struct names names;
    struct err err = {0};
    (void)state;
    scratch_write("with space", "", 0);
    scratch_write("two\nlines", "", 0);
    scratch_write("list", lines, sizeof lines - 1);
    assert_true(find(&names, "list", "list", false, false, &err));
    ASSERT_FOUND(&names, "list", "one", "with space", "deep/a-b", "deep/a.b", "-");
    names_release(&names);
    for (size_t end = 0; end < 2; end++) { /* the last name may lack its end */
        scratch_write("list", nuls, sizeof nuls - end);
        assert_true(find(&names, NULL, "list", true, false, &err));
        ASSERT_FOUND(&names, "one", "two\nlines", "deep/a-b", "deep/a.b");
        names_release(&names);
    }
}

static void list_may_be_longer_than_any_buffer(void **state)
{
    enum { NAMES = 3000, LONG = 250 };
    static char text[NAMES * (LONG + 3)];
    char name[LONG + 1];
    struct names names;
    struct err err = {0};
    (void)state;
    memset(name, 'n', LONG);
    name[LONG] = '\0';
    scratch_write(name, "", 0);
    for (size_t i = 0, at = 0; i < NAMES; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "./%s\n", name);
    scratch_write("long", text, NAMES * (LONG + 3) - 1);
    assert_true(find(&names, NULL, "long", false, false, &err));
    assert_int_equal(names.count, NAMES);
    CHECK(names.bytes > sizeof text && names.bytes < LIMIT, "%llu",
          (unsigned long long)names.bytes);
    names_release(&names);
}

static void what_stands_for_no_file_is_refused_with_the_way_out(void **state)
{
    char too_long[5000];
    const struct {
        const char *operand, *list, *bytes;
        size_t len;
        enum status status;
        const char *says;
    } cases[] = {
        {"none", NULL, NULL, 0, STATUS_REFUSED, "No such file or directory; name the file"},
        {"https://h/k", NULL, NULL, 0, STATUS_REFUSED, "of addresses only s3://BUCKET/KEY is read"},
        {"file:///x", NULL, NULL, 0, STATUS_REFUSED, "without file://"},
        {"/none/*.gz", NULL, NULL, 0, STATUS_REFUSED,
         "no shell expanded the pattern: name the dir"},
        {"part-{0,1}", NULL, NULL, 0, STATUS_REFUSED, "no shell expanded the pattern"},
        {"one/*", NULL, NULL, 0, STATUS_REFUSED, "no shell expanded the pattern"},
        {"~/x", NULL, NULL, 0, STATUS_REFUSED, "no shell replaced the ~"},
        {"$HOME/x", NULL, NULL, 0, STATUS_REFUSED, "nothing replaced the $"},
        {"{{inputs.parameters.file}}", NULL, NULL, 0, STATUS_REFUSED, "Argo left the {{...}}"},
        {"hollow", NULL, NULL, 0, STATUS_REFUSED, "hollow has no file to read; is it the right"},
        {"nest", NULL, NULL, 0, STATUS_REFUSED, "nest has no file to read, but directories: add"},
        {"farm", NULL, NULL, 0, STATUS_REFUSED, "farm has no file to read, but symbolic links"},
        {NULL, "none", NULL, 0, STATUS_REFUSED, "cannot open none"},
        {NULL, "bad", "", 0, STATUS_REFUSED, "--files-from: bad names no file"},
        {NULL, "bad", "\n\n", 2, STATUS_REFUSED, "--files-from: bad names no file"},
        {NULL, "bad", "one\nnone\n", 9, STATUS_REFUSED,
         "--files-from: bad:2: cannot open none: No"},
        {NULL, "bad", "one\r\n", 5, STATUS_REFUSED, "the line ends of Windows"},
        {NULL, "bad", "one\nx\0y\n", 8, STATUS_USAGE, "--files-from: bad:2: a NUL byte; add -0"},
        {NULL, "bad", too_long, sizeof too_long, STATUS_USAGE, "bad:1: a name of more than 4095"},
        {"-", "-", NULL, 0, STATUS_USAGE, "cannot be read as events too"},
    };
    (void)state;
    memset(too_long, 'x', sizeof too_long);
    assert_int_equal(mkdir("hollow", 0700) | mkdir("nest", 0700) | mkdir("nest/in", 0700), 0);
    assert_int_equal(mkdir("farm", 0700) | symlink("../one", "farm/one"), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct names names;
        struct err err = {0};
        if (cases[i].bytes != NULL)
            scratch_write("bad", cases[i].bytes, cases[i].len);
        CHECK(!find(&names, cases[i].operand, cases[i].list, false, false, &err), "case %zu", i);
        CHECK(err.status == cases[i].status && strstr(err.text, cases[i].says) != NULL,
              "case %zu: status %d, %s", i, err.status, err.text);
        names_release(&names);
    }
    struct names names;
    struct err err = {0};
    scratch_write("bad", "one\0\0", 5);
    assert_false(find(&names, NULL, "bad", true, false, &err));
    CHECK(strstr(err.text, "bad:2: an empty name") != NULL, "%s", err.text);
    names_release(&names);
}

static void names_have_a_limit(void **state)
{
    char *operands[] = {(char *)(uintptr_t) "flat", (char *)(uintptr_t) "deep"};
    struct names_request request = {.operands = operands, .count = 2, .recursive = true};
    struct names names;
    struct err err = {0};
    (void)state;
    request.limit = LIMIT;
    assert_true(names_find(&names, &request, &err));
    const uint64_t taken = names.bytes;
    const size_t count = names.count;
    names_release(&names);
    for (request.limit = 0; request.limit < taken; request.limit += 7) {
        assert_false(names_find(&names, &request, &err));
        assert_int_equal(err.status, STATUS_USAGE);
        assert_true(strstr(err.text, "--max-memory") != NULL && names.count < count);
        assert_true(names.bytes <= request.limit);
        names_release(&names);
    }
}

static void file_that_went_away_since_may_pass_later(void **state)
{
    struct names names;
    struct err err = {0};
    (void)state;
    scratch_write("gone", "", 0);
    assert_true(find(&names, "gone", NULL, false, false, &err));
    (void)err_set(&err, STATUS_REFUSED, "cannot open it");
    names_explain(&names, &err);
    assert_string_equal(err.text, "cannot open it");
    assert_int_equal(unlink("gone"), 0);
    names_explain(&names, &err);
    assert_int_equal(err.status, STATUS_TRANSIENT);
    assert_string_equal(err.text, "gone went away while the input was read; run again when its "
                                  "writer is done");
    names_release(&names);
}

static void every_shortage_of_memory_is_survived(void **state)
{
    char *operands[] = {(char *)(uintptr_t) "flat", (char *)(uintptr_t) "deep",
                        (char *)(uintptr_t) "one"};
    const struct names_request request = {.operands = operands,
                                          .count = ARRAY_LEN(operands),
                                          .list = "names",
                                          .nul = true,
                                          .recursive = true,
                                          .limit = LIMIT};
    bool failed = SHORT_MEMORY_WORKS != 0;
    (void)state;
    for (long good = 0; failed; good++) {
        struct names names;
        struct err err = {0};
        short_memory_start(good);
        bool done = names_find(&names, &request, &err);
        names_release(&names);
        failed = short_memory_stop();
        CHECK(done || failed, "%ld allocations: %s", good, err.text);
        CHECK(done || err.status == STATUS_TRANSIENT, "%ld allocations: status %d, %s", good,
              err.status, err.text);
        CHECK(atomic_load(&short_memory_held) <= 0, "%ld allocations: %ld not freed", good,
              atomic_load(&short_memory_held));
    }
}

/* Two trees and a list, in the scratch directory, which is the working directory. */
static int set_up(void **state)
{
    static const char *const dirs[] = {"flat",      "deep",       "deep/a",         "deep/a/z",
                                       "deep/.git", "deep/empty", "deep/lost+found"};
    static const char *const files[] = {
        "one",      "flat/b",      "flat/a",        "flat/B",           "flat/a.b", "flat/a-",
        "flat/~",   "flat/_",      "flat/.c",       "deep/a/1",         "deep/a.b", "deep/a/z/0",
        "deep/a-b", "deep/.git/x", "flat/\xc3\xa9", "deep/lost+found/y"};
    bool failed = scratch_make(state) != 0 || chdir(scratch_dir) != 0;

    for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
        failed = failed || mkdir(dirs[i], 0700) != 0;
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        scratch_write(files[i], "", 0);
    scratch_write("names", "one\0flat", 9);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directory_stands_for_its_files_in_byte_order),
        cmocka_unit_test(directories_in_it_are_read_on_request_in_byte_order_of_paths),
        cmocka_unit_test(links_and_pipes_are_read_where_they_are_named_only),
        cmocka_unit_test(list_holds_operands_in_lines_or_ended_by_nul),
        cmocka_unit_test(list_may_be_longer_than_any_buffer),
        cmocka_unit_test(what_stands_for_no_file_is_refused_with_the_way_out),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(file_that_went_away_since_may_pass_later),
        cmocka_unit_test(every_shortage_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_drop);
}
