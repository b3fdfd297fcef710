#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gvisor_probe/witness/witness.h"

enum { MODE_BITS = 07777 };

int witness_open(const char *path, struct err *err)
{
    struct stat st;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (dir < 0) {
        (void)err_errno(err, errno, "cannot open %s (a directory, not a link to one)", path);
        return -1;
    }
    if (fstat(dir, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
        return dir;
    (void)err_set(err, STATUS_REFUSED,
                  "%s is not this user's alone to write (owner %u, mode %04o): others could forge "
                  "what the witness finds; use a directory that `witness prepare` made",
                  path, (unsigned)st.st_uid, (unsigned)st.st_mode & MODE_BITS);
    (void)close(dir);
    return -1;
}

void witness_read_canary(int dir, char ret_token[WITNESS_TOKEN_LEN + 1], const char **ret_fault)
{
    char text[WITNESS_TOKEN_LEN + 2];
    struct stat st;
    int fd = openat(dir, WITNESS_CANARY, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    ret_token[0] = '\0';
    *ret_fault = fd < 0 ? "there is no canary: this is not the directory that was prepared" : NULL;
    if (fd < 0)
        return;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
        read(fd, text, sizeof text) != WITNESS_TOKEN_LEN + 1 || text[WITNESS_TOKEN_LEN] != '\n' ||
        strspn(text, "0123456789abcdef") != WITNESS_TOKEN_LEN) {
        *ret_fault = "the canary is not the one that the witness made";
    } else {
        memcpy(ret_token, text, WITNESS_TOKEN_LEN);
        ret_token[WITNESS_TOKEN_LEN] = '\0';
    }
    (void)close(fd);
}

static bool is_empty(int dir, const char *name)
{
    bool empty = true;
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (stream == NULL) {
        if (fd >= 0)
            (void)close(fd);
        return false;
    }
    for (struct dirent *entry; empty && (entry = readdir(stream)) != NULL;)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    (void)closedir(stream);
    return empty;
}

static bool has_mode(int dir, const char *name, mode_t type, mode_t mode)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && (st.st_mode & S_IFMT) == type &&
           (st.st_mode & MODE_BITS) == mode && st.st_uid == geteuid();
}

static bool is_prepared(int dir)
{
    return has_mode(dir, WITNESS_OPEN, S_IFDIR, 01777) && is_empty(dir, WITNESS_OPEN) &&
           has_mode(dir, WITNESS_LOCKED, S_IFDIR, 0755) && is_empty(dir, WITNESS_LOCKED) &&
           has_mode(dir, WITNESS_FIFO, S_IFIFO, 0666);
}

static bool draw_token(char token[WITNESS_TOKEN_LEN + 1], struct err *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[WITNESS_TOKEN_LEN / 2];

    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return err_errno(err, errno, "cannot draw a token");
    for (size_t i = 0; i < WITNESS_TOKEN_LEN; i++)
        token[i] = digits[bytes[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
    token[WITNESS_TOKEN_LEN] = '\0';
    return true;
}

/* Sets the mode afterwards, because the umask clears bits in mkdir and mkfifo. */
static bool make_directory(int dir, const char *name, mode_t mode, struct err *err)
{
    if (mkdirat(dir, name, 0700) == 0 && fchmodat(dir, name, mode, 0) == 0)
        return true;
    return err_errno(err, errno, "cannot make %s", name);
}

static bool make_fifo(int dir, struct err *err)
{
    if (mkfifoat(dir, WITNESS_FIFO, 0600) == 0 && fchmodat(dir, WITNESS_FIFO, 0666, 0) == 0)
        return true;
    return err_errno(err, errno, "cannot make %s", WITNESS_FIFO);
}

/* Made last, so that a directory with a canary is complete. */
static bool make_canary(int dir, char token[WITNESS_TOKEN_LEN + 1], struct err *err)
{
    int fd =
        openat(dir, WITNESS_CANARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_errno(err, errno, "cannot make %s", WITNESS_CANARY);
    token[WITNESS_TOKEN_LEN] = '\n';
    bool made = write(fd, token, WITNESS_TOKEN_LEN + 1) == WITNESS_TOKEN_LEN + 1 &&
                fchmod(fd, 0644) == 0 && fsync(fd) == 0 && fsync(dir) == 0;
    token[WITNESS_TOKEN_LEN] = '\0';
    if (!made)
        (void)err_errno(err, errno, "cannot write %s", WITNESS_CANARY);
    (void)close(fd);
    return made;
}

static bool fill(int dir, const char *path, char token[WITNESS_TOKEN_LEN + 1], struct err *err)
{
    const char *fault;

    witness_read_canary(dir, token, &fault);
    if (fault == NULL && is_prepared(dir))
        return true;
    if (!is_empty(dir, "."))
        return err_set(err, STATUS_REFUSED,
                       "%s is not empty: an experiment needs a directory of its own", path);
    return draw_token(token, err) && make_directory(dir, WITNESS_OPEN, 01777, err) &&
           make_directory(dir, WITNESS_LOCKED, 0755, err) && make_fifo(dir, err) &&
           make_canary(dir, token, err);
}

bool witness_prepare(const char *path, char ret_token[WITNESS_TOKEN_LEN + 1], struct err *err)
{
    if (mkdir(path, 0755) == 0) {
        if (chmod(path, 0755) != 0)
            return err_errno(err, errno, "cannot set the mode of %s", path);
    } else if (errno != EEXIST) {
        return err_errno(err, errno, "cannot make %s", path);
    }
    int dir = witness_open(path, err);
    if (dir < 0)
        return false;
    bool filled = fill(dir, path, ret_token, err);
    (void)close(dir);
    return filled || err_prefix(err, "witness prepare");
}
