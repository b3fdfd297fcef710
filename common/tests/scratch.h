/* A directory of a test's own, gone when it ends, and whole files in it. */
#ifndef COMMON_TESTS_SCRATCH_H
#define COMMON_TESTS_SCRATCH_H

#include "common/tests/unit.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <unistd.h>

static char scratch_dir[PATH_MAX];

static inline int scratch_make(void **state)
{
    const char *base = getenv("TMPDIR");
    (void)state;
    (void)snprintf(scratch_dir, sizeof scratch_dir, "%s/unit.XXXXXX",
                   base == NULL || base[0] == '\0' ? "/tmp" : base);
    return mkdtemp(scratch_dir) == NULL ? -1 : 0;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int kind,
                                     struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static inline int scratch_drop(void **state)
{
    (void)state;
    return nftw(scratch_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a name in the directory; the caller frees. */
static inline char *scratch_path(const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", scratch_dir, name) < 0)
        abort();
    return path;
}

static inline void scratch_write(const char *path, const void *bytes, size_t len)
{
    /* Some file systems write a file out at once when it is cut to be written again. */
    (void)unlink(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (len > 0)
        assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The whole file, terminated; NULL when there is none. The caller frees. */
static inline char *scratch_read(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = NULL;
    size_t len = 0, cap = 0;
    do {
        cap = cap == 0 ? 1 << 16 : cap * 2;
        char *grown = realloc(text, cap);
        if (grown == NULL)
            abort();
        text = grown;
        len += fread(text + len, 1, cap - len - 1, file);
    } while (len + 1 == cap);
    (void)fclose(file);
    text[len] = '\0';
    if (ret_len != NULL)
        *ret_len = len;
    return text;
}

/* Entries of the directory, hidden ones too. */
static inline size_t scratch_count(void)
{
    size_t count = 0;
    DIR *dir = opendir(scratch_dir);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    (void)closedir(dir);
    return count;
}

#endif
