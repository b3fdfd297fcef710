#include "gvisor_probe/witness/witness.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/json_in.h"
#include "common/sha256.h"
#include "common/tests/scratch.h"
#include "gvisor_probe/compare/witness_record.h"

/* A prepared directory, and what lies in it. */
static char *prepared(char token[WITNESS_TOKEN_LEN + 1])
{
    char *path = scratch_path("host");
    struct err err = {0};
    CHECK(witness_prepare(path, token, &err), "%s", err.text);
    return path;
}

static char *below(const char *path, const char *name)
{
    char *made = NULL;
    if (asprintf(&made, "%s/%s", path, name) < 0)
        abort();
    return made;
}

static void put(const char *path, const char *name, const char *text)
{
    char *file = below(path, name);
    scratch_write(file, text, strlen(text));
    free(file);
}

static void make_directory(const char *path, const char *name)
{
    char *made = below(path, name);
    assert_int_equal(mkdir(made, 0755), 0);
    free(made);
}

static struct witness_record collected(const char *path, const char *token)
{
    OWNED_BUF(text, WITNESS_RECORD_MAX);
    struct witness_record record = {0};
    struct err err = {0};
    const char *fault;

    CHECK(witness_collect(path, token, NULL, &text, &fault, &err), "%s", err.text);
    cJSON *json = json_parse("witness.json", text.data, text.len, &err);
    CHECK(json != NULL, "%s", err.text);
    CHECK(witness_record_read(&record, "witness.json", json, &err), "%s", err.text);
    assert_string_equal(fault == NULL ? "" : fault, record.fault == NULL ? "" : record.fault);
    return record;
}

static const cJSON *entry(const struct witness_record *record, const char *name)
{
    const cJSON *item = record->entries;
    while (item != NULL &&
           strcmp(cJSON_GetObjectItemCaseSensitive(item, "name")->valuestring, name) != 0)
        item = item->next;
    return item;
}

static const char *text_of(const struct witness_record *record, const char *name,
                           const char *member)
{
    const cJSON *item = entry(record, name);
    CHECK(item != NULL, "%s is listed", name);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, member));
    return text == NULL ? "" : text;
}

static void prepare_makes_what_the_experiment_needs(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);
    struct witness_record record = collected(path, token);

    (void)state;
    assert_null(record.fault);
    assert_string_equal(text_of(&record, WITNESS_OPEN, "mode"), "1777");
    assert_string_equal(text_of(&record, WITNESS_LOCKED, "mode"), "0755");
    assert_string_equal(text_of(&record, WITNESS_FIFO, "type"), "fifo");
    assert_string_equal(text_of(&record, WITNESS_FIFO, "mode"), "0666");
    assert_string_equal(record.token, token);
    assert_false(record.truncated);
    witness_record_release(&record);
    free(path);
}

static void prepare_again_keeps_the_token(void **state)
{
    char first[WITNESS_TOKEN_LEN + 1], second[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(first);

    (void)state;
    free(path);
    path = prepared(second);
    assert_string_equal(first, second);
    free(path);
}

static void tokens_differ(void **state)
{
    char first[WITNESS_TOKEN_LEN + 1], second[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(first), *other = scratch_path("other");
    struct err err = {0};

    (void)state;
    assert_true(witness_prepare(other, second, &err));
    assert_string_not_equal(first, second);
    free(path);
    free(other);
}

static void prepare_refuses_a_directory_that_is_used(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);
    struct err err = {0};

    (void)state;
    put(path, "open/left", "by somebody");
    assert_false(witness_prepare(path, token, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_non_null(strstr(err.text, "not empty"));
    free(path);
}

static void a_directory_open_to_others_is_refused(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);
    struct err err = {0};

    (void)state;
    assert_int_equal(chmod(path, 0777), 0);
    assert_int_equal(witness_open(path, &err), -1);
    assert_int_equal(err.status, STATUS_REFUSED);
    free(path);
}

static void a_link_to_a_directory_is_refused(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token), *link = scratch_path("link");
    struct err err = {0};

    (void)state;
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(witness_open(link, &err), -1);
    free(path);
    free(link);
}

static void files_are_recorded_with_their_hash(void **state)
{
    struct sha256 hash;
    char hex[SHA256_HEX + 1], token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);

    (void)state;
    put(path, "open/a", "what a pod wrote\n");
    struct witness_record record = collected(path, token);
    sha256_init(&hash);
    sha256_add(&hash, "what a pod wrote\n", strlen("what a pod wrote\n"));
    sha256_hex(&hash, hex);
    assert_string_equal(text_of(&record, "open/a", "sha256"), hex);
    witness_record_release(&record);
    free(path);
}

/* Each of these leads out of the directory, blocks whoever opens it, or both. */
static void links_and_fifos_are_listed_and_not_opened(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);
    char *fifo = below(path, "open/fifo"), *link = below(path, "open/link"),
         *up = below(path, "open/up");

    (void)state;
    assert_int_equal(mkfifo(fifo, 0666), 0);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(symlink("..", up), 0);
    struct witness_record record = collected(path, token);
    assert_string_equal(text_of(&record, "open/fifo", "type"), "fifo");
    assert_string_equal(text_of(&record, "open/link", "type"), "symlink");
    assert_string_equal(text_of(&record, "open/link", "sha256"), "");
    assert_null(entry(&record, "open/up/open"));
    assert_false(record.truncated);
    witness_record_release(&record);
    free(fifo);
    free(link);
    free(up);
    free(path);
}

static void a_tree_that_is_too_deep_is_cut_and_said_to_be(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1], name[256] = "open";
    char *path = prepared(token);

    (void)state;
    for (int depth = 0; depth < WITNESS_DEPTH + 4; depth++) {
        strncat(name, "/d", sizeof name - strlen(name) - 1);
        make_directory(path, name);
    }
    struct witness_record record = collected(path, token);
    assert_true(record.truncated);
    witness_record_release(&record);
    free(path);
}

static void a_tree_that_is_too_wide_is_cut_and_said_to_be(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);

    (void)state;
    for (int i = 0; i < WITNESS_ENTRIES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "open/%d", i);
        put(path, name, "");
    }
    struct witness_record record = collected(path, token);
    assert_true(record.truncated);
    witness_record_release(&record);
    free(path);
}

static void a_large_file_is_listed_but_not_hashed(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token), *large = below(path, "open/large");

    (void)state;
    put(path, "open/large", "x");
    assert_int_equal(truncate(large, (off_t)1 << 40), 0);
    struct witness_record record = collected(path, token);
    assert_string_equal(text_of(&record, "open/large", "sha256"), "");
    witness_record_release(&record);
    free(large);
    free(path);
}

static void names_of_any_bytes_make_a_valid_record(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);

    (void)state;
    put(path, "open/\xff\x1b[2J\"\n", "");
    struct witness_record record = collected(path, token);
    assert_non_null(entry(&record, "open/\\xff\\x1b[2J\"\\x0a"));
    witness_record_release(&record);
    free(path);
}

static void filestores_are_named(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);

    (void)state;
    put(path, "open/.gvisor.filestore.abc", "");
    struct witness_record record = collected(path, token);
    assert_string_equal(record.filestores->valuestring, "open/.gvisor.filestore.abc");
    witness_record_release(&record);
    free(path);
}

static void another_directory_makes_the_record_invalid(void **state)
{
    static const char *const spoils[] = {"token", "canary", "open"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
        char token[WITNESS_TOKEN_LEN + 1];
        char *path = prepared(token), *canary = below(path, WITNESS_CANARY),
             *open = below(path, WITNESS_OPEN);
        if (strcmp(spoils[i], "token") == 0)
            token[0] = token[0] == '0' ? '1' : '0';
        else if (strcmp(spoils[i], "canary") == 0)
            assert_int_equal(unlink(canary), 0);
        else
            assert_int_equal(chmod(open, 0755), 0);
        struct witness_record record = collected(path, token);
        CHECK(record.fault != NULL, "%s", spoils[i]);
        witness_record_release(&record);
        assert_int_equal(scratch_drop(NULL), 0);
        assert_int_equal(scratch_make(NULL), 0);
        free(path);
        free(canary);
        free(open);
    }
}

static void what_the_decoys_file_holds_must_be_the_witnesss_own(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token), *decoys = below(path, WITNESS_DECOYS);
    OWNED_BUF(record, WITNESS_RECORD_MAX);
    const char *fault;
    struct err err = {0};

    (void)state;
    assert_int_equal(symlink("/etc/passwd", decoys), 0);
    assert_false(witness_collect(path, token, NULL, &record, &fault, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    free(decoys);
    free(path);
}

static void removal_takes_all_that_pods_left_and_follows_no_link(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1], *outside = scratch_path("outside");
    char *path = prepared(token), *link = below(path, "open/link"), *kept = below(outside, "kept");
    struct err err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(mkdir(outside, 0755), 0);
    put(outside, "kept", "x");
    make_directory(path, "open/sub");
    put(path, "open/sub/file", "x");
    assert_int_equal(symlink(outside, link), 0);
    CHECK(witness_remove(path, &err), "%s", err.text);
    assert_int_equal(stat(path, &st), -1);
    assert_int_equal(stat(kept, &st), 0);
    CHECK(witness_remove(path, &err), "%s", err.text);
    free(kept);
    free(link);
    free(path);
    free(outside);
}

static void removal_leaves_what_was_not_prepared(void **state)
{
    char *path = scratch_path("other");
    struct err err = {0};
    struct stat st;

    (void)state;
    assert_int_equal(mkdir(path, 0755), 0);
    put(path, "file", "x");
    assert_false(witness_remove(path, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_int_equal(stat(path, &st), 0);
    free(path);
}

static void decoys_are_not_ready_before_they_are_served(void **state)
{
    char token[WITNESS_TOKEN_LEN + 1];
    char *path = prepared(token);
    struct err err = {0};

    (void)state;
    assert_false(witness_ready(path, 0, &err));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    put(path, WITNESS_DECOYS, "{}");
    assert_true(witness_ready(path, 0, &err));
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(prepare_makes_what_the_experiment_needs),
        TEST(prepare_again_keeps_the_token),
        TEST(tokens_differ),
        TEST(prepare_refuses_a_directory_that_is_used),
        TEST(a_directory_open_to_others_is_refused),
        TEST(a_link_to_a_directory_is_refused),
        TEST(files_are_recorded_with_their_hash),
        TEST(links_and_fifos_are_listed_and_not_opened),
        TEST(a_tree_that_is_too_deep_is_cut_and_said_to_be),
        TEST(a_tree_that_is_too_wide_is_cut_and_said_to_be),
        TEST(a_large_file_is_listed_but_not_hashed),
        TEST(names_of_any_bytes_make_a_valid_record),
        TEST(filestores_are_named),
        TEST(another_directory_makes_the_record_invalid),
        TEST(what_the_decoys_file_holds_must_be_the_witnesss_own),
        TEST(removal_takes_all_that_pods_left_and_follows_no_link),
        TEST(removal_leaves_what_was_not_prepared),
        TEST(decoys_are_not_ready_before_they_are_served),
    };
    return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
