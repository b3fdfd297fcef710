/*
 * Kinds as an operator lists them, and parameters as a client sets them: what is taken is JSON that
 * says the same when it is read again. The first byte chooses.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "common/utf8.h"
#include "job_service/form/kinds.h"
#include "job_service/form/strict_json.h"
#include "tests/fuzz/fuzz.h"

enum { VALUES_MAX = 256 };

static void check_message(const struct err *err, enum status status)
{
    HOLDS(err->status == status && err->text[0] != '\0');
    HOLDS(utf8_is_text(err->text, strlen(err->text)));
}

static void check_parameters(const struct kind *kind, const struct cJSON *wanted)
{
    OWNED_BUF(first, KIND_TEXT_MAX);
    OWNED_BUF(second, KIND_TEXT_MAX);
    struct err err = {0};
    struct cJSON *again;

    if (!kind_parameters(kind, wanted, &first, &err)) {
        check_message(&err, STATUS_INPUT);
        return;
    }
    HOLDS(strict_json_read(first.data, first.len, VALUES_MAX, &again, &err));
    HOLDS(kind_parameters(kind, again, &second, &err));
    HOLDS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    cJSON_Delete(again);
}

static void read_wanted(const char *text, size_t len)
{
    static const char list[] =
        "{\"k\": {\"parameters\": {\"a\": {\"pattern\": \".*\", \"default\": \"\"},"
        "\"b\": {\"pattern\": \"[0-9]+\", \"default\": \"1\"}}}}";
    static struct kinds *kinds;
    struct cJSON *wanted;
    struct err err = {0};

    if (kinds == NULL)
        HOLDS(kinds_read(list, sizeof list - 1, &kinds, &err));
    if (!strict_json_read(text, len, VALUES_MAX, &wanted, &err)) {
        check_message(&err, STATUS_INPUT);
        return;
    }
    check_parameters(kinds_find(kinds, "k"), wanted);
    cJSON_Delete(wanted);
}

static void read_list(const char *text, size_t len)
{
    struct kinds *kinds;
    struct err err = {0};

    /* Repetitions of repetitions take glibc's regcomp() gigabytes; an operator means well. */
    if (memmem(text, len, "\"pattern\"", 9) != NULL)
        for (size_t i = 1; i < len; i++)
            if (text[i] == '{' && strchr("0123456789,", text[i + 1 < len ? i + 1 : i]) != NULL)
                return;
    if (!kinds_read(text, len, &kinds, &err)) {
        check_message(&err, STATUS_USAGE);
        return;
    }
    const struct kind *kind = kinds_find(kinds, "k");
    if (kind != NULL)
        check_parameters(kind, NULL);
    kinds_free(kinds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2 == 1)
        read_list((const char *)data + 1, size - 1);
    else
        read_wanted((const char *)data + 1, size - 1);
    return 0;
}
