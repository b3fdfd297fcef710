/* The benchmarks of `gvisor_probe costs`. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/sha256.h"
#include "gvisor_probe/probes/bench.h"

enum { PAGES_AT_ONCE = 2048, READ_AT_ONCE = 64 * 1024 };

void bench_site_open(struct bench_site *ret)
{
    ssize_t len = readlink("/proc/self/exe", ret->path, sizeof ret->path - 1);
    ret->path[len > 0 ? len : 0] = '\0';
    if (access(ret->path, F_OK) != 0)
        memcpy(ret->path, "/", 2);
    ret->zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    if (pipe2(ret->pipe, O_CLOEXEC) != 0)
        ret->pipe[0] = ret->pipe[1] = -1;
}

void bench_site_close(struct bench_site *site)
{
    (void)close(site->zero);
    (void)close(site->pipe[0]);
    (void)close(site->pipe[1]);
}

static bool getppid_batch(const struct bench_site *site, uint64_t operations)
{
    (void)site;
    while (operations-- > 0)
        (void)syscall(SYS_getppid); /* not libc's, so that it enters the kernel for certain */
    return true;
}

static bool clock_batch(const struct bench_site *site, uint64_t operations)
{
    struct timespec now;

    (void)site;
    while (operations-- > 0)
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return true;
}

static bool read_batch(const struct bench_site *site, uint64_t operations)
{
    char byte;

    while (operations-- > 0)
        if (read(site->zero, &byte, 1) != 1)
            return false;
    return true;
}

static bool pipe_batch(const struct bench_site *site, uint64_t operations)
{
    char byte = 0;

    while (operations-- > 0)
        if (write(site->pipe[1], &byte, 1) != 1 || read(site->pipe[0], &byte, 1) != 1)
            return false;
    return true;
}

static bool stat_batch(const struct bench_site *site, uint64_t operations)
{
    struct stat st;

    while (operations-- > 0)
        if (stat(site->path, &st) != 0)
            return false;
    return true;
}

static bool open_batch(const struct bench_site *site, uint64_t operations)
{
    while (operations-- > 0) {
        int fd = open(site->path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            return false;
        (void)close(fd);
    }
    return true;
}

static bool fork_batch(const struct bench_site *site, uint64_t operations)
{
    (void)site;
    while (operations-- > 0) {
        pid_t child = fork();
        if (child == 0)
            _exit(0);
        if (child < 0 || waitpid(child, NULL, 0) != child)
            return false;
    }
    return true;
}

static bool page_batch(const struct bench_site *site, uint64_t operations)
{
    const size_t page = 4096;

    (void)site;
    while (operations > 0) {
        size_t pages = operations < PAGES_AT_ONCE ? (size_t)operations : PAGES_AT_ONCE;
        volatile char *at =
            mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (at == MAP_FAILED)
            return false;
        (void)madvise((void *)at, pages * page, MADV_NOHUGEPAGE);
        for (size_t i = 0; i < pages; i++)
            at[i * page] = 1;
        (void)munmap((void *)at, pages * page);
        operations -= pages;
    }
    return true;
}

/* Each step depends on the one before, so that compiler and processor cannot overlap them. */
static bool cpu_batch(const struct bench_site *site, uint64_t operations)
{
    volatile double sink;
    double value = 1.000001;

    (void)site;
    while (operations-- > 0)
        value = value * 0.999999 + 1e-6;
    sink = value;
    (void)sink;
    return true;
}

/* Like a program that works on data: a system call, then time in its own code. */
static bool hash_batch(const struct bench_site *site, uint64_t operations)
{
    static unsigned char bytes[READ_AT_ONCE];
    char hex[SHA256_HEX + 1];
    struct sha256 hash;

    while (operations-- > 0) {
        if (read(site->zero, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
            return false;
        sha256_init(&hash);
        sha256_add(&hash, bytes, sizeof bytes);
        sha256_hex(&hash, hex);
    }
    return true;
}

const struct benchmark benchmarks[] = {
    {"clock_cold", "clock_gettime, right after the start", true, clock_batch},
    {"clock_warm", "clock_gettime, after the warm-up", false, clock_batch},
    {"cpu_loop", "a dependent multiply and add", false, cpu_batch},
    {"read_and_hash", "read of 64 KiB, and SHA-256 of them", false, hash_batch},
    {"getppid", "the smallest system call", false, getppid_batch},
    {"read_zero", "read of 1 byte of /dev/zero", false, read_batch},
    {"pipe", "1 byte through a pipe and back", false, pipe_batch},
    {"stat", "stat of a file of the image", false, stat_batch},
    {"open_close", "open and close of a file of the image", false, open_batch},
    {"page_touch", "first touch of a page", false, page_batch},
    {"fork_wait", "fork, exit and wait", false, fork_batch},
    {NULL, NULL, false, NULL},
};
