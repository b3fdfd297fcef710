#include "aggregator/read/input_digest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum { FILES_FIRST = 16 };

struct input_digest {
    XXH3_state_t *file;
    unsigned char (*files)[DIGEST_BYTES];
    size_t count, room;
};

struct input_digest *input_digest_new(void)
{
    struct input_digest *digest = calloc(1, sizeof *digest);
    if (digest == NULL)
        return NULL;
    digest->file = XXH3_createState();
    if (digest->file == NULL) {
        free(digest);
        return NULL;
    }
    (void)XXH3_128bits_reset(digest->file);
    return digest;
}

void input_digest_free(struct input_digest *digest)
{
    if (digest == NULL)
        return;
    (void)XXH3_freeState(digest->file);
    free(digest->files);
    free(digest);
}

void input_digest_add(struct input_digest *digest, const unsigned char block[DIGEST_BYTES])
{
    (void)XXH3_128bits_update(digest->file, block, DIGEST_BYTES);
}

bool input_digest_end_file(struct input_digest *digest)
{
    XXH128_canonical_t canonical;

    if (digest->count == digest->room) {
        size_t room = digest->room == 0 ? FILES_FIRST : digest->room * 2;
        void *files = reallocarray(digest->files, room, DIGEST_BYTES);
        if (files == NULL)
            return false;
        digest->files = files;
        digest->room = room;
    }
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(digest->file));
    memcpy(digest->files[digest->count++], canonical.digest, DIGEST_BYTES);
    (void)XXH3_128bits_reset(digest->file);
    return true;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, DIGEST_BYTES);
}

static void put_text(const struct input_digest *digest, char ret[DIGEST_TEXT])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits(digest->files, digest->count * DIGEST_BYTES));
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        (void)snprintf(ret + 2 * i, 3, "%02x", canonical.digest[i]);
}

void input_digest_finish(struct input_digest *digest, char ret[DIGEST_TEXT],
                         char ret_in_order[DIGEST_TEXT])
{
    put_text(digest, ret_in_order);
    if (digest->count > 1)
        qsort(digest->files, digest->count, DIGEST_BYTES, compare);
    put_text(digest, ret);
}
