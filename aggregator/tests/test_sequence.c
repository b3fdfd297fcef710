#include "aggregator/totals/sequence.h"

#include "common/buf.h"
#include "common/tests/unit.h"

#include <xxhash.h>

enum { MAX_LINE = 40, EVENTS_MAX = 400, EVENT_TEXT = 48, SLICES_MAX = 4000 };

static const struct scan_rules rules = {
    .key = "k", .key_len = 1, .value = "v", .value_len = 1, .max_line = MAX_LINE, .max_key = 20};
static const struct bad_line_policy strict, any = {.is_percent = true, .percent = 100};

struct file {
    const char *name, *text;
    size_t len;
};
#define BOM   "\xef\xbb\xbf"
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define FILE_OF(file_name, literal)                                                                \
    {                                                                                              \
        file_name, literal, sizeof(literal) - 1                                                    \
    }

/* What became of an input. */
struct outcome {
    bool done;
    struct err err;
    struct tally tally;
    uint64_t bytes;
    char event[EVENTS_MAX][EVENT_TEXT]; /* sorted: their order is nobody's business */
    size_t event_count;
    struct buf rejects;
    char digest[DIGEST_TEXT], digest_in_order[DIGEST_TEXT];
};

static bool keep_events(void *context, const struct event *events, size_t count, struct err *err)
{
    struct outcome *outcome = context;
    (void)err;
    for (size_t i = 0; i < count; i++) {
        assert_true(outcome->event_count < EVENTS_MAX);
        (void)snprintf(outcome->event[outcome->event_count++], EVENT_TEXT, "%.*s=%lld",
                       (int)events[i].key_len, event_key(&events[i]), (long long)events[i].value);
    }
    return true;
}

static bool keep_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    struct buf *rejects = &((struct outcome *)context)->rejects;
    buf_add(rejects, bytes, len);
    return buf_ok(rejects, err);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* How an input is cut into blocks, and in which order these are scanned. */
struct cut {
    size_t size;     /* of each block; 0: of any */
    uint64_t chance; /* for those */
    bool backwards;  /* scanned from the last to the first, as threads might */
    bool ends_empty; /* a last block without bytes, as a pipe has where it ends at a block's end */
    bool no_rejects;
};

static size_t cut_into_slices(const struct file *files, size_t count, struct cut how,
                              struct slice *slices)
{
    size_t made = 0;
    for (size_t f = 0; f < count; f++) {
        size_t at = 0;
        bool last = false;
        for (bool first = true; !last; first = false) {
            size_t size = how.size > 0 ? how.size : 1 + chance_below(&how.chance, 60);
            size_t left = files[f].len - at, len = size < left ? size : left;
            last = how.ends_empty ? len == 0 : len == left;
            assert_true(made < SLICES_MAX);
            slices[made++] = (struct slice){.data = exact_copy(files[f].text + at, len),
                                            .len = len,
                                            .file = f,
                                            .name = files[f].name,
                                            .first = first,
                                            .last = last};
            at += len;
        }
    }
    return made;
}

static void drive(const struct file *files, size_t count, struct cut how,
                  const struct bad_line_policy *policy, struct outcome *ret)
{
    static struct slice slices[SLICES_MAX];
    struct layout layout = {0};
    size_t made = cut_into_slices(files, count, how, slices);

    *ret = (struct outcome){.done = true};
    buf_init(&ret->rejects, 1 << 20);
    struct sequence *sequence =
        sequence_new(&rules, policy, how.no_rejects ? NULL : keep_reject, ret);
    assert_non_null(sequence);
    for (size_t i = 0; i < made; i++) {
        struct slice *slice = &slices[how.backwards ? made - 1 - i : i];
        slice_cut(slice);
        assert_true(slice_scan(slice, &rules, &layout, keep_events, ret, &ret->err));
    }
    for (size_t i = 0; i < made && ret->done; i++)
        ret->done = sequence_take(sequence, &slices[i], keep_events, ret, &ret->err);
    ret->done = ret->done && sequence_finish(sequence, &ret->err);
    ret->tally = *sequence_tally(sequence);
    ret->bytes = sequence_bytes(sequence);
    memcpy(ret->digest, sequence_digest(sequence), DIGEST_TEXT);
    memcpy(ret->digest_in_order, sequence_digest_in_order(sequence), DIGEST_TEXT);
    sequence_free(sequence);
    for (size_t i = 0; i < made; i++)
        free((void *)(uintptr_t)slices[i].data);
    qsort(ret->event, ret->event_count, EVENT_TEXT, by_text);
}

static void release(struct outcome *outcome)
{
    buf_release(&outcome->rejects);
}

/* The same by the simplest means: one line after the other. */
static void expect(const struct file *files, size_t count, struct outcome *ret)
{
    struct scan_result found;
    struct event event;
    *ret = (struct outcome){.done = true};
    buf_init(&ret->rejects, 1 << 20);
    for (size_t f = 0; f < count; f++) {
        unsigned long long number = 0;
        for (size_t at = 0; at < files[f].len;) {
            const char *line = files[f].text + at;
            const char *end = memchr(line, '\n', files[f].len - at);
            size_t len = end == NULL ? files[f].len - at : (size_t)(end - line);
            number++;
            char zeros[24] = "";
            switch ((number == 1 ? scan_first_line : scan_line)(&rules, (const unsigned char *)line,
                                                                len, &found)) {
            case SCAN_EVENT:
                event_set(&event, found.key, found.key_len, found.value);
                (void)keep_events(ret, &event, 1, &ret->err);
                break;
            case SCAN_BLANK:
                ret->tally.blank++;
                break;
            case SCAN_SKIPPED:
                ret->tally.skipped++;
                break;
            case SCAN_BAD:
                ret->tally.bad++;
                size_t kept = len > MAX_LINE + 2 ? MAX_LINE + 2 : len;
                if (found.zeros > 0)
                    (void)snprintf(zeros, sizeof zeros, "%zu ", found.zeros);
                buf_printf(&ret->rejects, "%s:%llu:%zu: %s%s\t", files[f].name, number,
                           found.column, zeros, found.reason);
                buf_add(&ret->rejects, line, kept);
                if (kept < len)
                    buf_printf(&ret->rejects, "...[cut: %zu bytes]", len);
                buf_add_text(&ret->rejects, "\n");
                break;
            }
            ret->tally.lines++;
            at += len + 1;
        }
        ret->bytes += files[f].len;
    }
    qsort(ret->event, ret->event_count, EVENT_TEXT, by_text);
    assert_true(buf_ok(&ret->rejects, &ret->err));
}

static void assert_same(const struct outcome *got, const struct outcome *expected, const char *text,
                        struct cut how)
{
#define SAME(ok) CHECK(ok, "'%s' cut to %zu%s", text, how.size, how.backwards ? " backwards" : "")
    SAME(got->tally.lines == expected->tally.lines);
    SAME(got->tally.blank == expected->tally.blank);
    SAME(got->tally.bad == expected->tally.bad);
    SAME(got->bytes == expected->bytes);
    SAME(got->event_count == expected->event_count);
    SAME(memcmp(got->event, expected->event, got->event_count * EVENT_TEXT) == 0);
    SAME(got->rejects.len == expected->rejects.len);
    SAME(memcmp(got->rejects.data, expected->rejects.data, got->rejects.len) == 0);
#undef SAME
}

static const struct file texts[] = {
    FILE_OF("f", ""),
    FILE_OF("f", "\n"),
    FILE_OF("f", "\n\n\n"),
    FILE_OF("f", "\r\n"),
    FILE_OF("f", "\r"),
    FILE_OF("f", " \n\t\n \r\n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\r\n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\r"),
    FILE_OF("f", "\n{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":2}\n\n{\"v\":3,\"k\":\"c\"}"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\r\n{\"k\":\"b\",\"v\":2}\r\n\r\n{\"k\":\"c\",\"v\":3}\r\n"),
    FILE_OF("f", "x\n{\"k\":\"a\",\"v\":1}\ny"),
    FILE_OF("f", "{\"k\":\"a\",\n\"v\":1}\n{\"k\":\"a\",\"v\":1}}\n{\"k\":\"a\",\"v\":-1}\r\n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1, \"other\":\"0123456789\"}\n{\"k\":\"b\",\"v\":2}\n"),
    FILE_OF("f", "0123456789012345678901234567890123456789\n0\n"),
    FILE_OF("f", "01234567890123456789012345678901234567890\n0\n"),
    FILE_OF("f", "012345678901234567890123456789012345678901\n0\n"),
    FILE_OF("f", "0123456789012345678901234567890123456789012\n0\n"),
    FILE_OF("f", "0123456789012345678901234567890123456789\r\n0\n"),
    FILE_OF("f", "01234567890123456789012345678901234567890\r\n0\n"),
    FILE_OF("f", "012345678901234567890123456789012345678901\r\n0\n"),
    FILE_OF("f", "012345678901234567890123456789012345678901\r234567890123456789\r\n0\n"),
    FILE_OF("f", "0123456789012345678901234567890123456789012345678901234567890123456789"),
    FILE_OF("f", "                                        \n{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", "                                         \n{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}                         \n"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}                          \n"),
    FILE_OF("f", "nul\0byte\n\xff\xfe\n{\"k\":\"\xc3\xa9\",\"v\":1}\n{\"k\":\"\xc3\",\"v\":1}\n"),
    FILE_OF("f", "{\"k\":\"\\u0061\",\"v\":1}\n{\"k\":\"a\",\"v\":9223372036854775807}\n"),
    FILE_OF("f", BOM),
    FILE_OF("f", BOM "\n"),
    FILE_OF("f", BOM "{\"k\":\"a\",\"v\":1}"),
    FILE_OF("f", BOM "{\"k\":\"a\",\"v\":1}\r\n" BOM "{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", BOM "{\"k\":\"a\",\"v\":1 }  \n{\"k\":\"b\",\"v\":2 }  \n"),
    FILE_OF("f", "\n" BOM "{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", BOM "0123456789012345678901234567890123456789\n"),
    FILE_OF("f", "\xef\xbb"),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\n" ZEROS),
    FILE_OF("f", "{\"k\":\"a\",\"v\":1}\n" ZEROS ZEROS ZEROS),
    FILE_OF("f", "{\"k\":\"a\",\"v" ZEROS ZEROS ZEROS "\n{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", ZEROS ZEROS "{\"k\":\"a\",\"v\":1}" ZEROS ZEROS "\n{\"k\":\"a\",\"v\":1}\n"),
    FILE_OF("f", ZEROS "0123456789012345678901234567890123456789" ZEROS ZEROS),
};

static void every_cut_gives_the_same(void **state)
{
    static struct outcome expected, got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        expect(&texts[i], 1, &expected);
        for (size_t size = 1; size <= texts[i].len + 1; size++) {
            for (int variant = 0; variant < 4; variant++) {
                const struct cut how = {
                    .size = size, .backwards = variant & 1, .ends_empty = variant & 2};
                drive(&texts[i], 1, how, &any, &got);
                assert_same(&got, &expected, texts[i].text, how);
                release(&got);
            }
        }
        release(&expected);
    }
}

/* Lines and what is between them, in any order. */
static struct file make_file(uint64_t *random, const char *name)
{
    static const char *const parts[] = {"{\"k\":\"a\",\"v\":1}",
                                        "{\"k\":\"b\",\"v\":22}",
                                        "{\"k\":\"c\", \"v\":333}",
                                        "{",
                                        "bad",
                                        " ",
                                        "\n",
                                        "\n",
                                        "\n",
                                        "\n",
                                        "\r\n",
                                        "\r",
                                        "\xff",
                                        BOM,
                                        "0123456789012345678901234567890123456789",
                                        "{\"k\":\"d\",\"v\":1,\"o\":[{\"k\":\"e\"}]}"};
    size_t len = 0;
    char *text = malloc(2000);
    assert_non_null(text);
    for (size_t n = chance_below(random, 40); n > 0; n--) {
        const char *part = parts[chance_below(random, ARRAY_LEN(parts))];
        memcpy(text + len, part, strlen(part));
        len += strlen(part);
    }
    text[len] = '\0';
    return (struct file){.name = name, .text = text, .len = len};
}

static void any_files_in_any_blocks_give_the_same(void **state)
{
    static struct outcome expected, got;
    static const char *const names[] = {"one", "two", "three"};
    uint64_t random = 42;
    (void)state;
    for (int round = 0; round < 1500; round++) {
        struct file files[3];
        size_t count = 1 + chance_below(&random, 3);
        for (size_t f = 0; f < count; f++)
            files[f] = make_file(&random, names[f]);
        const struct cut how = {.chance = chance(&random), .backwards = round % 2};
        expect(files, count, &expected);
        drive(files, count, how, &any, &got);
        assert_same(&got, &expected, files[0].text, how);
        for (size_t f = 0; f < count; f++)
            free((void *)(uintptr_t)files[f].text);
        release(&expected);
        release(&got);
    }
}

static void files_are_not_joined(void **state)
{
    static const struct file files[] = {FILE_OF("one", "{\"k\":\"a\",\"v\":1}\n{\"k\":"),
                                        FILE_OF("two", "\"b\",\"v\":2}\n"), FILE_OF("none", ""),
                                        FILE_OF("three", "{\"k\":\"c\",\"v\":3}")};
    static struct outcome got;
    (void)state;
    for (size_t size = 1; size < 30; size++) {
        drive(files, ARRAY_LEN(files), (struct cut){.size = size}, &any, &got);
        assert_int_equal(got.tally.lines, 4);
        assert_int_equal(got.event_count, 2);
        assert_string_equal(got.rejects.data, "one:2:6: expected a value\t{\"k\":\n"
                                              "two:1:1: expected an object\t\"b\",\"v\":2}\n");
        release(&got);
    }
}

static void first_bad_line_by_position_ends_the_run(void **state)
{
    static const struct file files[] = {
        FILE_OF("a.jsonl", "{\"k\":\"a\",\"v\":1}\n\n{\"k\":\"b\",\"v\":2}\n"),
        FILE_OF("b.jsonl", "{\"k\":\"a\",\"v\":1}\r\n\n{\"k\":\"c\",\"v\":1.5}\r\nworse\n{}\n")};
    static struct outcome got;
    (void)state;
    for (size_t size = 1; size < 80; size++) {
        for (int variant = 0; variant < 4; variant++) {
            const struct cut how = {
                .size = size, .backwards = variant & 1, .no_rejects = variant & 2};
            drive(files, 2, how, &strict, &got);
            assert_false(got.done);
            assert_int_equal(got.err.status, STATUS_INPUT);
            assert_memory_equal(got.err.text, "b.jsonl:3:14: the value is not a whole number (",
                                47);
            assert_non_null(strstr(got.err.text, "--max-bad"));
            release(&got);
        }
    }
}

static void some_bad_lines_are_tolerated(void **state)
{
    static const struct file file =
        FILE_OF("f", "x\n{\"k\":\"a\",\"v\":1}\ny\n{\"k\":\"b\",\"v\":2}\n\nz\n");
    static struct outcome got;
    (void)state;
    for (uint64_t lines = 0; lines < 5; lines++) {
        const struct bad_line_policy policy = {.lines = lines};
        for (size_t size = 1; size < 60; size++) {
            for (int no_rejects = 0; no_rejects < 2; no_rejects++) {
                drive(&file, 1, (struct cut){.size = size, .no_rejects = no_rejects}, &policy,
                      &got);
                CHECK(got.done == (lines >= 3), "--max-bad %d, blocks of %zu", (int)lines, size);
                if (lines >= 3) {
                    assert_int_equal(got.tally.bad, 3);
                    assert_int_equal(got.event_count, 2);
                    assert_int_equal(got.tally.lines, 6);
                    assert_int_equal(got.tally.blank, 1);
                } else {
                    char place[32];
                    (void)snprintf(place, sizeof place, "f:%d:1: expected an object",
                                   (int)lines * 2 + 1 + (lines == 2));
                    CHECK(strncmp(got.err.text, place, strlen(place)) == 0, "%s", got.err.text);
                    assert_int_equal(got.err.status, STATUS_INPUT);
                }
                release(&got);
            }
        }
    }
}

static void percentage_is_judged_at_the_end_without_blank_lines(void **state)
{
    static const struct file file =
        FILE_OF("f", "bad\n\n\n\n\n\n\n{\"k\":\"a\",\"v\":1}\n{\"k\":\"b\",\"v\":2}\nbad\n \n");
    static const struct {
        double percent;
        bool done;
    } cases[] = {{0, false}, {1, false}, {49.99, false}, {50, true}, {50.01, true}, {100, true}};
    static struct outcome got;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct bad_line_policy policy = {.is_percent = true, .percent = cases[i].percent};
        for (size_t size = 1; size < 60; size++) {
            for (int no_rejects = 0; no_rejects < 2; no_rejects++) {
                drive(&file, 1, (struct cut){.size = size, .no_rejects = no_rejects}, &policy,
                      &got);
                CHECK(got.done == cases[i].done, "%g%%", cases[i].percent);
                assert_int_equal(got.tally.bad, 2);
                if (!got.done) {
                    assert_int_equal(got.err.status, STATUS_INPUT);
                    assert_non_null(strstr(got.err.text, "2 of 4 lines are bad (50.00%)"));
                    assert_non_null(strstr(got.err.text, "the first: f:1:1: expected an object"));
                }
                release(&got);
            }
        }
    }
}

static void bad_lines_alone_are_not_tolerated(void **state)
{
    static const struct file wrong[] = {FILE_OF("f", "x\n\n"), FILE_OF("g", "\ny\nz")},
                             right[] = {FILE_OF("f", "x\n"), FILE_OF("g", "{\"k\":\"a\",\"v\":1}")};
    static const struct bad_line_policy many = {.lines = 100};
    static struct outcome got;
    (void)state;
    for (size_t size = 1; size < 20; size++) {
        for (int variant = 0; variant < 4; variant++) {
            const struct cut how = {.size = size, .no_rejects = variant & 2};
            drive(wrong, 2, how, variant & 1 ? &many : &any, &got);
            assert_false(got.done);
            assert_int_equal(got.err.status, STATUS_INPUT);
            assert_memory_equal(got.err.text, "f:1:1: expected an object (", 27);
            assert_non_null(strstr(got.err.text, "not one of 3 lines is an event"));
            release(&got);
            drive(right, 2, how, variant & 1 ? &many : &any, &got);
            assert_true(got.done);
            release(&got);
        }
    }
}

static void no_lines_are_no_percentage(void **state)
{
    static const struct file files[] = {FILE_OF("f", ""), FILE_OF("g", "\n\n")};
    static const struct bad_line_policy none = {.is_percent = true, .percent = 0};
    static struct outcome got;
    (void)state;
    drive(files, 2, (struct cut){.size = 1}, &none, &got);
    assert_true(got.done);
    release(&got);
    drive(files, 0, (struct cut){.size = 1}, &none, &got);
    assert_true(got.done);
    release(&got);
}

static void rejects_are_verbatim(void **state)
{
    static const struct file file = FILE_OF("f", "a\0b\r\n\xff\tx\ry\n{\"k\":\"\x01\"}\r\r\nend");
    static const char expected[] =
        "f:1:1: expected an object\ta\0b\r\n"
        "f:2:1: expected an object\t\xff\tx\ry\n"
        "f:3:7: raw control character in a string\t{\"k\":\"\x01\"}\r\r\n"
        "f:4:1: expected an object\tend\n";
    static struct outcome got;
    (void)state;
    for (size_t size = 1; size < 50; size++) {
        drive(&file, 1, (struct cut){.size = size}, &any, &got);
        assert_int_equal(got.rejects.len, sizeof expected - 1);
        assert_memory_equal(got.rejects.data, expected, sizeof expected);
        release(&got);
    }
}

static void hostile_file_names_are_shown_safely(void **state)
{
    static const struct file file = FILE_OF("new\nline\033[2J\xff.jsonl", "x\n");
    static struct outcome got;
    (void)state;
    drive(&file, 1, (struct cut){.size = 9}, &any, &got);
    assert_string_equal(got.rejects.data,
                        "new\\x0aline\\x1b[2J\\xff.jsonl:1:1: expected an object\tx\n");
    release(&got);
}

static bool refuse_events(void *context, const struct event *events, size_t count, struct err *err)
{
    (void)context;
    (void)events;
    (void)count;
    return err_set(err, STATUS_TRANSIENT, "no room");
}

static bool refuse_reject(void *context, const void *bytes, size_t len, struct err *err)
{
    (void)context;
    (void)bytes;
    (void)len;
    return err_set(err, STATUS_TRANSIENT, "disk full");
}

static void failing_sinks_fail_the_run(void **state)
{
    static const char text[] = "{\"k\":\"a\",\"v\":1}\nbad\n{\"k\":\"a\",\"v\":1}";
    struct slice slice = {.data = (const unsigned char *)text,
                          .len = sizeof text - 1,
                          .name = "f",
                          .first = true,
                          .last = true};
    struct err err = {0};
    struct outcome ignored = {0};
    struct layout layout = {0};
    (void)state;
    slice_cut(&slice);
    assert_false(slice_scan(&slice, &rules, &layout, refuse_events, NULL, &err));
    assert_string_equal(err.text, "no room");
    assert_true(slice_scan(&slice, &rules, &layout, keep_events, &ignored, &err));

    struct sequence *sequence = sequence_new(&rules, &any, refuse_reject, NULL);
    assert_false(sequence_take(sequence, &slice, keep_events, &ignored, &err));
    assert_string_equal(err.text, "disk full");
    sequence_free(sequence);

    sequence = sequence_new(&rules, &any, NULL, NULL);
    assert_false(sequence_take(sequence, &slice, refuse_events, NULL, &err));
    assert_string_equal(err.text, "no room");
    sequence_free(sequence);
    sequence_free(NULL);
}

static void add_canonical(XXH3_state_t *to, XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    (void)XXH3_128bits_update(to, canonical.digest, sizeof canonical.digest);
}

/* Blocks, then files, then all: each level hashes the canonical hashes of the one below. */
static void digest_is_over_the_files_and_their_blocks(void **state)
{
    static const struct file files[] = {FILE_OF("a", "0123456789\n"), FILE_OF("b", ""),
                                        FILE_OF("c", "abc")};
    static struct outcome got;
    (void)state;
    for (size_t size = 1; size < 13; size++) {
        XXH3_state_t *all = XXH3_createState(), *file = XXH3_createState();
        XXH128_canonical_t canonical;
        char expected[DIGEST_TEXT];
        (void)XXH3_128bits_reset(all);
        for (size_t f = 0; f < ARRAY_LEN(files); f++) {
            (void)XXH3_128bits_reset(file);
            for (size_t at = 0; at < files[f].len; at += size) {
                size_t left = files[f].len - at;
                add_canonical(file, XXH3_128bits(files[f].text + at, size < left ? size : left));
            }
            add_canonical(all, XXH3_128bits_digest(file));
        }
        XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(all));
        for (size_t i = 0; i < DIGEST_BYTES; i++)
            (void)snprintf(expected + 2 * i, 3, "%02x", canonical.digest[i]);
        (void)XXH3_freeState(all);
        (void)XXH3_freeState(file);
        for (int variant = 0; variant < 4; variant++) {
            const struct cut how = {
                .size = size, .backwards = variant & 1, .ends_empty = variant & 2};
            drive(files, ARRAY_LEN(files), how, &any, &got);
            assert_string_equal(got.digest_in_order, expected);
            release(&got);
        }
    }
}

static void digest_tells_inputs_apart(void **state)
{
    static const struct file parts[] = {FILE_OF("1", "ab"), FILE_OF("2", "c"),   FILE_OF("3", "a"),
                                        FILE_OF("4", "bc"), FILE_OF("5", "abc"), FILE_OF("6", "")};
    static const size_t inputs[][2] = {{0, 1}, {2, 3}, {4, 4}, {4, 5}, {5, 5}, {1, 1}, {0, 0}};
    static struct outcome got;
    char digest[ARRAY_LEN(inputs)][DIGEST_TEXT];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
        const struct file files[] = {parts[inputs[i][0]], parts[inputs[i][1]]};
        drive(files, 2, (struct cut){.size = 16}, &any, &got);
        memcpy(digest[i], got.digest, DIGEST_TEXT);
        release(&got);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(digest[i], digest[j]) != 0, "inputs %zu and %zu", i, j);
    }
    /* A file's name is not part of the digest. */
    const struct file renamed[] = {FILE_OF("x", "ab"), FILE_OF("y", "c")};
    drive(renamed, 2, (struct cut){.size = 16}, &any, &got);
    assert_string_equal(got.digest, digest[0]);
    release(&got);
}

/* Three files in any order, and the plain hash over their digests in ascending order. */
static void digest_does_not_depend_on_the_order_of_the_files(void **state)
{
    static const struct file parts[] = {FILE_OF("a", "x\n"), FILE_OF("b", "y\n"), FILE_OF("c", "")};
    static const size_t orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                       {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static struct outcome got;
    char digest[DIGEST_TEXT] = "", in_order[ARRAY_LEN(orders)][DIGEST_TEXT];
    bool ascending = false;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        const struct file files[] = {parts[orders[i][0]], parts[orders[i][1]], parts[orders[i][2]]};
        drive(files, 3, (struct cut){.size = 16}, &any, &got);
        if (i == 0)
            memcpy(digest, got.digest, DIGEST_TEXT);
        assert_string_equal(got.digest, digest);
        memcpy(in_order[i], got.digest_in_order, DIGEST_TEXT);
        for (size_t j = 0; j < i; j++)
            CHECK(strcmp(in_order[i], in_order[j]) != 0, "orders %zu and %zu", i, j);
        ascending = ascending || strcmp(in_order[i], digest) == 0;
        release(&got);
    }
    assert_true(ascending);
    drive(parts, 1, (struct cut){.size = 16}, &any, &got); /* one file: as it always was */
    assert_string_equal(got.digest, got.digest_in_order);
    release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(any_files_in_any_blocks_give_the_same),
        cmocka_unit_test(files_are_not_joined),
        cmocka_unit_test(first_bad_line_by_position_ends_the_run),
        cmocka_unit_test(some_bad_lines_are_tolerated),
        cmocka_unit_test(percentage_is_judged_at_the_end_without_blank_lines),
        cmocka_unit_test(bad_lines_alone_are_not_tolerated),
        cmocka_unit_test(no_lines_are_no_percentage),
        cmocka_unit_test(rejects_are_verbatim),
        cmocka_unit_test(hostile_file_names_are_shown_safely),
        cmocka_unit_test(failing_sinks_fail_the_run),
        cmocka_unit_test(digest_is_over_the_files_and_their_blocks),
        cmocka_unit_test(digest_tells_inputs_apart),
        cmocka_unit_test(digest_does_not_depend_on_the_order_of_the_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
