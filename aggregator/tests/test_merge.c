#include "aggregator/totals/merge.h"

#include "common/tests/unit.h"

enum { STREAMS_MAX = 24, ITEMS_MAX = 64, KEYS = 97, KEY_SIZE = 40, NEVER = -1 };

/* Before each key: with it, keys differ only behind what a merge compares as a number. */
static const char *before_all = "";

/* A sorted stream from an array. It lends one buffer, so what it lent is gone after the next call.
 */
struct listed {
    struct total_stream stream; /* first: it is a stream */
    struct {
        int key;
        int64_t value;
    } item[ITEMS_MAX];
    int count, at, fails_at;
    bool fails_to_rewind;
    unsigned char lent[KEY_SIZE];
};

static bool listed_rewind(struct total_stream *stream, struct err *err)
{
    struct listed *listed = (struct listed *)stream;
    listed->at = 0;
    return !listed->fails_to_rewind || err_set(err, STATUS_TRANSIENT, "cannot rewind");
}

static int listed_next(struct total_stream *stream, struct total *ret, struct err *err)
{
    struct listed *listed = (struct listed *)stream;
    memset(listed->lent, '?', sizeof listed->lent);
    if (listed->at == listed->fails_at) {
        (void)err_set(err, STATUS_TRANSIENT, "cannot read");
        return -1;
    }
    if (listed->at == listed->count)
        return 0;
    char text[KEY_SIZE * 2];
    int key = listed->item[listed->at].key;
    /* Prefixes of each other, so that lengths matter: 0, 00, 000, 01... */
    int len = snprintf(text, sizeof text, "%s%0*d", before_all, key % 3 + 1, key / 3);
    memcpy(listed->lent, text, (size_t)len);
    int64_t value = listed->item[listed->at++].value;
    *ret = (struct total){.key = listed->lent,
                          .key_len = (size_t)len,
                          .sum = value,
                          .count = 1,
                          .min = value,
                          .max = value};
    return 1;
}

static int by_bytes(const void *a, const void *b)
{
    char left[KEY_SIZE * 2], right[KEY_SIZE * 2];
    int x = *(const int *)a, y = *(const int *)b;
    (void)snprintf(left, sizeof left, "%s%0*d", before_all, x % 3 + 1, x / 3);
    (void)snprintf(right, sizeof right, "%s%0*d", before_all, y % 3 + 1, y / 3);
    return strcmp(left, right);
}

struct fixture {
    struct listed listed[STREAMS_MAX];
    struct total_stream *streams[STREAMS_MAX];
    size_t count;
    int order[KEYS]; /* the keys sorted by their bytes; equal texts are one key */
    struct total expected[KEYS];
    char text[KEYS][KEY_SIZE * 2];
    size_t expected_count;
};

static void expect(struct fixture *f, int key, int64_t value)
{
    char text[KEY_SIZE * 2];
    size_t at = 0;
    (void)snprintf(text, sizeof text, "%s%0*d", before_all, key % 3 + 1, key / 3);
    while (at < f->expected_count && strcmp(f->text[at], text) != 0)
        at++;
    if (at == f->expected_count) {
        strcpy(f->text[at], text);
        f->expected[at] = (struct total){.min = INT64_MAX};
        f->expected_count++;
    }
    struct total *total = &f->expected[at];
    total->sum += value;
    total->count++;
    total->min = value < total->min ? value : total->min;
    total->max = value > total->max ? value : total->max;
}

static void make(struct fixture *f, size_t streams, uint64_t seed)
{
    memset(f, 0, sizeof *f);
    f->count = streams;
    for (int i = 0; i < KEYS; i++)
        f->order[i] = i;
    qsort(f->order, KEYS, sizeof *f->order, by_bytes);
    for (size_t s = 0; s < streams; s++) {
        struct listed *listed = &f->listed[s];
        listed->stream = (struct total_stream){.rewind = listed_rewind, .next = listed_next};
        listed->fails_at = NEVER;
        f->streams[s] = &listed->stream;
        size_t step = 1 + chance_below(&seed, 20); /* some hold many, some few, some nothing */
        for (size_t i = chance_below(&seed, 40); i < KEYS && listed->count < ITEMS_MAX;
             i += 1 + chance_below(&seed, step)) {
            if (listed->count > 0 &&
                by_bytes(&f->order[i], &listed->item[listed->count - 1].key) == 0)
                continue;
            listed->item[listed->count].key = f->order[i];
            listed->item[listed->count].value = (int64_t)chance_below(&seed, 1000);
            listed->count++;
        }
        if (chance_below(&seed, 6) == 0)
            listed->count = 0; /* an empty one among them */
    }
    for (size_t s = 0; s < streams; s++)
        for (int i = 0; i < f->listed[s].count; i++)
            expect(f, f->listed[s].item[i].key, f->listed[s].item[i].value);
}

static void assert_merges_to_expected(struct fixture *f, struct total_stream *merged)
{
    struct err err = {0};
    struct total total;
    char before[KEY_SIZE * 2] = "", key[KEY_SIZE * 2];
    size_t seen = 0;
    int got;

    assert_true(merged->rewind(merged, &err));
    while ((got = merged->next(merged, &total, &err)) == 1) {
        memcpy(key, total.key, total.key_len);
        key[total.key_len] = '\0';
        assert_true(strcmp(before, key) < 0);
        strcpy(before, key);
        size_t at = 0;
        while (at < f->expected_count && strcmp(f->text[at], key) != 0)
            at++;
        assert_true(at < f->expected_count);
        assert_int_equal(total.sum, f->expected[at].sum);
        assert_int_equal(total.count, f->expected[at].count);
        assert_int_equal(total.min, f->expected[at].min);
        assert_int_equal(total.max, f->expected[at].max);
        seen++;
    }
    assert_int_equal(got, 0);
    assert_int_equal(seen, f->expected_count);
    assert_int_equal(merged->next(merged, &total, &err), 0); /* the end stays the end */
}

static struct fixture fixture;

static void any_number_of_streams_becomes_one(void **state)
{
    (void)state;
    for (size_t streams = 0; streams <= STREAMS_MAX; streams++) {
        for (uint64_t seed = 1; seed <= 20; seed++) {
            make(&fixture, streams, seed);
            struct merge *merge = merge_new(fixture.streams, streams);
            assert_merges_to_expected(&fixture, merge_stream(merge));
            merge_free(merge);
        }
    }
    merge_free(NULL);
}

static void keys_that_begin_with_the_same_sixteen_bytes_are_told_apart(void **state)
{
    (void)state;
    before_all = "0123456789abcdef";
    for (uint64_t seed = 1; seed <= 20; seed++) {
        make(&fixture, 9, seed);
        struct merge *merge = merge_new(fixture.streams, 9);
        assert_merges_to_expected(&fixture, merge_stream(merge));
        merge_free(merge);
    }
    before_all = "";
}

static void it_can_be_read_again_from_anywhere(void **state)
{
    struct err err = {0};
    struct total total;
    (void)state;
    make(&fixture, 7, 77);
    struct merge *merge = merge_new(fixture.streams, 7);
    struct total_stream *merged = merge_stream(merge);
    for (size_t read = 0; read < fixture.expected_count; read += 5) {
        assert_true(merged->rewind(merged, &err));
        for (size_t i = 0; i < read; i++)
            assert_int_equal(merged->next(merged, &total, &err), 1);
        assert_merges_to_expected(&fixture, merged);
    }
    merge_free(merge);
}

static void merges_of_merges_are_the_same(void **state)
{
    struct total_stream *halves[2];
    (void)state;
    make(&fixture, 12, 5);
    struct merge *left = merge_new(fixture.streams, 5), *right = merge_new(fixture.streams + 5, 7);
    halves[0] = merge_stream(left);
    halves[1] = merge_stream(right);
    struct merge *merge = merge_new(halves, 2);
    assert_merges_to_expected(&fixture, merge_stream(merge));
    merge_free(merge);
    merge_free(left);
    merge_free(right);
}

static void streams_of_one_key_are_added_up(void **state)
{
    (void)state;
    make(&fixture, STREAMS_MAX, 1);
    fixture.expected_count = 0;
    for (int s = 0; s < STREAMS_MAX; s++) {
        fixture.listed[s].count = 1;
        fixture.listed[s].item[0].key = 5;
        fixture.listed[s].item[0].value = s + 1;
        expect(&fixture, 5, s + 1);
    }
    struct merge *merge = merge_new(fixture.streams, STREAMS_MAX);
    assert_merges_to_expected(&fixture, merge_stream(merge));
    merge_free(merge);
}

static void overflow_is_carried_through(void **state)
{
    static const struct {
        int64_t a, b, sum;
    } cases[] = {{INT64_MAX, 0, INT64_MAX},
                 {INT64_MAX, 1, TOTAL_OVERFLOW},
                 {TOTAL_OVERFLOW, 5, TOTAL_OVERFLOW},
                 {5, TOTAL_OVERFLOW, TOTAL_OVERFLOW}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        struct total total;
        make(&fixture, 2, 1);
        for (int s = 0; s < 2; s++) {
            fixture.listed[s].count = 1;
            fixture.listed[s].item[0].key = 5;
            fixture.listed[s].item[0].value = s == 0 ? cases[i].a : cases[i].b;
        }
        struct merge *merge = merge_new(fixture.streams, 2);
        struct total_stream *merged = merge_stream(merge);
        assert_true(merged->rewind(merged, &err));
        assert_int_equal(merged->next(merged, &total, &err), 1);
        assert_true(total.sum == cases[i].sum);
        merge_free(merge);
    }
}

static void failing_stream_fails_the_merge(void **state)
{
    (void)state;
    make(&fixture, 5, 9);
    struct merge *merge = merge_new(fixture.streams, 5);
    struct total_stream *merged = merge_stream(merge);
    for (size_t s = 0; s < 5; s++) {
        for (int at = 0; at <= fixture.listed[s].count; at++) {
            struct err err = {0};
            struct total total;
            int got = -1;
            fixture.listed[s].fails_at = at;
            if (merged->rewind(merged, &err))
                while ((got = merged->next(merged, &total, &err)) == 1)
                    continue;
            CHECK(got == -1, "stream %zu at %d", s, at);
            assert_string_equal(err.text, "cannot read");
            fixture.listed[s].fails_at = NEVER;
        }
        struct err err = {0};
        fixture.listed[s].fails_to_rewind = true;
        assert_false(merged->rewind(merged, &err));
        assert_string_equal(err.text, "cannot rewind");
        fixture.listed[s].fails_to_rewind = false;
    }
    assert_merges_to_expected(&fixture, merged); /* and it recovers */
    merge_free(merge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_streams_becomes_one),
        cmocka_unit_test(keys_that_begin_with_the_same_sixteen_bytes_are_told_apart),
        cmocka_unit_test(it_can_be_read_again_from_anywhere),
        cmocka_unit_test(merges_of_merges_are_the_same),
        cmocka_unit_test(streams_of_one_key_are_added_up),
        cmocka_unit_test(overflow_is_carried_through),
        cmocka_unit_test(failing_stream_fails_the_merge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
