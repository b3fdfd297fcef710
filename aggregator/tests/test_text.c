#include "aggregator/totals/text.h"

#include "aggregator/tests/one_event.h"
#include "common/tests/unit.h"

enum { KEYS = 120000, CHUNKS = 4096, BITS = 4, THREADS = 5, ROW = 200 };

/* What is written; the write number fails_at fails. */
struct written {
    struct buf text;
    size_t writes, fails_at;
    size_t padding; /* of each row */
};

static void put(void *context, struct buf *out, const struct total *total)
{
    const struct written *written = context;
    buf_printf(out, "%.*s=%lld%*s\n", (int)total->key_len, (const char *)total->key,
               (long long)total->sum, (int)written->padding, "");
}

static bool keep(void *context, const void *bytes, size_t len, struct err *err)
{
    struct written *written = context;
    if (++written->writes == written->fails_at)
        return err_set(err, STATUS_REFUSED, "no more");
    buf_add(&written->text, bytes, len);
    return buf_ok(&written->text, err);
}

static struct table make_table(unsigned keys)
{
    struct table table = table_new(CHUNKS, BITS, false, 1);
    char key[32];
    size_t count;

    for (unsigned i = 0; i < keys; i++)
        assert_true(table_add(&table, key, (size_t)snprintf(key, sizeof key, "%u", i * 7), i));
    free(table_sort(&table, 2, &count));
    assert_int_equal(count, keys);
    return table;
}

static void threads_write_what_one_reads(void **state)
{
    static const unsigned keys[] = {0, 1, 1000, KEYS};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct table table = make_table(keys[i]);
        for (size_t padding = 0; padding <= ROW; padding += ROW) {
            struct written wanted = {.padding = padding};
            struct text_rules rules = {.put = put, .write = keep, .context = &wanted};
            struct err err = {0};
            buf_init(&wanted.text, 64 << 20);
            assert_true(text_of_stream(order_stream(table.order), &rules, &err));
            assert_true((wanted.text.len > 0) == (keys[i] > 0));
            for (unsigned threads = 1; threads <= THREADS; threads++) {
                struct written got = {.padding = padding};
                rules.context = &got;
                buf_init(&got.text, 64 << 20);
                assert_true(text_of_order(table.order, threads, &rules, &err));
                assert_int_equal(got.text.len, wanted.text.len);
                assert_memory_equal(got.text.data, wanted.text.data, got.text.len);
                buf_release(&got.text);
            }
            buf_release(&wanted.text);
        }
        table_free(&table);
    }
}

static void a_write_that_fails_is_the_last(void **state)
{
    struct table table = make_table(KEYS);
    (void)state;
    for (size_t fails_at = 1; fails_at < 8; fails_at += 3)
        for (unsigned threads = 0; threads <= THREADS; threads++) {
            struct written got = {.fails_at = fails_at, .padding = ROW};
            const struct text_rules rules = {.put = put, .write = keep, .context = &got};
            struct err err = {0};
            buf_init(&got.text, 64 << 20);
            assert_false(threads == 0 ? text_of_stream(order_stream(table.order), &rules, &err)
                                      : text_of_order(table.order, threads, &rules, &err));
            assert_int_equal(err.status, STATUS_REFUSED);
            assert_string_equal(err.text, "no more");
            assert_int_equal(got.writes, fails_at);
            buf_release(&got.text);
        }
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_write_what_one_reads),
        cmocka_unit_test(a_write_that_fails_is_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
