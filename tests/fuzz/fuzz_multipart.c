/* The file in a multipart body: within it, and what the boundaries enclose. Input: type, LF, body.
 */
#include <string.h>

#include "common/utf8.h"
#include "job_service/form/multipart.h"
#include "tests/fuzz/fuzz.h"

static void check_file(const struct multipart_file *file, const char *body, size_t len)
{
    HOLDS(file->bytes > body && file->bytes + file->len < body + len);
    HOLDS(memcmp(file->bytes - 4, "\r\n\r\n", 4) == 0);
    HOLDS(memcmp(file->bytes + file->len, "\r\n--", 4) == 0);
    HOLDS(strlen(file->name) <= MULTIPART_FILENAME_MAX);
    HOLDS(utf8_is_text(file->name, strlen(file->name)) && strpbrk(file->name, "/\\") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = memchr(data, '\n', size);
    struct multipart_file file;
    struct err err = {0};

    if (end == NULL)
        return 0;
    size_t type_len = (size_t)(end - data), len = size - type_len - 1;
    char *type = malloc(type_len + 1), *body = malloc(len > 0 ? len : 1);
    HOLDS(type != NULL && body != NULL);
    memcpy(type, data, type_len);
    type[type_len] = '\0';
    memcpy(body, end + 1, len);
    if (multipart_is_meant(type)) {
        if (multipart_read(type, body, len, &file, &err))
            check_file(&file, body, len);
        else
            HOLDS(err.status == STATUS_INPUT && utf8_is_text(err.text, strlen(err.text)));
    }
    free(type);
    free(body);
    return 0;
}
