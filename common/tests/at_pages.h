/* Counts the blocks that a test's program moves, and those whose memory does not begin at a page.
 * The same calls can be made to do less than they are asked. */
#ifndef COMMON_TESTS_AT_PAGES_H
#define COMMON_TESTS_AT_PAGES_H

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/pages.h"
#include "common/tests/unit.h"

static atomic_size_t blocks_moved, blocks_elsewhere;
static atomic_int late_reads;    /* so many find nothing to read yet */
static atomic_bool short_writes; /* of at most 1,000 bytes */

static struct iovec count_block(uintptr_t bytes, size_t len)
{
    if (len >= PAGE_BYTES) {
        atomic_fetch_add(&blocks_moved, 1);
        atomic_fetch_add(&blocks_elsewhere, bytes % PAGE_BYTES != 0);
    }
    return (struct iovec){.iov_base = (void *)bytes, .iov_len = len};
}

ssize_t read(int fd, void *bytes, size_t len)
{
    if (atomic_load(&late_reads) > 0) {
        atomic_fetch_sub(&late_reads, 1);
        errno = EAGAIN;
        return -1;
    }
    const struct iovec block = count_block((uintptr_t)bytes, len);
    return readv(fd, &block, 1);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    const struct iovec block = count_block((uintptr_t)bytes, len);
    return preadv(fd, &block, 1, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    struct iovec block = count_block((uintptr_t)bytes, len);
    if (atomic_load(&short_writes) && len > 1000)
        block.iov_len = 1000;
    return writev(fd, &block, 1);
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    const struct iovec block = count_block((uintptr_t)bytes, len);
    return pwritev(fd, &block, 1, at);
}

static inline void count_blocks(void)
{
    atomic_store(&blocks_moved, 0);
    atomic_store(&blocks_elsewhere, 0);
}

static inline void assert_blocks_began_at_pages(void)
{
    assert_true(atomic_load(&blocks_moved) > 0);
    assert_int_equal(atomic_load(&blocks_elsewhere), 0);
}

#endif
