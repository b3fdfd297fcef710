#include "job_service/form/multipart.h"

#include "common/tests/unit.h"

#define TYPE        "multipart/form-data; boundary=xyz"
#define DISPOSITION "Content-Disposition: form-data; name=\"file\"; filename=\"Dockerfile\"\r\n"
#define GOOD_PART   "--xyz\r\n" DISPOSITION "\r\n"

/* The body as a copy of exactly its bytes; *ret points into it. */
static bool read_body(const char *type, const char *body, size_t len, unsigned char **ret_copy,
                      struct multipart_file *ret, struct err *err)
{
    *ret_copy = exact_copy(body, len);
    return multipart_read(type, (const char *)*ret_copy, len, ret, err);
}

static void knows_its_content_type(void **state)
{
    static const struct {
        const char *type;
        bool meant;
    } cases[] = {
        {NULL, false},
        {"", false},
        {"multipart/form-data", true},
        {"Multipart/Form-Data; boundary=x", true},
        {"multipart/form-data ;boundary=x", true},
        {"multipart/form-data-x", false},
        {"multipart/mixed; boundary=x", false},
        {"multipart/form", false},
        {" multipart/form-data", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(multipart_is_meant(cases[i].type) == cases[i].meant, "%s",
              cases[i].type == NULL ? "(none)" : cases[i].type);
}

static void reads_the_file_and_its_name(void **state)
{
    static const struct {
        const char *type, *body, *bytes, *name;
    } cases[] = {
        {TYPE, GOOD_PART "FROM x\n\r\n--xyz--\r\n", "FROM x\n", "Dockerfile"},
        {TYPE, GOOD_PART "FROM x\r\n--xyz--", "FROM x", "Dockerfile"},
        {TYPE, GOOD_PART "\r\n--xyz--\r\n", "", "Dockerfile"},
        {TYPE, GOOD_PART "--xyz--\r\n--xy\r\n--xyz--", "--xyz--\r\n--xy", "Dockerfile"},
        {TYPE, GOOD_PART "\r\n\r\n--xyz--", "\r\n", "Dockerfile"},
        {TYPE, "preamble\r\n" GOOD_PART "F\r\n--xyz--\r\nepilogue", "F", "Dockerfile"},
        {TYPE, "--xyz \t\r\n" DISPOSITION "\r\nF\r\n--xyz--", "F", "Dockerfile"},
        {"multipart/form-data; charset=utf-8; boundary=\"x y\"",
         "--x y\r\n" DISPOSITION "\r\nF\r\n--x y--", "F", "Dockerfile"},
        {"multipart/form-data; BOUNDARY=----Web'()+_,-./:=?",
         "------Web'()+_,-./:=?\r\n" DISPOSITION "\r\nF\r\n------Web'()+_,-./:=?--", "F",
         "Dockerfile"},
        {TYPE,
         "--xyz\r\ncontent-disposition:form-data;name=file\r\nContent-Type: text/plain\r\n"
         "content-transfer-encoding: BINARY\r\n\r\nF\r\n--xyz--",
         "F", ""},
        {TYPE,
         "--xyz\r\nContent-Disposition: form-data; filename=\"a/b\\\\c\\\"d\"; name=\"file\"; "
         "\r\n\r\nF\r\n--xyz--",
         "F", "c\"d"},
        {TYPE,
         "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\xc3\xa4\xff\x01"
         "\xc2\x9b"
         "b\x7f\"\r\n\r\nF\r\n--xyz--",
         "F",
         "\xc3\xa4"
         "b"},
        {TYPE,
         "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../\"\r\n\r\n"
         "F\r\n--xyz--",
         "F", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct multipart_file file;
        struct err err = {0};
        unsigned char *copy;
        CHECK(read_body(cases[i].type, cases[i].body, strlen(cases[i].body), &copy, &file, &err),
              "%s: %s", cases[i].body, err.text);
        CHECK(file.len == strlen(cases[i].bytes) &&
                  memcmp(file.bytes, cases[i].bytes, file.len) == 0,
              "%s: %.*s", cases[i].body, (int)file.len, file.bytes);
        CHECK(strcmp(file.name, cases[i].name) == 0, "%s: %s", cases[i].body, file.name);
        free(copy);
    }
}

static void tells_what_a_body_lacks(void **state)
{
    static const struct {
        const char *type, *body, *says;
    } cases[] = {
        {"multipart/form-data", GOOD_PART, "needs its boundary"},
        {"multipart/form-data; boundary", GOOD_PART, "needs its boundary"},
        {"multipart/form-data; boundary=\"xyz", GOOD_PART, "needs its boundary"},
        {"multipart/form-data boundary=xyz", GOOD_PART, "needs its boundary"},
        {"multipart/form-data; boundary=", GOOD_PART, "needs a boundary of 1 to 70"},
        {"multipart/form-data; boundary=\"xyz \"", GOOD_PART, "needs a boundary of 1 to 70"},
        {"multipart/form-data; boundary=x@z", GOOD_PART, "needs a boundary of 1 to 70"},
        {"multipart/form-data; a-name-of-more-than-thirty-one-bytes=x; boundary=xyz", GOOD_PART,
         "needs its boundary"},
        {TYPE, "", "does not hold its boundary"},
        {TYPE, "--xy", "does not hold its boundary"},
        {TYPE, "x--xyz\r\n", "does not hold its boundary"},
        {TYPE, "\n--xyz\n", "does not hold its boundary"},
        {TYPE, "--xyz", "holds no part"},
        {TYPE, "--xyz--\r\n", "holds no part"},
        {TYPE, "--xyz\n" DISPOSITION "\r\nF\r\n--xyz--", "holds no part"},
        {TYPE, "--xyz\r\n" DISPOSITION, "do not end within 8 KiB"},
        {TYPE, "--xyz\r\n\r\nF\r\n\r\n--xyz--", "without a colon"},
        {TYPE, "--xyz\r\nX: y\r\n\r\nF\r\n--xyz--", "one part named 'file'"},
        {TYPE, "--xyz\r\n" DISPOSITION "rubbish\r\n\r\nF\r\n--xyz--", "without a colon"},
        {TYPE, "--xyz\r\n" DISPOSITION DISPOSITION "\r\nF\r\n--xyz--", "needs one Content-Disp"},
        {TYPE, "--xyz\r\nContent-Disposition: attachment; name=\"file\"\r\n\r\nF\r\n--xyz--",
         "needs one Content-Disposition: form-data"},
        {TYPE, "--xyz\r\nContent-Disposition: form-data; name=\"file\r\n\r\nF\r\n--xyz--",
         "cannot be read"},
        {TYPE, "--xyz\r\nContent-Disposition: form-data; name\r\n\r\nF\r\n--xyz--",
         "cannot be read"},
        {TYPE, "--xyz\r\nContent-Disposition: form-data name=file\r\n\r\nF\r\n--xyz--",
         "cannot be read"},
        {TYPE, "--xyz\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\nF\r\n--xyz--",
         "one part named 'file'"},
        {TYPE, "--xyz\r\n" DISPOSITION "Content-Transfer-Encoding: base64\r\n\r\nRg==\r\n--xyz--",
         "is encoded"},
        {TYPE, GOOD_PART "F", "ends before its last boundary"},
        {TYPE, GOOD_PART "F\n--xyz--", "ends before its last boundary"},
        {TYPE, GOOD_PART "F\r\n--xyz", "one part only"},
        {TYPE, GOOD_PART "F\r\n--xyz-", "one part only"},
        {TYPE, GOOD_PART "F\r\n" GOOD_PART "G\r\n--xyz--", "one part only"},
        {TYPE, GOOD_PART "F\r\n--xyzw\r\n--xyz--", "one part only"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct multipart_file file;
        struct err err = {0};
        unsigned char *copy;
        CHECK(!read_body(cases[i].type, cases[i].body, strlen(cases[i].body), &copy, &file, &err),
              "%s: %s", cases[i].type, cases[i].body);
        CHECK(err.status == STATUS_INPUT && strstr(err.text, cases[i].says) != NULL, "%s: %s",
              cases[i].body, err.text);
        free(copy);
    }
}

static void a_zero_byte_in_a_header_is_told(void **state)
{
    static const char body[] =
        "--xyz\r\nContent-Disposition: form-data; name=\"file\0x\"\r\n\r\nF\r\n--xyz--";
    struct multipart_file file;
    struct err err = {0};
    unsigned char *copy;
    (void)state;
    assert_false(read_body(TYPE, body, sizeof body - 1, &copy, &file, &err));
    assert_non_null(strstr(err.text, "zero byte"));
    free(copy);
}

static void the_bytes_may_be_any(void **state)
{
    static const char body[] = GOOD_PART "\0\xff\r\n--xy\r\n--xyz--";
    struct multipart_file file;
    struct err err = {0};
    unsigned char *copy;
    (void)state;
    assert_true(read_body(TYPE, body, sizeof body - 1, &copy, &file, &err));
    assert_int_equal(file.len, 8);
    assert_memory_equal(file.bytes, "\0\xff\r\n--xy", 8);
    free(copy);
}

static void has_limits(void **state)
{
    static const struct {
        const char *fmt; /* of a header with a text of width letters */
        int width;
        const char *says; /* NULL: it is fine */
    } cases[] = {
        {"Content-Disposition: form-data; name=file; filename=%0*d\r\n", 255, NULL},
        {"Content-Disposition: form-data; name=file; filename=%0*d\r\n", 1023, NULL},
        {"Content-Disposition: form-data; name=file; filename=%0*d\r\n", 1024, "cannot be read"},
        {"Content-Disposition: form-data; name=file; x%0*d=1\r\n", 30, NULL},
        {"Content-Disposition: form-data; name=file; x%0*d=1\r\n", 31, "cannot be read"},
        {"Content-Disposition: form-data; name=file; x%0*d=1\r\n", 1000, "cannot be read"},
        {"Content-Disposition: form-data; name=file\r\nX: %0*d\r\n", 8000, NULL},
        {"Content-Disposition: form-data; name=file\r\nX: %0*d\r\n", 9000, "within 8 KiB"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[10000], body[10100];
        struct multipart_file file;
        struct err err = {0};
        unsigned char *copy;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(header, sizeof header, cases[i].fmt, cases[i].width, 0);
#pragma GCC diagnostic pop
        (void)snprintf(body, sizeof body, "--xyz\r\n%s\r\nF\r\n--xyz--", header);
        bool done = read_body(TYPE, body, strlen(body), &copy, &file, &err);
        CHECK(done == (cases[i].says == NULL), "%.60s, %d: %s", header, cases[i].width, err.text);
        CHECK(done || strstr(err.text, cases[i].says) != NULL, "%s", err.text);
        CHECK(!done || strlen(file.name) <= MULTIPART_FILENAME_MAX, "%s", file.name);
        free(copy);
    }
}

static void a_boundary_has_at_most_70_bytes(void **state)
{
    (void)state;
    for (int width = 70; width <= 71; width++) {
        char type[200], body[400];
        struct multipart_file file;
        struct err err = {0};
        unsigned char *copy;
        (void)snprintf(type, sizeof type, "multipart/form-data; boundary=%0*d", width, 1);
        (void)snprintf(body, sizeof body, "--%0*d\r\n" DISPOSITION "\r\nF\r\n--%0*d--", width, 1,
                       width, 1);
        assert_int_equal(read_body(type, body, strlen(body), &copy, &file, &err), width == 70);
        free(copy);
    }
}

static void a_body_that_was_cut_anywhere_is_refused(void **state)
{
    static const char body[] = GOOD_PART "FROM x\r\n--xyz--";
    (void)state;
    for (size_t len = 0; len < sizeof body - 1; len++) {
        struct multipart_file file;
        struct err err = {0};
        unsigned char *copy;
        CHECK(!read_body(TYPE, body, len, &copy, &file, &err), "%zu bytes", len);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_content_type),
        cmocka_unit_test(reads_the_file_and_its_name),
        cmocka_unit_test(tells_what_a_body_lacks),
        cmocka_unit_test(a_zero_byte_in_a_header_is_told),
        cmocka_unit_test(the_bytes_may_be_any),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(a_boundary_has_at_most_70_bytes),
        cmocka_unit_test(a_body_that_was_cut_anywhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
