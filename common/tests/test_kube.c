#include "common/kube.h"

#include "common/tests/https_server.h"

#define HEAD(status, more) "HTTP/1.1 " status "\r\nConnection: close\r\n" more "\r\n"
#define OK_HEAD            HEAD("200 OK", "Transfer-Encoding: chunked\r\n")

enum { LINE_MAX_BYTES = 16, TURN_MS = 100, STREAMS = 40, LARGE = 1 << 20 };

static struct https_server server;

static void write_token(const char *token)
{
    char *path = scratch_path("token"), *next = scratch_path("token.next");
    scratch_write(next, token, strlen(token));
    assert_int_equal(rename(next, path), 0);
    free(path);
    free(next);
}

static void say_chunk(SSL *tls, const char *bytes, size_t len)
{
    char head[32];
    (void)snprintf(head, sizeof head, "%zx\r\n", len);
    https_say(tls, head);
    https_write(tls, bytes, len);
    https_say(tls, "\r\n");
}

/* The path says what is wanted. */
static void answer(struct https_server *of, SSL *tls, const char *request)
{
    static const char bytes[] = "a\0b\r\n\n\xff no end of line";

    if (strstr(request, "/api/bytes ") != NULL) {
        https_say(tls, OK_HEAD);
        for (size_t i = 0; i < sizeof bytes - 1; i++)
            say_chunk(tls, &bytes[i], 1);
        https_say(tls, "0\r\n\r\n");
    } else if (strstr(request, "/api/lines ") != NULL) {
        https_say(tls, OK_HEAD);
        say_chunk(tls, "one\ntw", 6);
        say_chunk(tls, "o\n\nfour is at most!\ncut of", 26);
        https_say(tls, "0\r\n\r\n");
    } else if (strstr(request, "/api/long ") != NULL) {
        https_say(tls, OK_HEAD);
        say_chunk(tls, "one\n0123456789abcdef", 20);
        say_chunk(tls, "g\n", 2);
        https_hang(of, tls);
    } else if (strstr(request, "/api/large ") != NULL) {
        char *large = malloc(LARGE);
        memset(large, 'x', LARGE);
        https_say(tls, OK_HEAD);
        say_chunk(tls, large, LARGE);
        https_say(tls, "0\r\n\r\n");
        free(large);
    } else if (strstr(request, "/api/silent ") != NULL) {
        https_say(tls, OK_HEAD);
        say_chunk(tls, "begun\n", 6);
        https_hang(of, tls);
    } else if (strstr(request, "/api/cut ") != NULL) {
        https_say(tls, HEAD("200 OK", "Content-Length: 10\r\n") "half\n");
    } else if (strstr(request, "/api/busy ") != NULL) {
        https_say(tls, HEAD("429 Too Many Requests",
                            "Retry-After: 7\r\n") "{\"message\":\"later\\u001b please\"}");
    } else if (strstr(request, "/api/taken ") != NULL) {
        https_say(tls, HEAD("409 Conflict", "") "{\"message\":\"already there\"}");
    } else if (strstr(request, "/api/token ") != NULL) {
        const char *token = strstr(request, "Authorization: Bearer ") + 22;
        https_say(tls, HEAD("200 OK", ""));
        https_write(tls, token, strcspn(token, "\r"));
    } else if (strstr(request, "Bearer expired\r") != NULL) {
        /* As a kubelet that renews it at this moment. */
        if (strstr(request, "/api/renewed ") != NULL)
            write_token("renewed\n");
        https_say(tls, HEAD("401 Unauthorized", "") "{\"message\":\"Unauthorized\"}");
    } else {
        https_say(tls, HEAD("200 OK", "") "{}");
    }
}

struct got {
    struct buf bytes;
    struct kube_end end;
    size_t calls;
    int ended;
    int hold; /* so many times */
    bool enough;
};

static enum kube_taken take(void *context, const char *bytes, size_t len)
{
    struct got *got = context;
    if (got->hold > 0) {
        got->hold--;
        return KUBE_HOLD;
    }
    got->calls++;
    buf_add(&got->bytes, bytes, len);
    return got->enough ? KUBE_END : KUBE_TAKEN;
}

static enum kube_taken take_line(void *context, const char *line, size_t len)
{
    struct got *got = context;
    assert_int_equal(line[len], '\0');
    (void)take(context, line, len);
    buf_add(&got->bytes, "|", 1);
    return got->enough ? KUBE_END : KUBE_TAKEN;
}

static void note_end(void *context, const struct kube_end *end)
{
    struct got *got = context;
    got->end = *end;
    got->ended++;
}

static struct kube *open_kube(void)
{
    struct err err = {0};
    struct kube *kube = kube_open(scratch_dir, &err);
    CHECK(kube != NULL, "%s", err.text);
    return kube;
}

static struct kube_stream *start(struct kube *kube, const char *path, struct got *got, size_t lines,
                                 unsigned idle_s)
{
    struct err err = {0};
    const struct kube_stream_rules rules = {.path = path,
                                            .line_max = lines,
                                            .idle_s = idle_s,
                                            .take = lines > 0 ? take_line : take,
                                            .ended = note_end,
                                            .context = got};
    struct kube_stream *stream = kube_stream_start(kube, &rules, &err);
    CHECK(stream != NULL, "%s", err.text);
    return stream;
}

static void get(const char *path, struct got *got, size_t lines)
{
    struct kube *kube = open_kube();
    buf_init(&got->bytes, 1 << 22);
    (void)start(kube, path, got, lines, 0);
    while (got->ended == 0)
        (void)kube_turn(kube, TURN_MS);
    assert_int_equal(got->ended, 1);
    kube_close(kube);
}

static void bytes_arrive_as_they_were_sent(void **state)
{
    static const char expected[] = "a\0b\r\n\n\xff no end of line";
    struct got got = {0};
    (void)state;
    get("/api/bytes", &got, 0);
    assert_int_equal(got.bytes.len, sizeof expected - 1);
    assert_memory_equal(got.bytes.data, expected, sizeof expected - 1);
    assert_int_equal(got.end.status, 200);
    assert_true(got.end.whole);
    assert_int_equal(got.end.err.status, STATUS_DONE);
    buf_release(&got.bytes);
}

static void lines_are_whole_and_one_that_is_cut_off_is_not_handed_on(void **state)
{
    struct got got = {0};
    (void)state;
    get("/api/lines", &got, LINE_MAX_BYTES);
    assert_string_equal(got.bytes.data, "one|two||four is at most!|");
    assert_true(got.end.whole);
    buf_release(&got.bytes);
}

static void line_that_is_too_long_ends_the_stream(void **state)
{
    struct got got = {0};
    (void)state;
    get("/api/long", &got, LINE_MAX_BYTES);
    assert_string_equal(got.bytes.data, "one|");
    assert_int_equal(got.end.err.status, STATUS_REFUSED);
    assert_non_null(strstr(got.end.err.text, "a line of more than 16 bytes"));
    buf_release(&got.bytes);
}

static void what_is_enough_ends_the_stream(void **state)
{
    struct got bytes = {.enough = true}, lines = {.enough = true};
    (void)state;
    get("/api/silent", &bytes, 0);
    get("/api/silent", &lines, LINE_MAX_BYTES);
    assert_string_equal(bytes.bytes.data, "begun\n");
    assert_string_equal(lines.bytes.data, "begun|");
    assert_int_equal(bytes.end.err.status, STATUS_CANCELLED);
    assert_int_equal(lines.end.err.status, STATUS_CANCELLED);
    buf_release(&bytes.bytes);
    buf_release(&lines.bytes);
}

static void held_bytes_come_again_once_resumed(void **state)
{
    struct got got = {.hold = 1};
    struct kube *kube = open_kube();
    (void)state;
    buf_init(&got.bytes, 2 * LARGE);
    struct kube_stream *stream = start(kube, "/api/large", &got, 0, 1);
    /* Longer than may be idle: who holds a stream is not told that it is silent. */
    for (int i = 0; i < 30; i++)
        (void)kube_turn(kube, 50);
    assert_int_equal(got.hold, 0);
    assert_int_equal(got.bytes.len, 0);
    kube_resume(stream);
    while (got.ended == 0)
        (void)kube_turn(kube, TURN_MS);
    assert_int_equal(got.bytes.len, LARGE);
    assert_true(got.end.whole);
    kube_close(kube);
    buf_release(&got.bytes);
}

static void a_stream_ends_when_what_was_held_is_too_much(void **state)
{
    struct got got = {.hold = 1, .enough = true};
    struct kube *kube = open_kube();
    (void)state;
    buf_init(&got.bytes, 100);
    /* Nothing else comes that could end it. */
    struct kube_stream *stream = start(kube, "/api/silent", &got, 0, 0);
    while (got.hold > 0)
        (void)kube_turn(kube, TURN_MS);
    kube_resume(stream);
    assert_int_equal(got.ended, 0);
    (void)kube_turn(kube, TURN_MS);
    assert_int_equal(got.ended, 1);
    assert_int_equal(got.end.err.status, STATUS_CANCELLED);
    assert_string_equal(got.bytes.data, "begun\n");
    kube_close(kube);
    buf_release(&got.bytes);
}

static void silence_ends_a_stream(void **state)
{
    struct got got = {0};
    struct kube *kube = open_kube();
    (void)state;
    buf_init(&got.bytes, 100);
    (void)start(kube, "/api/silent", &got, 0, 1);
    while (got.ended == 0)
        (void)kube_turn(kube, TURN_MS);
    assert_true(got.end.idle);
    assert_false(got.end.whole);
    assert_int_equal(got.end.err.status, STATUS_TRANSIENT);
    kube_close(kube);
    buf_release(&got.bytes);
}

static void *stop_it(void *kube)
{
    kube_stop(kube);
    return NULL;
}

static void another_thread_stops_all_at_once(void **state)
{
    struct got gots[STREAMS] = {0};
    struct kube *kube = open_kube();
    size_t begun = 0;
    pthread_t thread;
    (void)state;
    for (size_t i = 0; i < STREAMS; i++) {
        buf_init(&gots[i].bytes, 100);
        (void)start(kube, "/api/silent", &gots[i], 0, 0);
    }
    while (begun < STREAMS) {
        (void)kube_turn(kube, TURN_MS);
        begun = 0;
        for (size_t i = 0; i < STREAMS; i++)
            begun += gots[i].bytes.len == 6;
    }
    assert_int_equal(pthread_create(&thread, NULL, stop_it, kube), 0);
    while (kube_turn(kube, 60000))
        ;
    (void)pthread_join(thread, NULL);
    for (size_t i = 0; i < STREAMS; i++) {
        assert_int_equal(gots[i].ended, 1);
        assert_int_equal(gots[i].end.err.status, STATUS_CANCELLED);
        buf_release(&gots[i].bytes);
    }
    OWNED_BUF(body, 100);
    struct kube_end end = {0};
    struct err err = {0};
    assert_false(kube_try(kube, "GET", "/api/any", NULL, &body, &end, &err));
    assert_int_equal(err.status, STATUS_CANCELLED);
    kube_close(kube);
}

static void stream_is_ended_by_its_owner(void **state)
{
    struct got one = {0}, other = {0};
    struct kube *kube = open_kube();
    (void)state;
    buf_init(&one.bytes, 100);
    buf_init(&other.bytes, 100);
    struct kube_stream *stream = start(kube, "/api/silent", &one, 0, 0);
    (void)start(kube, "/api/silent", &other, 0, 0);
    kube_end_stream(stream);
    assert_int_equal(one.ended, 1);
    while (other.bytes.len == 0)
        (void)kube_turn(kube, TURN_MS);
    assert_int_equal(other.ended, 0);
    kube_close(kube);
    assert_int_equal(other.ended, 0);
    buf_release(&one.bytes);
    buf_release(&other.bytes);
}

static void answer_that_is_cut_off_is_not_whole(void **state)
{
    struct got got = {0};
    (void)state;
    get("/api/cut", &got, 0);
    assert_string_equal(got.bytes.data, "half\n");
    assert_false(got.end.whole);
    assert_int_equal(got.end.status, 200);
    assert_int_equal(got.end.err.status, STATUS_TRANSIENT);
    buf_release(&got.bytes);
}

static void status_words_and_retry_after_are_given_back(void **state)
{
    struct got got = {0};
    (void)state;
    get("/api/busy", &got, 0);
    assert_int_equal(got.bytes.len, 0);
    assert_int_equal(got.end.status, 429);
    assert_int_equal(got.end.retry_after_s, 7);
    assert_int_equal(got.end.err.status, STATUS_TRANSIENT);
    assert_non_null(strstr(got.end.err.text, "GET /api/busy: 429, later? please"));
    buf_release(&got.bytes);
}

static bool try(const char *path, struct buf *body, struct kube_end *end, struct err *err)
{
    struct kube *kube = open_kube();
    bool done = kube_try(kube, "GET", path, NULL, body, end, err);
    kube_close(kube);
    return done;
}

static void refusal_is_an_answer_with_its_body(void **state)
{
    OWNED_BUF(body, 100);
    struct kube_end end = {0};
    struct err err = {0};
    (void)state;
    assert_true(try("/api/taken", &body, &end, &err));
    assert_int_equal(end.status, 409);
    assert_string_equal(body.data, "{\"message\":\"already there\"}");
    assert_false(kube_refused("GET", "/api/taken", end.status, &body, &err));
    assert_int_equal(err.status, STATUS_REFUSED);
    assert_string_equal(err.text, "GET /api/taken: 409, already there");
}

static void token_is_read_again_for_each_request(void **state)
{
    struct kube *kube = open_kube();
    OWNED_BUF(body, 100);
    struct kube_end end = {0};
    struct err err = {0};
    (void)state;
    write_token("first\n");
    assert_true(kube_try(kube, "GET", "/api/token", NULL, &body, &end, &err));
    assert_string_equal(body.data, "first");
    write_token("second\n");
    assert_true(kube_try(kube, "GET", "/api/token", NULL, &body, &end, &err));
    assert_string_equal(body.data, "second");
    kube_close(kube);
}

static void unauthorized_is_tried_once_with_the_token_read_again(void **state)
{
    OWNED_BUF(body, 100);
    struct kube_end end = {0};
    struct err err = {0};
    int before = atomic_load(&server.requests);
    (void)state;
    write_token("expired\n");
    assert_true(try("/api/renewed", &body, &end, &err));
    assert_int_equal(end.status, 200);
    assert_int_equal(atomic_load(&server.requests) - before, 2);
    write_token("expired\n");
    assert_true(try("/api/kept", &body, &end, &err));
    assert_int_equal(end.status, 401);
    assert_int_equal(atomic_load(&server.requests) - before, 4);
    write_token("first\n");
}

static void server_of_another_authority_is_told_nothing(void **state)
{
    struct https_server other;
    OWNED_BUF(body, 100);
    struct kube_end end = {0};
    struct err err = {0};
    int before = atomic_load(&server.requests);
    (void)state;
    /* Its ca.crt takes the place of the server's. */
    https_start(&other, answer);
    assert_false(try("/api/any", &body, &end, &err));
    assert_int_equal(err.status, STATUS_TRANSIENT);
    assert_non_null(strstr(err.text, "certificate"));
    assert_int_equal(atomic_load(&server.requests), before);
    https_stop(&other);
}

static int set_up(void **state)
{
    char port[8];
    if (scratch_make(state) != 0)
        return -1;
    https_start(&server, answer);
    (void)snprintf(port, sizeof port, "%u", server.port);
    (void)setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1", 1);
    (void)setenv("KUBERNETES_SERVICE_PORT", port, 1);
    write_token("first\n");
    return 0;
}

static int tear_down(void **state)
{
    https_stop(&server);
    return scratch_drop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_arrive_as_they_were_sent),
        cmocka_unit_test(lines_are_whole_and_one_that_is_cut_off_is_not_handed_on),
        cmocka_unit_test(line_that_is_too_long_ends_the_stream),
        cmocka_unit_test(what_is_enough_ends_the_stream),
        cmocka_unit_test(held_bytes_come_again_once_resumed),
        cmocka_unit_test(a_stream_ends_when_what_was_held_is_too_much),
        cmocka_unit_test(silence_ends_a_stream),
        cmocka_unit_test(another_thread_stops_all_at_once),
        cmocka_unit_test(stream_is_ended_by_its_owner),
        cmocka_unit_test(answer_that_is_cut_off_is_not_whole),
        cmocka_unit_test(status_words_and_retry_after_are_given_back),
        cmocka_unit_test(refusal_is_an_answer_with_its_body),
        cmocka_unit_test(token_is_read_again_for_each_request),
        cmocka_unit_test(unauthorized_is_tried_once_with_the_token_read_again),
        /* Last: it replaces ca.crt. */
        cmocka_unit_test(server_of_another_authority_is_told_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
