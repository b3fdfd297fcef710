/* Any bytes as a file through the input side. */
#ifndef TESTS_FUZZ_READING_H
#define TESTS_FUZZ_READING_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aggregator/read/source.h"
#include "tests/fuzz/fuzz.h"

enum { TEXT_MAX = 4 << 20 };

static unsigned char expected[TEXT_MAX], got[TEXT_MAX];
static char reading_path[64]; /* what messages name */

enum verdict { WHOLE, BROKEN, TOO_LONG };

static bool is_zeros(const uint8_t *data, size_t size)
{
    return size > 0 && data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* What comes of a file of these bytes is left in got. */
static enum verdict read_by_source(const uint8_t *data, size_t size, size_t *ret_len,
                                   struct err *err)
{
    static int file = -1;
    static struct block block;
    char *names[] = {reading_path};
    enum verdict verdict = WHOLE;
    size_t len = 0;

    if (file < 0) {
        file = memfd_create("input", MFD_CLOEXEC);
        (void)snprintf(reading_path, sizeof reading_path, "/proc/self/fd/%d", file);
    }
    HOLDS(file >= 0 && ftruncate(file, 0) == 0);
    HOLDS(pwrite(file, data, size, 0) == (ssize_t)size);
    if (block.data == NULL)
        HOLDS(block_init(&block, err));
    struct source *source = source_new(names, 1);
    HOLDS(source != NULL);
    while (verdict == WHOLE && source_next(source, &block)) {
        *err = block.err;
        if (block.failed || !source_settle(source, &block, err)) {
            verdict = BROKEN;
        } else if (block.len > TEXT_MAX - len) {
            verdict = TOO_LONG;
        } else {
            memcpy(got + len, block.data, block.len);
            len += block.len;
        }
    }
    source_free(source);
    *ret_len = len;
    return verdict;
}

#endif
