/* Removes the directory of an experiment, with what the pods put into it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gvisor_probe/witness/witness.h"

static bool empty_directory(int dir, dev_t device, int depth, struct err *err);

static bool remove_entry(int parent, const char *name, dev_t device, int depth, struct err *err)
{
    struct stat st;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || err_errno(err, errno, "cannot look at %s", name);
    if (!S_ISDIR(st.st_mode))
        return unlinkat(parent, name, 0) == 0 || errno == ENOENT ||
               err_errno(err, errno, "cannot remove %s", name);
    if (st.st_dev != device || depth == WITNESS_REMOVE_DEPTH)
        return err_set(err, STATUS_REFUSED, "%s is %s; look at it, and remove it by hand", name,
                       st.st_dev != device ? "on another file system" : "too deep");
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", name);
    return empty_directory(fd, device, depth + 1, err) &&
           (unlinkat(parent, name, AT_REMOVEDIR) == 0 ||
            err_errno(err, errno, "cannot remove %s", name));
}

/* Closes dir. Removes the canary last, so that an interrupted removal can be repeated. */
static bool empty_directory(int dir, dev_t device, int depth, struct err *err)
{
    DIR *stream = fdopendir(dir);
    bool done = true;

    if (stream == NULL) {
        (void)close(dir);
        return err_errno(err, ENOMEM, "cannot list a directory");
    }
    for (struct dirent *entry; done && (entry = readdir(stream)) != NULL;) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            (depth == 0 && strcmp(name, WITNESS_CANARY) == 0))
            continue;
        done = remove_entry(dirfd(stream), name, device, depth, err);
    }
    if (done && depth == 0)
        done = unlinkat(dirfd(stream), WITNESS_CANARY, 0) == 0 ||
               err_errno(err, errno, "cannot remove %s", WITNESS_CANARY);
    (void)closedir(stream);
    return done;
}

bool witness_remove(const char *path, struct err *err)
{
    char token[WITNESS_TOKEN_LEN + 1];
    const char *fault;
    struct stat st;

    if (lstat(path, &st) != 0 && errno == ENOENT)
        return true;
    int dir = witness_open(path, err);
    if (dir < 0)
        return false;
    witness_read_canary(dir, token, &fault);
    if (fault != NULL || fstat(dir, &st) != 0) {
        (void)close(dir);
        return err_set(err, STATUS_REFUSED, "%s is left alone: %s", path, fault);
    }
    return (empty_directory(dir, st.st_dev, 0, err) &&
            (rmdir(path) == 0 || err_errno(err, errno, "cannot remove %s", path))) ||
           err_prefix(err, "witness remove");
}
