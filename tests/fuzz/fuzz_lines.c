/*
 * Lines through slices, layouts and the sequence, cut anywhere, against the strict scanner line by
 * line; and what that accepts against cJSON.
 * Input: a byte for the rules, a byte for the cut, then the text.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "aggregator/read/format.h"
#include "aggregator/totals/sequence.h"
#include "tests/fuzz/fuzz.h"

enum { PADDING = 4096, SLICES_MAX = 64 };

/* Events in any order, as a sum. */
struct outcome {
    struct tally tally;
    uint64_t events, sum;
};

static void add(struct outcome *outcome, const unsigned char *key, size_t key_len, int64_t value)
{
    uint64_t hash = 1469598103934665603u; /* FNV-1a */
    for (size_t i = 0; i < key_len; i++)
        hash = (hash ^ key[i]) * 1099511628211u;
    outcome->events++;
    outcome->sum += hash * (2 * (uint64_t)value + 1);
}

static bool add_events(void *context, const struct event *events, size_t count, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < count; i++)
        add(context, event_key(&events[i]), events[i].key_len, events[i].value);
    return true;
}

/* cJSON takes more than we do, never less, but for escapes of lone surrogates. */
static void compare_with_cjson(const struct scan_rules *rules, const unsigned char *line,
                               size_t len, const struct scan_result *got)
{
    if (memmem(line, len, "\\u", 2) != NULL || !got->flat)
        return;
    cJSON *tree = cJSON_ParseWithLength((const char *)line, len);
    HOLDS(cJSON_IsObject(tree));
    const cJSON *key = cJSON_GetObjectItemCaseSensitive(tree, rules->key);
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(tree, rules->value);
    HOLDS(cJSON_IsString(key) && cJSON_IsNumber(value));
    HOLDS(strlen(key->valuestring) == got->key_len);
    HOLDS(memcmp(key->valuestring, got->key, got->key_len) == 0);
    HOLDS(value->valuedouble == (double)got->value);
    cJSON_Delete(tree);
}

static void read_strictly(const struct scan_rules *rules, const unsigned char *text, size_t len,
                          struct outcome *ret)
{
    for (const unsigned char *line = text, *end = text + len; line < end;) {
        const unsigned char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t line_len = newline == NULL ? (size_t)(end - line) : (size_t)(newline - line);
        unsigned char *copy = malloc(line_len + 1);
        struct scan_result got;
        HOLDS(copy != NULL);
        memcpy(copy, line, line_len);
        size_t mark = line == text ? scan_byte_order_mark(copy, line_len) : 0;
        ret->tally.lines++;
        switch (line == text ? scan_first_line(rules, copy, line_len, &got)
                             : scan_line(rules, copy, line_len, &got)) {
        case SCAN_EVENT:
            HOLDS(got.value >= 0 && got.key_len > 0 && got.key_len <= rules->max_key);
            HOLDS((got.used & ~rules->accept) == 0);
            tally_used(&ret->tally, got.used);
            add(ret, got.key, got.key_len, got.value);
            compare_with_cjson(rules, copy + mark, line_len - mark, &got);
            break;
        case SCAN_BLANK:
            ret->tally.blank++;
            break;
        case SCAN_SKIPPED:
            HOLDS(rules->skip_missing);
            ret->tally.skipped++;
            break;
        case SCAN_BAD:
            HOLDS(got.column > 0 && got.column <= line_len + 1 && got.reason[0] != '\0');
            HOLDS(got.zeros <= line_len + 1 - got.column);
            ret->tally.bad++;
            break;
        }
        free(copy);
        line += line_len + 1;
    }
}

/* What begins with an event is never called another format. */
static void tell_format(const struct scan_rules *rules, const unsigned char *text, size_t len)
{
    unsigned char *copy = malloc(len + 1);
    struct scan_result got;

    HOLDS(copy != NULL);
    memcpy(copy, text, len);
    const struct format *format = format_of(copy, len);
    const unsigned char *newline = memchr(copy, '\n', len);
    size_t line_len = newline == NULL ? len : (size_t)(newline - copy);
    HOLDS(format == NULL || scan_first_line(rules, copy, line_len, &got) != SCAN_EVENT);
    free(copy);
}

static void read_in_slices(const struct scan_rules *rules, const unsigned char *text, size_t len,
                           uint64_t chance, struct outcome *ret)
{
    static const struct bad_line_policy any = {.is_percent = true, .percent = 100};
    struct slice slices[SLICES_MAX];
    struct layout layout = {0};
    struct err err = {0};
    size_t count = 0;

    struct sequence *sequence = sequence_new(rules, &any, NULL, NULL);
    HOLDS(sequence != NULL);
    for (size_t at = 0; at < len || count == 0; count++) {
        size_t left = len - at, take = left;
        chance = chance * 6364136223846793005u + 1442695040888963407u;
        if (chance % 4 != 0 && count + 1 < SLICES_MAX && left > 0)
            take = 1 + (size_t)(chance >> 33) % left;
        slices[count] = (struct slice){.data = text + at,
                                       .len = take,
                                       .name = "x",
                                       .first = at == 0,
                                       .last = at + take == len};
        slice_cut(&slices[count]);
        HOLDS(slice_scan(&slices[count], rules, &layout, add_events, ret, &err));
        at += take;
    }
    for (size_t i = 0; i < count; i++)
        HOLDS(sequence_take(sequence, &slices[i], add_events, ret, &err));
    ret->tally = *sequence_tally(sequence);
    /* Bad lines alone are not input. */
    bool none_good = ret->tally.bad > 0 &&
                     ret->tally.bad == ret->tally.lines - ret->tally.blank - ret->tally.skipped;
    HOLDS(sequence_finish(sequence, &err) == !none_good);
    HOLDS(sequence_bytes(sequence) == len);
    HOLDS(strlen(sequence_digest(sequence)) == DIGEST_TEXT - 1);
    sequence_free(sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[][2] = {
        {"userId", "sessionDuration"}, {"k", "v"}, {"\xc3\xa9", "a\"b"}, {"", "0"}};
    static const char *const pointers[][2] = {
        {"/user/id", "/user/t"}, {"/a/k", "v"}, {"/a/b/k", "/a/v"}, {"k", "/~1/~0"}};
    if (size < 2)
        return 0;
    const char *const *name = (data[0] & 8 ? pointers : names)[data[0] % 4];
    struct field key, value;
    struct err err = {0};
    HOLDS(field_parse(&key, name[0], &err) && field_parse(&value, name[1], &err));
    const struct scan_rules rules = {.key = field_name(&key),
                                     .key_len = strlen(field_name(&key)),
                                     .value = field_name(&value),
                                     .value_len = strlen(field_name(&value)),
                                     .max_line = data[0] & 16 ? 40 : 1 << 14,
                                     .max_key = data[0] & 32 ? 3 : 1024,
                                     .key_field = &key,
                                     .value_field = &value,
                                     .accept = data[0] & 4 ? ACCEPT_CONCATENATED - 1 : 0,
                                     .skip_missing = data[0] & 128};
    struct outcome strict = {0}, fast = {0};

    /* Lines are taken for plain ones only where so many bytes follow. */
    size_t len = size - 2 + (data[0] & 64 ? 0 : PADDING);
    unsigned char *text = malloc(len + 1);
    HOLDS(text != NULL);
    memset(text, ' ', len + 1);
    memcpy(text, data + 2, size - 2);
    if (len > size - 2)
        text[size - 2] = '\n';
    tell_format(&rules, text, size - 2);
    read_strictly(&rules, text, len, &strict);
    read_in_slices(&rules, text, len, data[1], &fast);
    HOLDS(strict.events == fast.events && strict.sum == fast.sum);
    HOLDS(memcmp(&strict.tally, &fast.tally, sizeof fast.tally) == 0);
    free(text);
    return 0;
}
