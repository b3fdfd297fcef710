#include "common/sha256.h"

#include "common/tests/unit.h"

static void check(const void *bytes, size_t len, const char *expected)
{
    struct sha256 hash;
    char hex[SHA256_HEX + 1];

    sha256_init(&hash);
    sha256_add(&hash, bytes, len);
    sha256_hex(&hash, hex);
    assert_string_equal(hex, expected);
}

/* FIPS 180-4 examples, and sha256sum of "a" repeated, around the ends of a block. */
static void known_texts_have_their_known_hashes(void **state)
{
    static const struct {
        size_t len;
        const char *hex;
    } cases[] = {
        {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
        {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
        {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
        {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
        {1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    (void)state;
    check("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = malloc(cases[i].len);
        assert_non_null(text);
        memset(text, 'a', cases[i].len);
        check(text, cases[i].len, cases[i].hex);
        free(text);
    }
}

static void pieces_hash_like_the_whole(void **state)
{
    static const char text[] =
        "The quick brown fox jumps over the lazy dog, and over this block too.";
    (void)state;
    for (size_t piece = 1; piece < sizeof text; piece++) {
        struct sha256 whole, pieces;
        char of_whole[SHA256_HEX + 1], of_pieces[SHA256_HEX + 1];
        sha256_init(&whole);
        sha256_init(&pieces);
        sha256_add(&whole, text, sizeof text);
        for (size_t at = 0; at < sizeof text; at += piece)
            sha256_add(&pieces, text + at, piece < sizeof text - at ? piece : sizeof text - at);
        sha256_hex(&whole, of_whole);
        sha256_hex(&pieces, of_pieces);
        CHECK(strcmp(of_whole, of_pieces) == 0, "pieces of %zu", piece);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_their_known_hashes),
        cmocka_unit_test(pieces_hash_like_the_whole),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
