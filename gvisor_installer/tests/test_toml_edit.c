#include "gvisor_installer/containerd/toml_edit.h"

#include "common/tests/unit.h"

#define PATH "/c/conf.d/60.toml"

enum edit { ADD_IMPORT, DROP_IMPORT };

/* The text after an edit, and proof that it still parses. The caller frees. */
static char *edited(enum edit change, const char *text)
{
    OWNED_BUF(out, 1 << 16);
    struct containerd_config config, after;
    struct err err = {0};
    const size_t len = strlen(text);
    char *exact = (char *)exact_copy(text, len);

    CHECK(containerd_config_read(&config, "/c/config.toml", exact, len, &err), "%s", err.text);
    if (change == DROP_IMPORT)
        edit_drop_import(&config, exact, len, PATH, &out);
    else
        CHECK(edit_add_import(&config, exact, len, PATH, &out, &err), "%s: %s", text, err.text);
    CHECK(containerd_config_read(&after, "/c/config.toml", out.data, out.len, &err), "%s",
          err.text);
    assert_true(containerd_imports_path(&after, PATH) == (change == ADD_IMPORT));
    containerd_config_free(&after);
    containerd_config_free(&config);
    free(exact);
    return buf_take(&out, &err);
}

static const struct {
    const char *before, *after;
} imports[] = {
    {"version = 3\n", "version = 3\nimports = [\"" PATH "\"] # gvisor_installer\n"},
    {"version = 3", "version = 3\nimports = [\"" PATH "\"] # gvisor_installer\n"},
    {"a = 1\nversion = 3 # x\n[t]\n",
     "a = 1\nversion = 3 # x\nimports = [\"" PATH "\"] # gvisor_installer\n[t]\n"},
    {"# x\n", "# x\nimports = [\"" PATH "\"] # gvisor_installer\n"},
    {"# x\n[grpc]\na = 1\n", "imports = [\"" PATH "\"] # gvisor_installer\n# x\n[grpc]\na = 1\n"},
    {"version = 3\nimports = []\n", "version = 3\nimports = [\"" PATH "\"]\n"},
    {"version = 3\nimports = [ ]\n", "version = 3\nimports = [\"" PATH "\" ]\n"},
    {"version = 3\nimports = ['x']\n", "version = 3\nimports = [\"" PATH "\", 'x']\n"},
    {"version = 3\nimports=[ # [\n'x', # y\n]\n",
     "version = 3\nimports=[\"" PATH "\",  # [\n'x', # y\n]\n"},
    {"# \xc3\xa9\xe2\x82\xac\nversion = 3\n\"imports\"   =   ['\xc3\xa9']",
     "# \xc3\xa9\xe2\x82\xac\nversion = 3\n\"imports\"   =   [\"" PATH "\", '\xc3\xa9']"},
};

static void an_import_is_added_where_it_must_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(imports); i++) {
        char *after = edited(ADD_IMPORT, imports[i].before);
        assert_string_equal(after, imports[i].after);
        free(after);
    }
}

static void what_was_added_is_taken_out_again_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(imports); i++) {
        char *before = edited(DROP_IMPORT, imports[i].after);
        /* All but a missing line end, which nothing in the text remembers. */
        size_t len = strlen(imports[i].before);
        CHECK(strncmp(before, imports[i].before, len) == 0 &&
                  (before[len] == '\0' || strcmp(before + len, "\n") == 0),
              "%s -> %s", imports[i].after, before);
        free(before);
    }
}

static void an_import_that_was_moved_is_found(void **state)
{
    (void)state;
    char *after = edited(DROP_IMPORT, "version = 3\nimports = [\n'a', # a\n'" PATH "' # b\n]\n");
    assert_string_equal(after, "version = 3\nimports = [\n'a', # a\n # b\n]\n");
    free(after);
}

static void a_list_of_anything_but_texts_is_refused(void **state)
{
    static const char text[] = "version = 3\nimports = [1]\n";
    OWNED_BUF(out, 1 << 16);
    struct containerd_config config;
    struct err err = {0};
    (void)state;
    assert_true(containerd_config_read(&config, "c", text, sizeof text - 1, &err));
    assert_false(edit_add_import(&config, text, sizeof text - 1, PATH, &out, &err));
    assert_int_equal(err.status, STATUS_INPUT);
    containerd_config_free(&config);
}

static void tables_are_added_and_taken_out_again(void **state)
{
    static const char *const texts[] = {"", "a = 1\n", "a = 1", "[t]\n# END\n"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        OWNED_BUF(with, 1 << 16);
        OWNED_BUF(without, 1 << 16);
        struct err err = {0};
        bool found;
        const size_t len = strlen(texts[i]);
        edit_add_tables(texts[i], len, "[ours]\n", &with);
        assert_non_null(memmem(with.data, with.len, "\n[ours]\n", 8));
        assert_true(edit_drop_tables(with.data, with.len, &without, &found, &err));
        assert_true(found);
        assert_true(without.len >= len && without.len <= len + 1);
        assert_int_equal(strncmp(without.data, texts[i], len), 0);
    }
}

static void comments_that_do_not_pair_are_refused(void **state)
{
    static const char *const texts[] = {
        "# BEGIN gvisor_installer\n",
        "# END gvisor_installer\n",
        "# END gvisor_installer\n# BEGIN gvisor_installer\n",
        "# BEGIN gvisor_installer\n# BEGIN gvisor_installer\n# END gvisor_installer\n",
        "# BEGIN gvisor_installer\n# END gvisor_installer\n# END gvisor_installer\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        OWNED_BUF(out, 1 << 16);
        struct err err = {0};
        bool found;
        CHECK(!edit_drop_tables(texts[i], strlen(texts[i]), &out, &found, &err), "%s", texts[i]);
        assert_int_equal(err.status, STATUS_INPUT);
    }
}

static void comments_within_a_line_are_none_of_ours(void **state)
{
    static const char text[] = "a = '# BEGIN gvisor_installer'\n #  # END gvisor_installer\n";
    OWNED_BUF(out, 1 << 16);
    struct err err = {0};
    bool found = true;
    (void)state;
    assert_true(edit_drop_tables(text, sizeof text - 1, &out, &found, &err));
    assert_false(found);
    assert_int_equal(out.len, sizeof text - 1);
}

#define RUNTIMES "plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes"

static void a_runtime_is_taken_out_however_it_is_written(void **state)
{
    static const struct {
        const char *before, *after;
    } cases[] = {
        {"a = 1\n\n[" RUNTIMES ".gv]\nx = 1\n\n[" RUNTIMES
         ".gv.options]\ny = [\n  1,\n]\n\n[b]\nc = 1\n",
         "a = 1\n\n[b]\nc = 1\n"},
        {"[" RUNTIMES ".gv.options]\ny = 1\n[" RUNTIMES ".gv-sealed]\nx = 1\n[" RUNTIMES
         ".gv]\nx = 1 # mine\n",
         "[" RUNTIMES ".gv-sealed]\nx = 1\n"},
        {"[" RUNTIMES "]\n  gv = { x = 1, options = { y = 1 } } # mine\n  runc = { x = 1 }\n",
         "[" RUNTIMES "]\n  runc = { x = 1 }\n"},
        {"[" RUNTIMES "]\n'gv' = { x = 1 }", "[" RUNTIMES "]\n"},
        {"# \xc3\xa9\r\n[" RUNTIMES ".gv]\r\nx = '\xc3\xa9'\r\n[z]\r\n", "# \xc3\xa9\r\n[z]\r\n"},
        {"a = 1\n\n[" RUNTIMES ".gv]\nx = 1\n\t", "a = 1\n\t"},
        {"[z]\n", "[z]\n"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(out, 1 << 16);
        struct err err = {0};
        CHECK(edit_drop_runtime("c", cases[i].before, strlen(cases[i].before), 2, "gv", &out, &err),
              "%s: %s", cases[i].before, err.text);
        CHECK(out.len == strlen(cases[i].after) &&
                  (out.len == 0 || memcmp(out.data, cases[i].after, out.len) == 0),
              "%s -> %.*s", cases[i].before, (int)out.len, out.data == NULL ? "" : out.data);
    }
}

static void a_runtime_among_other_things_is_left_to_a_person(void **state)
{
    static const char *const texts[] = {
        "[" RUNTIMES "]\ngv.x = 1\n",
        "[plugins.\"io.containerd.grpc.v1.cri\".containerd]\nruntimes = { gv = { x = 1 } }\n",
        "[" RUNTIMES "]\ngv = 1\n",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        OWNED_BUF(out, 1 << 16);
        struct err err = {0};
        CHECK(!edit_drop_runtime("c", texts[i], strlen(texts[i]), 2, "gv", &out, &err), "%s",
              texts[i]);
        assert_int_equal(err.status, STATUS_REFUSED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_import_is_added_where_it_must_be),
        cmocka_unit_test(what_was_added_is_taken_out_again_to_the_byte),
        cmocka_unit_test(an_import_that_was_moved_is_found),
        cmocka_unit_test(a_list_of_anything_but_texts_is_refused),
        cmocka_unit_test(tables_are_added_and_taken_out_again),
        cmocka_unit_test(comments_that_do_not_pair_are_refused),
        cmocka_unit_test(comments_within_a_line_are_none_of_ours),
        cmocka_unit_test(a_runtime_is_taken_out_however_it_is_written),
        cmocka_unit_test(a_runtime_among_other_things_is_left_to_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
