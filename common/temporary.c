#include "common/temporary.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_KEPT =
        200, /* bytes; with the rest below NAME_MAX, and below what some file systems take */
    HEX = 16,
    STALE_S = 60,
    ENTRIES_MAX = 100000, /* looked at: a directory of more must not hold up every output */
};

#define SUFFIX ".tmp"

/* NAME as it stands in its temporary names; never a part of a UTF-8 character. */
static int kept_bytes(const char *name)
{
    size_t len = strlen(name);
    if (len <= NAME_KEPT)
        return (int)len;
    for (len = NAME_KEPT; len > 0 && ((unsigned char)name[len] & 0xc0) == 0x80; len--) {
    }
    return (int)len;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static uint64_t draw(void)
{
    static uint64_t serial;
    struct timespec now;
    uint64_t drawn;

    if (getrandom(&drawn, sizeof drawn, 0) == sizeof drawn)
        return drawn;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec << 32) ^ ((uint64_t)now.tv_nsec << 12) ^ (uint64_t)getpid() ^
           (__atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED) << 56);
}

char *temporary_name(const char *path)
{
    const char *name = last_part(path);
    char *ret = NULL;

    if (asprintf(&ret, "%.*s.%.*s.%016" PRIx64 SUFFIX, (int)(name - path), path, kept_bytes(name),
                 name, draw()) < 0)
        return NULL;
    return ret;
}

void temporary_hold(int fd)
{
    /* Where files cannot be locked, none is found free, and none is removed. */
    (void)flock(fd, LOCK_EX | LOCK_NB);
}

/* Whether entry has the shape of the temporary names of name. */
static bool is_temporary_of(const char *entry, const char *name)
{
    const size_t kept = (size_t)kept_bytes(name);

    return strlen(entry) == 1 + kept + 1 + HEX + sizeof SUFFIX - 1 && entry[0] == '.' &&
           memcmp(entry + 1, name, kept) == 0 && entry[1 + kept] == '.' &&
           strspn(entry + 2 + kept, "0123456789abcdef") == HEX &&
           strcmp(entry + 2 + kept + HEX, SUFFIX) == 0;
}

static void remove_if_left(int dir, const char *entry)
{
    int fd = openat(dir, entry, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink == 1 &&
        time(NULL) - st.st_mtime > STALE_S && flock(fd, LOCK_EX | LOCK_NB) == 0)
        (void)unlinkat(dir, entry, 0);
    (void)close(fd);
}

void temporary_sweep(const char *path)
{
    const char *name = last_part(path);
    char *dir_path = strndup(path, (size_t)(name - path));

    if (dir_path == NULL)
        return;
    DIR *dir = opendir(dir_path[0] == '\0' ? "." : dir_path);
    free(dir_path);
    if (dir == NULL)
        return;
    struct dirent *entry;
    for (int seen = 0; seen < ENTRIES_MAX && (entry = readdir(dir)) != NULL; seen++)
        if (is_temporary_of(entry->d_name, name))
            remove_if_left(dirfd(dir), entry->d_name);
    (void)closedir(dir);
}

/* --- for the watchdog ------------------------------------------------------------------------- */

/* The lock is never held over anything that waits, but for the watchdog's own unlink(). */
static struct {
    pthread_mutex_t lock;
    const char *name[TEMPORARIES_MAX];
} temporaries = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void replace(const char *from, const char *to)
{
    pthread_mutex_lock(&temporaries.lock);
    for (size_t i = 0; i < TEMPORARIES_MAX; i++) {
        if (temporaries.name[i] == from) {
            temporaries.name[i] = to;
            break;
        }
    }
    pthread_mutex_unlock(&temporaries.lock);
}

void temporary_remember(const char *name)
{
    replace(NULL, name);
}

void temporary_forget(const char *name)
{
    replace(name, NULL);
}

void temporary_remove_all(void)
{
    pthread_mutex_lock(&temporaries.lock);
    for (size_t i = 0; i < TEMPORARIES_MAX; i++)
        if (temporaries.name[i] != NULL)
            (void)unlink(temporaries.name[i]);
    pthread_mutex_unlock(&temporaries.lock);
}
