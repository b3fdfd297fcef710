#include "common/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/temporary.h"
#include "common/whole.h"

bool outfile_fills(int fd, uint64_t bytes)
{
    struct statvfs fs;
    return fstatvfs(fd, &fs) == 0 && fs.f_blocks > 0 &&
           bytes / 9 >= (uint64_t)fs.f_blocks * fs.f_frsize / 10;
}

/* The disk is full, and this output fills it alone. */
static bool is_too_large(const struct outfile *out)
{
    struct stat st;
    return !out->direct && fstat(out->fd, &st) == 0 && S_ISREG(st.st_mode) &&
           outfile_fills(out->fd, (uint64_t)st.st_blocks * 512);
}

static bool fail(const struct outfile *out, const char *doing, struct err *err)
{
    int errnum = errno;
    if (errnum == ENOSPC && is_too_large(out))
        return err_set(err, STATUS_REFUSED,
                       "cannot %s %s: %s; it alone fills over 90 %% of its file system, choose a "
                       "larger one",
                       doing, out->shown, strerror(errnum));
    const char *hint = errnum == ENOSPC || errnum == EDQUOT ? "; free some space there"
                       : errnum == EPIPE                    ? "; its reader has gone away"
                       : errnum == ENOENT                   ? "; create the directory first"
                       : errnum == EACCES || errnum == EROFS
                           ? "; choose a directory this user may write to"
                           : "";
    return err_set(err, err_errno_status(errnum), "cannot %s %s: %s%s", doing, out->shown,
                   strerror(errnum), hint);
}

static void drop_name(struct outfile *out)
{
    if (out->temp_path == NULL)
        return;
    temporary_forget(out->temp_path);
    free(out->temp_path);
    out->temp_path = NULL;
}

static char *directory_of(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return NULL;
    char *dir = strdup(dirname(copy));
    free(copy);
    return dir;
}

/* An unnamed file vanishes with the process, however it ends; not every file system has them. */
static bool open_unnamed(struct outfile *out)
{
    if (access("/proc/self/fd", X_OK) != 0)
        return false; /* it could not be linked later */
    char *dir = directory_of(out->path);
    if (dir == NULL)
        return false;
    out->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
    free(dir);
    return out->fd >= 0;
}

static bool link_at(const struct outfile *out, const char *name)
{
    char from[64];
    (void)snprintf(from, sizeof from, "/proc/self/fd/%d", out->fd);
    return linkat(AT_FDCWD, from, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool make_at(struct outfile *out, const char *name)
{
    out->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    return out->fd >= 0;
}

/* Gives the output a temporary name: to the unnamed file, or to a new one. */
static bool take_name(struct outfile *out, struct err *err)
{
    for (int tries = 0; tries < TEMPORARY_TRIES; tries++) {
        out->temp_path = temporary_name(out->path);
        if (out->temp_path == NULL)
            return err_set(err, STATUS_TRANSIENT, "out of memory");
        temporary_remember(out->temp_path);
        if (out->fd >= 0 ? link_at(out, out->temp_path) : make_at(out, out->temp_path))
            return true;
        int errnum = errno;
        drop_name(out);
        errno = errnum;
        if (errnum != EEXIST)
            break;
    }
    return fail(out, "create", err);
}

bool outfile_names_descriptor(const char *path)
{
    return strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0 ||
           strcmp(path, "/dev/stderr") == 0 || strncmp(path, "/dev/fd/", 8) == 0 ||
           strncmp(path, "/proc/", 6) == 0;
}

static bool open_direct(struct outfile *out, struct err *err)
{
    out->direct = true;
    out->fd = open(out->path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    return out->fd >= 0 || fail(out, "open", err);
}

/* As Linux's fs.protected_symlinks: a user who can add links to a shared directory must not choose
 * what we write to. */
static bool may_follow(const struct outfile *out, const struct stat *link)
{
    struct stat dir;
    char *path = directory_of(out->path);
    bool known = path != NULL && stat(path, &dir) == 0;

    free(path);
    if (!known)
        return false;
    if ((dir.st_mode & S_ISVTX) == 0 || (dir.st_mode & S_IWOTH) == 0 || link->st_uid == geteuid() ||
        link->st_uid == dir.st_uid)
        return true;
    errno = EACCES;
    return false;
}

static bool follow_link(struct outfile *out, struct err *err)
{
    struct stat st;

    if (lstat(out->path, &st) != 0)
        return fail(out, "create", err);
    if (!S_ISLNK(st.st_mode))
        return true;
    if (!may_follow(out, &st))
        return fail(out, "follow the link", err);
    out->real_path = realpath(out->path, NULL);
    if (out->real_path == NULL)
        return fail(out, "follow the link", err);
    out->path = out->real_path;
    return true;
}

static void forget_link(struct outfile *out)
{
    free(out->real_path);
    out->real_path = NULL;
    out->path = out->shown;
}

bool outfile_open(struct outfile *out, const char *path, struct err *err)
{
    struct stat st;

    *out = (struct outfile){.fd = -1, .path = path, .shown = path};
    if (strcmp(path, "-") == 0) {
        out->direct = true;
        out->shown = "standard output";
        out->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
        return out->fd >= 0 || fail(out, "write to", err);
    }
    if (path[0] == '\0' || path[strlen(path) - 1] == '/')
        return err_set(err, STATUS_REFUSED, "cannot create '%s': that is not a file name", path);
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return err_set(err, STATUS_REFUSED, "cannot write %s: it is a directory; name a file",
                           path);
        if (!S_ISREG(st.st_mode) || outfile_names_descriptor(path))
            return open_direct(out, err);
        if (!follow_link(out, err))
            return false;
    } else if (errno != ENOENT) {
        return fail(out, "create", err); /* it may be a link, which must stay */
    }
    temporary_sweep(out->path);
    /* Where the file system has no unnamed files, the file has a temporary name from the start. */
    if (!open_unnamed(out) && !take_name(out, err)) {
        forget_link(out);
        return false;
    }
    temporary_hold(out->fd);
    return true;
}

bool outfile_write(const struct outfile *out, const void *bytes, size_t len, struct err *err)
{
    return whole_write(out->fd, bytes, len) || fail(out, "write to", err);
}

bool outfile_write_at(const struct outfile *out, const void *bytes, size_t len, uint64_t offset,
                      struct err *err)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t wrote = TEMP_FAILURE_RETRY(pwrite(out->fd, at, len, (off_t)offset));
        if (wrote < 0)
            return fail(out, "write to", err);
        at += wrote;
        offset += (uint64_t)wrote;
        len -= (size_t)wrote;
    }
    return true;
}

static bool sync_directory(const struct outfile *out, struct err *err)
{
    char *dir = directory_of(out->path);
    if (dir == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(dir);
    /* A directory that is writable but not readable cannot be synced: its entry reaches the disk
     * later. */
    bool done = fd < 0 || fsync(fd) == 0 || errno == EINVAL || fail(out, "make durable", err);
    if (fd >= 0)
        (void)close(fd);
    return done;
}

static void close_all(struct outfile *out)
{
    drop_name(out);
    (void)close(out->fd);
    out->fd = -1;
    forget_link(out);
}

/* Only a rename replaces an existing file, and it needs a name to start from. */
static bool publish(struct outfile *out, struct err *err)
{
    if (out->temp_path == NULL) {
        if (link_at(out, out->path))
            return true;
        if (errno != EEXIST)
            return fail(out, "create", err);
        if (!take_name(out, err))
            return false;
    }
    return rename(out->temp_path, out->path) == 0 || fail(out, "create", err);
}

bool outfile_commit(struct outfile *out, struct err *err)
{
    if (out->direct) {
        int fd = out->fd;
        out->fd = -1;
        return close(fd) == 0 || fail(out, "write to", err);
    }
    if ((fsync(out->fd) != 0 && !fail(out, "make durable", err)) || !publish(out, err)) {
        outfile_discard(out);
        return false;
    }
    bool done = sync_directory(out, err);
    close_all(out);
    return done;
}

void outfile_discard(struct outfile *out)
{
    if (out->fd < 0)
        return;
    if (out->temp_path != NULL)
        (void)unlink(out->temp_path);
    close_all(out);
}

bool outfile_put(const char *path, const void *bytes, size_t len, struct err *err)
{
    struct outfile out;
    if (!outfile_open(&out, path, err))
        return false;
    if (!outfile_write(&out, bytes, len, err)) {
        outfile_discard(&out);
        return false;
    }
    return outfile_commit(&out, err);
}

/* https://no-color.org: set and not empty. */
bool outfile_takes_colour(const char *path)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");

    return strcmp(path, "-") == 0 && isatty(STDOUT_FILENO) == 1 &&
           (none == NULL || none[0] == '\0') && term != NULL && term[0] != '\0' &&
           strcmp(term, "dumb") != 0;
}

bool outfile_put_in(const char *directory, const char *name, const void *bytes, size_t len,
                    struct err *err)
{
    char *path = NULL;

    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = outfile_put(path, bytes, len, err);
    free(path);
    return done;
}
