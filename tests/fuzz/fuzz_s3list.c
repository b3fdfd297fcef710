/*
 * Answers of an S3 server: pages of lists, errors, roles. Whatever comes is read within limits, and
 * what is taken is text. The first byte chooses.
 */
#include <string.h>

#include "aggregator/s3/answers.h"
#include "aggregator/s3/range.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

static bool take(void *context, const struct s3_entry *entry, struct err *err)
{
    OWNED_BUF(code, 3 * S3_KEY_MAX);
    OWNED_BUF(back, S3_KEY_MAX);
    size_t *count = context;
    const size_t len = strlen(entry->key);

    (void)err;
    ++*count;
    HOLDS(len > 0 && len <= S3_KEY_MAX && strlen(entry->etag) <= S3_ETAG_MAX);
    s3_encode(&code, entry->key, len, true);
    HOLDS(
        strspn(code.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/%") ==
        code.len);
    HOLDS(s3_decode(&back, code.data, code.len, false) && strcmp(back.data, entry->key) == 0);
    return true;
}

static void check_message(const struct err *err)
{
    HOLDS(err->status == STATUS_INPUT && err->text[0] != '\0');
    HOLDS(utf8_is_text(err->text, strlen(err->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    struct s3_credentials role;
    struct s3_error error;
    struct s3_page page;
    struct err err = {0};
    size_t count = 0;

    if (size == 0)
        return 0;
    size--;
    switch (data[0] % 3) {
    case 0:
        if (!s3_read_page(text, size, &page, take, &count, &err))
            check_message(&err);
        HOLDS(count <= size);
        break;
    case 1:
        s3_read_error(text, size, &error);
        HOLDS(utf8_is_text(error.code, strlen(error.code)));
        HOLDS(utf8_is_text(error.message, strlen(error.message)));
        break;
    default:
        if (!s3_read_role(text, size, &role, &err))
            check_message(&err);
        else
            HOLDS(role.id[0] != '\0' && role.secret[0] != '\0');
    }
    return 0;
}
