/* Small readers of text: numbers, times, names, messages. What they accept comes back the same. */
#include <string.h>

#include "aggregator/load/sql_text.h"
#include "common/civil_time.h"
#include "common/err.h"
#include "common/num.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

static void check_utf8(const char *text)
{
    size_t len = strlen(text);
    for (size_t at = 0, width; at < len; at += width) {
        width = utf8_length((const unsigned char *)text + at, len - at);
        HOLDS(width > 0);
    }
}

static void check_numbers(const char *text)
{
    char shown[NUM_U128_TEXT];
    uint64_t value, duration;
    uint32_t index, count;
    double decimal;

    if (num_u64(text, &value)) {
        num_put_u128(shown, value);
        HOLDS(strcmp(text + strspn(text, "0"), shown + (value == 0)) == 0);
        HOLDS(num_size(text, &duration) && duration == value);
    }
    (void)num_size(text, &value);
    (void)num_duration(text, &duration);
    if (num_decimal(text, &decimal))
        HOLDS(decimal >= 0 && decimal < 1e10);
    if (num_shard(text, &index, &count))
        HOLDS(index < count);
}

static void check_time(const char *text)
{
    char shown[CIVIL_TIME_LEN + 1] = {0};
    int64_t seconds, again;

    if (!civil_parse(text, &seconds))
        return;
    if (seconds < -62135596800 || seconds > 253402300799) /* an offset may leave the years */
        return;
    civil_put_time(shown, seconds);
    HOLDS(civil_parse(shown, &again) && again == seconds);
}

static void check_name(const char *text)
{
    struct sql_name name, again;
    struct err err = {0};

    if (!sql_parse_name(text, &name, &err)) {
        HOLDS(err.status == STATUS_USAGE);
        check_utf8(err.text);
        return;
    }
    OWNED_BUF(quoted, 4096);
    sql_add_name(&quoted, &name, false);
    HOLDS(buf_ok(&quoted, &err));
    HOLDS(sql_parse_name(quoted.data, &again, &err));
    HOLDS(strcmp(name.table, again.table) == 0 && strcmp(name.schema, again.schema) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char quoted[64];
    struct err err = {0};
    char *text = malloc(size + 1);

    HOLDS(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    check_numbers(text);
    check_time(text);
    check_name(text);
    check_utf8(err_quote(quoted, size > 0 ? 8 + data[0] % 56 : 8, data, size));
    (void)err_set(&err, STATUS_INPUT, "%s", text);
    (void)err_prefix(&err, "%s", text);
    check_utf8(err.text);
    HOLDS(strchr(err.text, '\n') == NULL);
    free(text);
    return 0;
}
