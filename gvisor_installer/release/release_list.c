#include "gvisor_installer/release/release_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/sha256.h"
#include "gvisor_installer/node/host.h"
#include "gvisor_installer/node/path.h"
#include "gvisor_installer/release/release.h"

enum { READ_SIZE = 1 << 18, NAME_MAX_LEN = 100 };

bool release_name_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0' && name[0] != '.';
}

bool release_member(const char *name, const char **ret)
{
    if (strncmp(name, "./", 2) == 0)
        name += 2;
    *ret = name;
    if (strcmp(name, RUNSC) == 0 || strcmp(name, SHIM) == 0)
        return true;
    return strncmp(name, SIDECARS, sizeof SIDECARS - 1) == 0 &&
           release_name_valid(name + sizeof SIDECARS - 1);
}

static bool lists(const struct buf *list, const char *name)
{
    char line[NAME_MAX_LEN + sizeof SIDECARS + 8];
    int len = snprintf(line, sizeof line, "  %s\n", name);
    return list->len > 0 && memmem(list->data, list->len, line, (size_t)len) != NULL;
}

bool release_lists_programs(const struct buf *list)
{
    return lists(list, RUNSC) && lists(list, SHIM);
}

/* Takes the next line, "DIGEST  NAME", off *rest. false at the end and on any other line. */
static bool next_line(char **rest, const char **ret_digest, const char **ret_name)
{
    char *line = strsep(rest, "\n");

    if (line == NULL || strlen(line) <= SHA256_HEX + 2)
        return false;
    line[SHA256_HEX] = '\0';
    *ret_digest = line;
    return release_member(line + SHA256_HEX + 2, ret_name);
}

static bool read_list(const char *directory, struct buf *list, bool *ret_exists, struct err *err)
{
    char path[PATH_MAX];
    return path_join(path, directory, RELEASE_LIST, err) && host_read(path, list, ret_exists, err);
}

/* --- is it what was unpacked? ----------------------------------------------------------------- */

static bool digest_of(int fd, const char *path, char out[SHA256_HEX + 1], struct err *err)
{
    static unsigned char bytes[READ_SIZE];
    struct sha256 hash;

    sha256_init(&hash);
    for (;;) {
        ssize_t got = TEMP_FAILURE_RETRY(read(fd, bytes, sizeof bytes));
        if (got < 0)
            return err_errno(err, errno, "cannot read %s", path);
        if (got == 0)
            break;
        sha256_add(&hash, bytes, (size_t)got);
    }
    sha256_hex(&hash, out);
    return true;
}

static bool file_matches(const char *directory, const char *name, const char *digest, bool *ret,
                         struct err *err)
{
    char path[PATH_MAX], found[SHA256_HEX + 1];
    struct stat st;

    *ret = false;
    if (!path_join(path, directory, name, err))
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) /* ELOOP: a link in its place */
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
               err_errno(err, errno, "cannot read %s", path);
    bool done = fstat(fd, &st) == 0 || err_errno(err, errno, "cannot look at %s", path);
    if (done && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0755) {
        done = digest_of(fd, path, found, err);
        *ret = done && strcmp(found, digest) == 0;
    }
    (void)close(fd);
    return done;
}

bool release_is_whole(const char *directory, bool *ret, struct err *err)
{
    OWNED_BUF(list, RELEASE_LIST_MAX + READ_SIZE);
    const char *digest, *name;
    bool exists;

    *ret = false;
    if (!read_list(directory, &list, &exists, err))
        return false;
    if (!exists || !release_lists_programs(&list))
        return true;
    char *rest = list.data;
    *ret = true;
    while (*ret && rest != NULL && rest[0] != '\0') {
        *ret = next_line(&rest, &digest, &name);
        if (*ret && !file_matches(directory, name, digest, ret, err))
            return false;
    }
    return true;
}

static bool remove_member(const char *directory, const char *name, struct err *err)
{
    char path[PATH_MAX];

    if (!path_join(path, directory, name, err))
        return false;
    /* A directory in its place is somebody else's. */
    return unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR || errno == EISDIR ||
           err_errno(err, errno, "cannot remove %s", path);
}

/* --- putting it into place -------------------------------------------------------------------- */

static bool move(const char *partial, const char *directory, const char *name, struct err *err)
{
    char from[PATH_MAX], to[PATH_MAX];

    return path_join(from, partial, name, err) && path_join(to, directory, name, err) &&
           (rename(from, to) == 0 || err_errno(err, errno, "cannot replace %s", to));
}

/* What the predecessor had and its successor has not. */
static bool remove_stale(const char *directory, const struct buf *list, struct err *err)
{
    OWNED_BUF(old, RELEASE_LIST_MAX + READ_SIZE);
    const char *digest, *name;
    bool exists;

    if (!read_list(directory, &old, &exists, err))
        return false;
    char *rest = exists ? old.data : NULL;
    while (rest != NULL && rest[0] != '\0')
        if (next_line(&rest, &digest, &name) && !lists(list, name) &&
            !remove_member(directory, name, err))
            return false;
    return true;
}

static bool move_all(const char *partial, const char *directory, struct buf *list, struct err *err)
{
    char path[PATH_MAX];
    const char *digest, *name;
    char *rest = list->data;

    if (!path_join(path, directory, SIDECARS, err) || !host_make_directory(path, err))
        return false;
    while (rest != NULL && next_line(&rest, &digest, &name))
        if (!move(partial, directory, name, err))
            return false;
    (void)rmdir(path); /* unless there is something in it */
    return move(partial, directory, RELEASE_LIST, err);
}

bool release_replace(const char *partial, const char *directory, struct err *err)
{
    OWNED_BUF(list, RELEASE_LIST_MAX + READ_SIZE);
    bool exists;

    if (!host_exists(directory, &exists, err))
        return false;
    if (!exists)
        return host_rename(partial, directory, err);
    return read_list(partial, &list, &exists, err) && remove_stale(directory, &list, err) &&
           move_all(partial, directory, &list, err);
}

/* --- taking it away --------------------------------------------------------------------------- */

/* An interrupted unpacking leaves no list; nobody else has used its files either. */
static bool remove_sidecars(const char *directory, struct err *err)
{
    char path[PATH_MAX];
    bool done = path_join(path, directory, SIDECARS, err);
    DIR *entries = done ? opendir(path) : NULL;

    if (done && entries == NULL)
        return errno == ENOENT || errno == ENOTDIR || err_errno(err, errno, "cannot read %s", path);
    for (struct dirent *entry; done && (entry = readdir(entries)) != NULL;)
        if (release_name_valid(entry->d_name))
            done = remove_member(path, entry->d_name, err);
    if (entries != NULL)
        (void)closedir(entries);
    return done;
}

bool release_remove(const char *directory, bool partial, struct err *err)
{
    OWNED_BUF(list, RELEASE_LIST_MAX + READ_SIZE);
    char path[PATH_MAX];
    const char *digest, *name;
    bool exists;

    if (!read_list(directory, &list, &exists, err))
        return false;
    char *rest = exists ? list.data : NULL;
    while (rest != NULL && rest[0] != '\0')
        if (next_line(&rest, &digest, &name) && !remove_member(directory, name, err))
            return false;
    if (!remove_member(directory, RUNSC, err) || !remove_member(directory, SHIM, err) ||
        (partial && !remove_sidecars(directory, err)) ||
        !path_join(path, directory, RELEASE_LIST, err))
        return false;
    /* The list goes last: a run that is killed before is finished by the next. */
    host_sweep(path);
    if (!remove_member(directory, RELEASE_LIST, err) || !path_join(path, directory, SIDECARS, err))
        return false;
    (void)rmdir(path);
    (void)rmdir(directory);
    return true;
}
