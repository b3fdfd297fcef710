/* Walks the directory within limits, so that nothing in it can lead the walk out or block it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "common/civil_time.h"
#include "common/json_out.h"
#include "common/program.h"
#include "common/sha256.h"
#include "common/whole.h"
#include "gvisor_probe/witness/witness.h"

enum { SCHEMA_VERSION = 1, NAME_SIZE = 4096, BOOT_ID_SIZE = 64, TIME_SIZE = 32, CHUNK = 65536 };

struct entry {
    char *name; /* path below the directory; owned */
    struct stat st;
    char sha256[SHA256_HEX + 1]; /* "": not hashed */
    bool unlisted;               /* a directory that was not read to its end */
};

struct walk {
    dev_t device;
    struct entry *entries;
    size_t count;
    uint64_t hashed_bytes;
    bool truncated; /* some entries are missing */
};

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symlink";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "chardev";
    case S_IFBLK:
        return "blockdev";
    default:
        return "unknown";
    }
}

/* Does not hash a file that is too large, changes while it is read, or cannot be read. */
static void hash_file(struct walk *walk, int parent, const char *name, struct entry *entry)
{
    unsigned char bytes[CHUNK];
    struct sha256 hash;
    struct stat st;
    uint64_t sum = 0;
    ssize_t got = -1;

    if (entry->st.st_size > WITNESS_FILE_BYTES ||
        walk->hashed_bytes + (uint64_t)entry->st.st_size > WITNESS_ALL_BYTES)
        return;
    int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    sha256_init(&hash);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ino == entry->st.st_ino) {
        while (sum <= WITNESS_FILE_BYTES && (got = read(fd, bytes, sizeof bytes)) > 0) {
            sha256_add(&hash, bytes, (size_t)got);
            sum += (uint64_t)got;
        }
    }
    (void)close(fd);
    walk->hashed_bytes += sum;
    if (got == 0 && sum == (uint64_t)entry->st.st_size)
        sha256_hex(&hash, entry->sha256);
}

static bool walk_directory(struct walk *walk, int fd, const char *prefix, int depth,
                           bool *ret_whole, struct err *err);

static bool descend(struct walk *walk, int parent, const char *name, size_t index, int depth,
                    struct err *err)
{
    bool whole = false;
    int fd = -1;

    /* By index: the entries may move while the walk goes on. */
    if (depth < WITNESS_DEPTH && walk->entries[index].st.st_dev == walk->device)
        fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && !walk_directory(walk, fd, walk->entries[index].name, depth + 1, &whole, err))
        return false;
    walk->entries[index].unlisted = !whole;
    walk->truncated |= !whole;
    return true;
}

static bool add_entry(struct walk *walk, int parent, const char *prefix, const char *name,
                      int depth, struct err *err)
{
    struct entry entry = {0};
    const size_t index = walk->count;

    if (fstatat(parent, name, &entry.st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || err_errno(err, errno, "cannot look at %s%s", prefix, name);
    if (asprintf(&entry.name, "%s%s%s", prefix, prefix[0] == '\0' ? "" : "/", name) < 0)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    if (S_ISREG(entry.st.st_mode))
        hash_file(walk, parent, name, &entry);
    walk->entries[walk->count++] = entry;
    return !S_ISDIR(entry.st.st_mode) || descend(walk, parent, name, index, depth, err);
}

/* Closes fd. *ret_whole is false if the limit was reached or reading failed. */
static bool walk_directory(struct walk *walk, int fd, const char *prefix, int depth,
                           bool *ret_whole, struct err *err)
{
    DIR *stream = fdopendir(fd);
    bool going = true;

    if (stream == NULL) {
        (void)close(fd);
        return err_errno(err, errno, "cannot list a directory");
    }
    *ret_whole = false;
    while (going && walk->count < WITNESS_ENTRIES) {
        errno = 0;
        const struct dirent *found = readdir(stream);
        if (found == NULL) {
            *ret_whole = errno == 0;
            break;
        }
        if (strcmp(found->d_name, ".") != 0 && strcmp(found->d_name, "..") != 0)
            going = add_entry(walk, fd, prefix, found->d_name, depth, err);
    }
    (void)closedir(stream);
    return going;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool walk_all(struct walk *walk, int dir, struct err *err)
{
    struct stat st;
    bool whole;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    walk->entries = calloc(WITNESS_ENTRIES, sizeof *walk->entries);
    if (walk->entries == NULL || fd < 0 || fstat(dir, &st) != 0) {
        if (fd >= 0)
            (void)close(fd);
        return err_errno(err, errno, "cannot list the directory");
    }
    walk->device = st.st_dev;
    if (!walk_directory(walk, fd, "", 0, &whole, err))
        return false;
    walk->truncated |= !whole;
    qsort(walk->entries, walk->count, sizeof *walk->entries, by_name);
    return true;
}

static void walk_release(struct walk *walk)
{
    for (size_t i = 0; i < walk->count; i++)
        free(walk->entries[i].name);
    free(walk->entries);
}

static void put_entry(struct json_out *out, const struct entry *entry)
{
    char mode[8];

    (void)snprintf(mode, sizeof mode, "%04o", (unsigned)entry->st.st_mode & 07777);
    json_open(out, NULL, '{');
    json_text(out, "name", entry->name);
    json_text(out, "type", type_name(entry->st.st_mode));
    json_u64(out, "uid", entry->st.st_uid);
    json_u64(out, "gid", entry->st.st_gid);
    json_text(out, "mode", mode);
    json_u64(out, "size", (uint64_t)entry->st.st_size);
    json_text(out, "sha256", entry->sha256[0] == '\0' ? NULL : entry->sha256);
    if (S_ISDIR(entry->st.st_mode))
        json_bool(out, "listed", !entry->unlisted);
    json_close(out, '}');
}

static bool is_filestore(const char *name)
{
    static const char prefix[] = ".gvisor.filestore";
    const char *slash = strrchr(name, '/');
    return strncmp(slash == NULL ? name : slash + 1, prefix, sizeof prefix - 1) == 0;
}

static void put_walk(struct json_out *out, const struct walk *walk)
{
    json_open(out, "entries", '[');
    for (size_t i = 0; i < walk->count; i++)
        put_entry(out, &walk->entries[i]);
    json_close(out, ']');
    json_bool(out, "truncated", walk->truncated);
    json_open(out, "filestores", '[');
    for (size_t i = 0; i < walk->count; i++)
        if (is_filestore(walk->entries[i].name))
            json_text(out, NULL, walk->entries[i].name);
    json_close(out, ']');
}

bool witness_read_decoys(int dir, struct buf *ret, struct err *err)
{
    struct stat st;
    int fd = openat(dir, WITNESS_DECOYS, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || err_errno(err, errno, "cannot read %s", WITNESS_DECOYS);
    bool done = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
                st.st_size < WITNESS_RECORD_MAX / 2 && whole_read(fd, WITNESS_DECOYS, ret, err);
    (void)close(fd);
    while (ret->len > 0 && ret->data[ret->len - 1] == '\n')
        ret->data[--ret->len] = '\0';
    return done ||
           err_set(err, STATUS_REFUSED, "%s is not the record of `witness serve`", WITNESS_DECOYS);
}

static void put_host(struct json_out *out, const char *node)
{
    struct utsname host = {0};
    struct timespec now = {0};
    char boot_id[BOOT_ID_SIZE] = "", at[TIME_SIZE] = "";
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

    if (file != NULL) {
        if (fgets(boot_id, sizeof boot_id, file) != NULL)
            boot_id[strcspn(boot_id, "\n")] = '\0';
        (void)fclose(file);
    }
    (void)uname(&host);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    civil_put_time(at, now.tv_sec);
    at[CIVIL_TIME_LEN] = 'Z';
    json_text(out, "collected_at", at);
    json_text(out, "node", node);
    json_text(out, "boot_id", boot_id[0] == '\0' ? NULL : boot_id);
    json_text(out, "kernel", host.release);
}

static const char *fault_of(int dir, const char *token, char found[WITNESS_TOKEN_LEN + 1])
{
    const char *fault;
    struct stat open, locked;

    witness_read_canary(dir, found, &fault);
    if (fault != NULL)
        return fault;
    if (token != NULL && strcmp(token, found) != 0)
        return "the canary holds another token: this is not the directory that was prepared";
    if (fstatat(dir, WITNESS_OPEN, &open, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstatat(dir, WITNESS_LOCKED, &locked, AT_SYMLINK_NOFOLLOW) != 0 ||
        open.st_mode != (S_IFDIR | 01777) || locked.st_mode != (S_IFDIR | 0755))
        return "open or locked is not as it was prepared (1777 and 0755)";
    return NULL;
}

bool witness_collect(const char *path, const char *token, const char *node, struct buf *record,
                     const char **ret_fault, struct err *err)
{
    struct walk walk = {0};
    struct json_out out = {.buf = record, .layout = JSON_INDENTED};
    char found[WITNESS_TOKEN_LEN + 1];
    OWNED_BUF(decoys, WITNESS_RECORD_MAX);
    int dir = witness_open(path, err);

    if (dir < 0)
        return err_prefix(err, "witness collect");
    *ret_fault = fault_of(dir, token, found);
    bool done = walk_all(&walk, dir, err) && witness_read_decoys(dir, &decoys, err);
    if (done) {
        json_open(&out, NULL, '{');
        json_u64(&out, "schema_version", SCHEMA_VERSION);
        json_text(&out, "kind", "witness");
        json_text(&out, "version", PROGRAM_VERSION);
        json_bool(&out, "valid", *ret_fault == NULL);
        json_text(&out, "fault", *ret_fault);
        json_text(&out, "path", path);
        json_text(&out, "token", found);
        put_host(&out, node);
        put_walk(&out, &walk);
        json_raw(&out, "decoys", decoys.len == 0 ? "null" : decoys.data);
        json_close(&out, '}');
        done = json_done(&out, err);
    }
    walk_release(&walk);
    (void)close(dir);
    return done || err_prefix(err, "witness collect");
}
