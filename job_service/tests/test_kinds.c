#include "job_service/form/kinds.h"

#include "common/tests/short_memory.h"

#include <cjson/cJSON.h>

static struct kinds *read_kinds(const char *text)
{
    struct kinds *kinds = NULL;
    struct err err = {0};
    unsigned char *exact = exact_copy(text, strlen(text));
    CHECK(kinds_read((const char *)exact, strlen(text), &kinds, &err), "%s: %s", text, err.text);
    free(exact);
    return kinds;
}

static void the_built_in_ones_are_pipeline_and_dockerfile(void **state)
{
    struct kinds *kinds;
    struct err err = {0};
    (void)state;
    assert_true(kinds_read(NULL, 0, &kinds, &err));
    const struct kind *pipeline = kinds_find(kinds, "pipeline");
    const struct kind *dockerfile = kinds_find(kinds, "dockerfile");
    assert_non_null(pipeline);
    assert_non_null(dockerfile);
    assert_null(kinds_find(kinds, "Pipeline"));
    assert_null(kinds_find(kinds, ""));
    assert_string_equal(kind_name(pipeline), "pipeline");
    assert_false(kind_takes_file(pipeline));
    assert_true(kind_takes_file(dockerfile));
    assert_int_equal(kind_bases(dockerfile)->base_count, 1);
    assert_string_equal(kind_bases(dockerfile)->bases[0], "debian:12");
    assert_string_equal(kind_template(pipeline), "pipeline");
    assert_string_equal(kind_result(pipeline), "total");
    assert_string_equal(kind_template(dockerfile), "dockerfile");
    assert_null(kind_result(dockerfile));
    kinds_free(kinds);
}

static void a_kind_names_its_template_and_its_result(void **state)
{
    struct kinds *kinds = read_kinds("{\"a\": {\"template\": \"t-1\", \"result\": \"sum\"}}");
    (void)state;
    assert_string_equal(kind_template(kinds_find(kinds, "a")), "t-1");
    assert_string_equal(kind_result(kinds_find(kinds, "a")), "sum");
    kinds_free(kinds);
}

#define ONE(parameter) "{\"k\": {\"parameters\": {\"p\": " parameter "}}}"

static void tells_what_is_wrong_in_the_list(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "at byte 1: nothing is there"},
        {" \n", "at byte 3: nothing is there"},
        {"{", "at byte 2: "},
        {"{} x", "at byte 4: something follows"},
        {"{\"a\": 01}", "at byte 7: "},
        {"{\"a\": \"\\u0000\"}", "at byte 7: a text with \\u0000"},
        {"{\"a\": \"\\ud800\"}", "half a surrogate pair"},
        {"{\"a\": \"\xff\"}", "at byte 8: "},
        {"[[[[[[[[[[[[[[[[[", "at byte 17: "},
        {"[]", "not a JSON object of 1 to 32 kinds"},
        {"{}", "not a JSON object of 1 to 32 kinds"},
        {"{\"a\": 1}", "'a' is no kind"},
        {"{\"A\": {}}", "'A' is no kind"},
        {"{\"\": {}}", "'' is no kind"},
        {"{\"a\": {}, \"a\": {}}", "'a' is listed twice"},
        {"{\"a\": {\"x\": 1}}", "'a' has a member other than"},
        {"{\"a\": {\"template\": 1}}", "'a' has a template or result that is not a name"},
        {"{\"a\": {\"template\": \"A/b\"}}", "'a' has a template or result"},
        {"{\"a\": {\"result\": \"\"}}", "'a' has a template or result"},
        {"{\"a\": {\"file\": true, \"file\": false}}", "'a' has a member twice"},
        {"{\"a\": {\"file\": \"yes\"}}", "'a' has a file that is neither"},
        {"{\"a\": {\"bases\": {}}}", "'a' has bases that are not a list"},
        {"{\"a\": {\"bases\": [1]}}", "'a' has a base that is not a text"},
        {"{\"a\": {\"bases\": [\"\"]}}", "'a' has a base that is not a text"},
        {"{\"a\": {\"parameters\": []}}", "'a' has parameters that are not an object"},
        {ONE("1"), "'p' wants {"},
        {ONE("{}"), "'p' wants {"},
        {ONE("{\"pattern\": \"a\"}"), "'p' wants {"},
        {ONE("{\"pattern\": \"a\", \"default\": 1}"), "'p' wants {"},
        {ONE("{\"pattern\": \"a\", \"default\": \"a\", \"x\": 1}"), "'p' wants {"},
        {ONE("{\"pattern\": \"(\", \"default\": \"a\"}"), "'p' has a pattern that is not"},
        {ONE("{\"pattern\": \"a\", \"default\": \"b\"}"), "'p' has a default that its pattern"},
        {ONE("{\"pattern\": \"a|b\", \"default\": \"ab\"}"), "'p' has a default that its pattern"},
        {"{\"k\": {\"parameters\": {\"p\": {\"pattern\": \"a\", \"default\": \"a\"}, \"p\": "
         "{\"pattern\": \"a\", \"default\": \"a\"}}}}",
         "'k' has a parameter twice"},
        {"{\"k\": {\"parameters\": {\"P\": {\"pattern\": \"a\", \"default\": \"a\"}}}}",
         "'P' wants {"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kinds *kinds = NULL;
        struct err err = {0};
        CHECK(!kinds_read(cases[i].text, strlen(cases[i].text), &kinds, &err), "%s", cases[i].text);
        CHECK(err.status == STATUS_USAGE && strncmp(err.text, "kinds: ", 7) == 0 &&
                  strstr(err.text, cases[i].says) != NULL,
              "%s: %s", cases[i].text, err.text);
    }
}

static void lists_have_limits(void **state)
{
    static const struct {
        const char *start, *item, *end;
        int most;
    } cases[] = {
        {"{\"x\": {}", ", \"k%d\": {}", "}", KINDS_MAX - 1},
        {"{\"k\": {\"bases\": [\"x\"", ", \"b%d\"", "]}}", 63},
        {"{\"k\": {\"parameters\": {\"x\": {\"pattern\": \"\", \"default\": \"\"}",
         ", \"p%d\": {\"pattern\": \"\", \"default\": \"\"}", "}}}", KIND_PARAMETERS_MAX - 1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (int more = 0; more <= 1; more++) {
            OWNED_BUF(text, 1 << 16);
            struct kinds *kinds = NULL;
            struct err err = {0};
            buf_add_text(&text, cases[i].start);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            for (int k = 0; k < cases[i].most + more; k++)
                buf_printf(&text, cases[i].item, k);
#pragma GCC diagnostic pop
            buf_add_text(&text, cases[i].end);
            bool done = kinds_read(text.data, text.len, &kinds, &err);
            CHECK(done == (more == 0), "%zu, %d: %s", i, more, err.text);
            CHECK(done || err.status == STATUS_USAGE, "%d", err.status);
            kinds_free(kinds);
        }
    }
}

static void names_and_patterns_have_limits(void **state)
{
    static const struct {
        int name, pattern;
        bool fine;
    } cases[] = {{63, 256, true}, {64, 1, false}, {1, 257, false}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        OWNED_BUF(text, 4096);
        struct kinds *kinds = NULL;
        struct err err = {0};
        buf_printf(&text, "{\"k\": {\"parameters\": {\"%0*d\": {\"pattern\": \"%0*d\",",
                   cases[i].name, 1, cases[i].pattern, 1);
        buf_printf(&text, "\"default\": \"%0*d\"}}}}", cases[i].pattern, 1);
        CHECK(kinds_read(text.data, text.len, &kinds, &err) == cases[i].fine, "%zu: %s", i,
              err.text);
        kinds_free(kinds);
    }
}

/* What is stored of wanted, or the message. */
static const char *parameters(const struct kinds *kinds, const char *wanted)
{
    static char shown[1 << 14];
    OWNED_BUF(out, KIND_TEXT_MAX);
    struct err err = {0};
    struct cJSON *object = wanted == NULL ? NULL : cJSON_Parse(wanted);

    if (kind_parameters(kinds_find(kinds, "k"), object, &out, &err))
        (void)snprintf(shown, sizeof shown, "%s", out.data);
    else
        (void)snprintf(shown, sizeof shown, "%d: %s", err.status, err.text);
    cJSON_Delete(object);
    return shown;
}

static void parameters_are_checked_and_completed_in_one_order(void **state)
{
    static const struct {
        const char *wanted, *shown;
    } cases[] = {
        {NULL, "{\"a\": \"x\", \"b\": \"1\"}"},
        {"{}", "{\"a\": \"x\", \"b\": \"1\"}"},
        {"{\"b\": \"23\", \"a\": \"\"}", "{\"a\": \"\", \"b\": \"23\"}"},
        {"{\"a\": \"\xc3\xa4\\\"\\\\\"}", "{\"a\": \"\xc3\xa4\\\"\\\\\", \"b\": \"1\"}"},
        {"[]", "3: parameters must be an object of texts"},
        {"\"a\"", "3: parameters must be an object of texts"},
        {"{\"c\": \"1\"}", "3: kind 'k' has no parameter 'c'"},
        {"{\"\x1b\": \"1\"}", "3: kind 'k' has no parameter '\\x1b'"},
        {"{\"a\": \"1\", \"a\": \"1\"}", "3: parameter 'a' is given twice"},
        {"{\"b\": \"\"}", "3: parameter 'b' must be a text that its pattern takes, such as \"1\""},
        {"{\"b\": \"1\\n\"}", "3: parameter 'b' must be a text"},
        {"{\"b\": \"x1\"}", "3: parameter 'b' must be a text"},
        {"{\"b\": 1}", "3: parameter 'b' must be a text"},
        {"{\"b\": null}", "3: parameter 'b' must be a text"},
        {"{\"a\": \"\xff\"}", "3: parameter 'a' must be a text"},
        {"{\"a\": \"\\u0001\"}", "3: parameter 'a' must be a text"},
    };
    (void)state;
    struct kinds *kinds =
        read_kinds("{\"k\": {\"parameters\": {\"b\": {\"pattern\": \"[0-9]+\", \"default\": \"1\"},"
                   "\"a\": {\"pattern\": \".*\", \"default\": \"x\"}}}}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *shown = parameters(kinds, cases[i].wanted);
        CHECK(strncmp(shown, cases[i].shown, strlen(cases[i].shown)) == 0, "%s: %s", cases[i].shown,
              shown);
    }
    kinds_free(kinds);
}

static void a_value_has_at_most_1024_bytes(void **state)
{
    (void)state;
    struct kinds *kinds =
        read_kinds("{\"k\": {\"parameters\": {\"a\": {\"pattern\": \".*\", \"default\": \"\"}}}}");
    for (int width = KIND_VALUE_MAX; width <= KIND_VALUE_MAX + 1; width++) {
        char wanted[KIND_VALUE_MAX + 32];
        (void)snprintf(wanted, sizeof wanted, "{\"a\": \"%0*d\"}", width, 0);
        assert_int_equal(parameters(kinds, wanted)[0], width == KIND_VALUE_MAX ? '{' : '3');
    }
    kinds_free(kinds);
}

static void the_largest_parameters_fit_their_ceiling(void **state)
{
    OWNED_BUF(text, 1 << 20);
    OWNED_BUF(wanted, 1 << 20);
    OWNED_BUF(out, KIND_TEXT_MAX);
    struct kinds *kinds;
    struct err err = {0};
    (void)state;
    buf_add_text(&text, "{\"k\": {\"parameters\": {");
    buf_add_text(&wanted, "{");
    for (int i = 0; i < KIND_PARAMETERS_MAX; i++) {
        const char *comma = i == 0 ? "" : ",";
        buf_printf(&text, "%s\"%063d\": {\"pattern\": \".*\", \"default\": \"\"}", comma, i);
        buf_printf(&wanted, "%s\"%063d\": \"", comma, i);
        for (int k = 0; k < KIND_VALUE_MAX; k++)
            buf_add_text(&wanted, "\\\\");
        buf_add_text(&wanted, "\"");
    }
    buf_add_text(&text, "}}}");
    buf_add_text(&wanted, "}");
    assert_true(kinds_read(text.data, text.len, &kinds, &err));
    struct cJSON *object = cJSON_Parse(wanted.data);
    bool done = kind_parameters(kinds_find(kinds, "k"), object, &out, &err);
    CHECK(done, "%s", err.text);
    cJSON_Delete(object);
    kinds_free(kinds);
}

/* Without patterns: glibc's own regcomp() leaks and frees twice when memory is short. */
static void every_shortage_of_memory_is_survived(void **state)
{
    static const char text[] = "{\"k\": {\"file\": true, \"bases\": [\"a\", \"b\"]}}";
    bool failed = SHORT_MEMORY_WORKS != 0;
    (void)state;
    for (long good = 0; failed; good++) {
        struct kinds *kinds = NULL;
        struct err err = {0};
        OWNED_BUF(out, KIND_TEXT_MAX);
        short_memory_start(good);
        bool done = kinds_read(text, sizeof text - 1, &kinds, &err) &&
                    kind_parameters(kinds_find(kinds, "k"), NULL, &out, &err);
        kinds_free(kinds);
        buf_release(&out);
        failed = short_memory_stop();
        CHECK(done != failed, "%ld allocations: %s", good, err.text);
        CHECK(done || err.status == STATUS_TRANSIENT, "%ld allocations: %s", good, err.text);
        CHECK(atomic_load(&short_memory_held) <= 0, "%ld allocations: %ld not freed", good,
              atomic_load(&short_memory_held));
        assert_true(good < 10000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_ones_are_pipeline_and_dockerfile),
        cmocka_unit_test(a_kind_names_its_template_and_its_result),
        cmocka_unit_test(tells_what_is_wrong_in_the_list),
        cmocka_unit_test(lists_have_limits),
        cmocka_unit_test(names_and_patterns_have_limits),
        cmocka_unit_test(parameters_are_checked_and_completed_in_one_order),
        cmocka_unit_test(a_value_has_at_most_1024_bytes),
        cmocka_unit_test(the_largest_parameters_fit_their_ceiling),
        cmocka_unit_test(every_shortage_of_memory_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
