#include "gvisor_installer/containerd/containerd_config.h"

#include "common/tests/unit.h"

static void reads_versions_as_containerd_and_the_kubelet_print_them(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        unsigned major, minor;
    } cases[] = {
        {"containerd github.com/containerd/containerd/v2 v2.2.9 abcdef\n", true, 2, 2},
        {"containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n", true, 1,
         6},
        {"containerd containerd.io 1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da\n", true, 1, 7},
        {"containerd github.com/k3s-io/containerd v2.1.5-k3s1.33 \n", true, 2, 1},
        {"containerd://2.3.1", true, 2, 3},
        {"10.11.0", true, 10, 11},
        {"", false, 0, 0},
        {"containerd", false, 0, 0},
        {"containerd package", false, 0, 0},
        {"containerd package main", false, 0, 0},
        {"2", false, 0, 0},
        {"2.2", false, 0, 0},
        {"-1.2.3", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct containerd_version version = {0};
        CHECK(containerd_version_parse(cases[i].text, &version) == cases[i].ok, "%s",
              cases[i].text);
        CHECK(version.major == cases[i].major && version.minor == cases[i].minor, "%s: %u.%u",
              cases[i].text, version.major, version.minor);
    }
}

static void the_kubelet_names_the_version_that_the_program_has(void **state)
{
    static const struct {
        const char *said, *told, *refusal; /* NULL: the same */
    } cases[] = {
        {"containerd github.com/containerd/containerd/v2 v2.2.9 abc", "containerd://2.2.9", NULL},
        {"containerd x 1.6.20~ds1 1.6.20~ds1-1+deb12u3", "containerd://1.6.20", NULL},
        {"containerd x 1.6.12-0ubuntu1~22.04.1", "containerd://1.6.12", NULL},
        {"containerd x 1.6.12-0ubuntu1~22.04.1", "containerd://1.6.1", "restart containerd first"},
        {"containerd x 2.1.9+unknown ", "containerd://2.1.9+unknown", NULL},
        {"containerd x v2.1.5-k3s1.33", "containerd://2.1.5-k3s1.33", NULL},
        {"containerd x v2.1.5", "", NULL},
        {"containerd x v2.1.5-k3s1.33", "containerd://2.1.5", "restart containerd first"},
        {"containerd x v1.7.27", "containerd://1.7.2", "restart containerd first"},
        {"containerd x v1.7.2", "containerd://1.7.27", "restart containerd first"},
        {"containerd x v2.2.9", "containerd://1.7.27", "name the program"},
        {"containerd x v2.2.9", "containerd://Unknown", "name the program"},
        {"containerd x v1.30.1", "cri-o://1.30.1", "run in cri-o://1.30.1"},
        {"containerd x v1.7.27", "docker://27.3.1", "run in docker://27.3.1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct containerd_version version;
        struct err err = {0};
        assert_true(containerd_version_parse(cases[i].said, &version));
        CHECK(containerd_version_is(&version, cases[i].told, &err) == (cases[i].refusal == NULL),
              "%s %s", cases[i].said, cases[i].told);
        CHECK(cases[i].refusal == NULL ||
                  (err.status == STATUS_REFUSED && strstr(err.text, cases[i].refusal) != NULL),
              "%s", err.text);
    }
}

static struct containerd_config read_text(const char *text)
{
    struct containerd_config config;
    struct err err = {0};
    unsigned char *exact = exact_copy(text, strlen(text));
    CHECK(containerd_config_read(&config, "/etc/containerd/config.toml", (char *)exact,
                                 strlen(text), &err),
          "%s: %s", text, err.text);
    free(exact);
    return config;
}

static void a_file_without_a_version_is_version_1(void **state)
{
    (void)state;
    struct containerd_config config = read_text("oom_score = 1\n");
    assert_int_equal(config.version, 1);
    assert_false(config.says_version);
    containerd_config_free(&config);
}

static void refuses_versions_that_are_none(void **state)
{
    static const char *const texts[] = {"version = '3'", "version = 0", "version = -1",
                                        "version = 2.0", "version = [3]"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct containerd_config config;
        struct err err = {0};
        CHECK(!containerd_config_read(&config, "c", texts[i], strlen(texts[i]), &err), "%s",
              texts[i]);
        assert_int_equal(err.status, STATUS_INPUT);
    }
}

static void imports_lead_where_containerd_would_look(void **state)
{
    static const struct {
        const char *imports, *path;
        bool leads;
    } cases[] = {
        {"'/etc/containerd/conf.d/*.toml'", "/etc/containerd/conf.d/60-gvisor.toml", true},
        {"'/etc/containerd/conf.d/*.toml'", "/etc/containerd/conf.d/deep/60-gvisor.toml", false},
        {"'conf.d/*.toml'", "/etc/containerd/conf.d/60-gvisor.toml", true},
        {"'conf.d/60-gvisor.toml'", "/etc/containerd/conf.d/60-gvisor.toml", true},
        {"'/a/*/c.toml'", "/a/b/c.toml", true},
        {"'/a/?.toml'", "/a/b.toml", false}, /* without an asterisk it is a name */
        {"'/a/[bc]*.toml'", "/a/b.toml", true},
        {"'x', '/a/b.toml'", "/a/b.toml", true},
        {"", "/a/b.toml", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "version = 3\nimports = [%s]\n", cases[i].imports);
        struct containerd_config config = read_text(text);
        CHECK(containerd_imports_path(&config, cases[i].path) == cases[i].leads, "%s %s",
              cases[i].imports, cases[i].path);
        containerd_config_free(&config);
    }
}

static void the_drop_in_goes_to_a_directory_that_is_imported_whole(void **state)
{
    static const struct {
        const char *imports, *place; /* NULL: none */
    } cases[] = {
        {"'/etc/containerd/conf.d/*.toml'", "/etc/containerd/conf.d/60.toml"},
        {"'more.d/*'", "/etc/containerd/more.d/60.toml"},
        {"'/a/*.conf', '/b/*.toml'", "/b/60.toml"},
        {"'/a/nvidia-*.toml'", NULL},
        {"'/a/*/b.toml'", NULL},
        {"'/*/conf.d/*.toml'", NULL},
        {"'/a/60.toml'", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200], place[CONFIG_PATH_MAX] = "";
        (void)snprintf(text, sizeof text, "version = 3\nimports = [%s]\n", cases[i].imports);
        struct containerd_config config = read_text(text);
        bool found = containerd_drop_in_place(&config, "60.toml", place);
        CHECK(found == (cases[i].place != NULL), "%s", cases[i].imports);
        if (found)
            assert_string_equal(place, cases[i].place);
        containerd_config_free(&config);
    }
}

#define NEW "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.a]\n"
#define OLD "[plugins.'io.containerd.grpc.v1.cri'.containerd.runtimes.a]\n"

static void a_drop_in_says_what_containerd_takes_its_neighbours_for(void **state)
{
    static const struct {
        const char *root, *imported;
        int64_t version, names;
    } cases[] = {
        {"version=2\n" OLD, "", 2, 2},
        {"version=3\n" NEW, "", 3, 3},
        {"version=2\n" NEW, "", 2, 3},
        {"version=2\n" OLD, "version=2\n" NEW, 2, 3},
        {"version=2\n" OLD, "version=3\n", 3, 3},
        {"version=3\n", "version=2\n" OLD, 2, 2},
        {"version=3\n" NEW, "version=2\n" OLD, 2, 3},
        {"", "", 3, 3},
        {"", "version=2\n" OLD, 2, 2},
        {"version=4\n", "", 4, 4},
        {"version=2\n[plugins.'io.containerd.cri.v1.images']\n" OLD, "", 2, 2},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct containerd_config root = read_text(cases[i].root);
        struct containerd_config imported = read_text(cases[i].imported);
        const struct containerd_config *const files[] = {&root, &imported};
        CHECK(containerd_drop_in_version(files, 2) == cases[i].version, "%s|%s", cases[i].root,
              cases[i].imported);
        CHECK(containerd_names(files, 2) == cases[i].names, "%s|%s", cases[i].root,
              cases[i].imported);
        containerd_config_free(&imported);
        containerd_config_free(&root);
    }
}

static void what_is_ours_says_so_by_its_path(void **state)
{
    static const struct {
        const char *options;
        bool ours;
    } cases[] = {
        {"options={ConfigPath='/opt/g/runsc.toml'}", true},
        {"options={ConfigPath='/opt/gvisor/runsc.toml'}", false},
        {"options={ConfigPath='/opt/g'}", false},
        {"options={TypeUrl='x'}", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[300];
        (void)snprintf(text, sizeof text, "version=3\n" NEW "%s\n", cases[i].options);
        struct containerd_config config = read_text(text);
        CHECK(containerd_runtime_is_ours(&config, 3, "a", "/opt/g") == cases[i].ours, "%s", text);
        assert_false(containerd_runtime_is_ours(&config, 2, "a", "/opt/g"));
        containerd_config_free(&config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_versions_as_containerd_and_the_kubelet_print_them),
        cmocka_unit_test(the_kubelet_names_the_version_that_the_program_has),
        cmocka_unit_test(a_file_without_a_version_is_version_1),
        cmocka_unit_test(refuses_versions_that_are_none),
        cmocka_unit_test(imports_lead_where_containerd_would_look),
        cmocka_unit_test(the_drop_in_goes_to_a_directory_that_is_imported_whole),
        cmocka_unit_test(a_drop_in_says_what_containerd_takes_its_neighbours_for),
        cmocka_unit_test(what_is_ours_says_so_by_its_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
