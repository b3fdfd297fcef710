#include "gvisor_installer/node/host.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/machine.h"
#include "common/outfile.h"
#include "common/whole.h"
#include "gvisor_installer/node/attributes.h"

#define HEX4 "[0-9a-f][0-9a-f][0-9a-f][0-9a-f]"

enum {
    POLL_MS = 100,
    ENDING_MS = 2,
    READ_SIZE = 1 << 16,
    LAST_LINE_MAX = 600,
    OUTPUT_MAX = 1 << 22
};

static bool is_missing(int errnum)
{
    return errnum == ENOENT || errnum == ENOTDIR;
}

bool host_read(const char *path, struct buf *out, bool *ret_exists, struct err *err)
{
    struct stat st;

    *ret_exists = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return is_missing(errno) || err_errno(err, errno, "cannot read %s", path);
    *ret_exists = true;
    bool done = fstat(fd, &st) == 0;
    if (!done)
        (void)err_errno(err, errno, "cannot read %s", path);
    else if (!S_ISREG(st.st_mode))
        done = err_set(err, STATUS_REFUSED, "%s is not a plain file", path);
    else if ((size_t)st.st_size > out->max - READ_SIZE)
        done = err_set(err, STATUS_REFUSED, "%s is too large: %lld bytes", path,
                       (long long)st.st_size);
    else
        done = whole_read(fd, path, out, err);
    (void)close(fd);
    return done;
}

bool host_same(const char *path, const char *other)
{
    struct stat one, two;

    if (strcmp(path, other) == 0)
        return true;
    return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
           one.st_ino == two.st_ino;
}

static bool make_parent(const char *path, struct err *err);

static char *parent_of(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return NULL;
    char *parent = strdup(dirname(copy));
    free(copy);
    return parent;
}

static bool is_directory(const char *path, bool *ret, struct err *err)
{
    struct stat st;

    *ret = stat(path, &st) == 0;
    if (!*ret)
        return is_missing(errno) || err_errno(err, errno, "cannot look at %s", path);
    return S_ISDIR(st.st_mode) || err_set(err, STATUS_REFUSED, "%s is not a directory", path);
}

static bool make_one(const char *path, struct err *err)
{
    bool exists;

    /* Readable whatever the umask: containerd's own user is root, but runsc's is not. */
    if (mkdir(path, 0755) == 0)
        return chmod(path, 0755) == 0 || err_errno(err, errno, "cannot give %s its mode", path);
    const int failed = errno; /* another installer may have been first */
    return (failed == EEXIST && is_directory(path, &exists, err) && exists) ||
           err_errno(err, failed, "cannot create the directory %s", path);
}

bool host_make_directory(const char *path, struct err *err)
{
    bool exists;

    if (!is_directory(path, &exists, err))
        return false;
    return exists || (make_parent(path, err) && make_one(path, err));
}

static bool make_parent(const char *path, struct err *err)
{
    char *parent = parent_of(path);
    if (parent == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = host_make_directory(parent, err);
    free(parent);
    return done;
}

bool host_remove_parent(const char *path, struct err *err)
{
    char *parent = parent_of(path);
    if (parent == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    (void)rmdir(parent);
    free(parent);
    return true;
}

bool host_exists(const char *path, bool *ret, struct err *err)
{
    struct stat st;

    *ret = lstat(path, &st) == 0;
    return *ret || is_missing(errno) || err_errno(err, errno, "cannot look at %s", path);
}

bool host_has_parent(const char *path, bool *ret, struct err *err)
{
    char *parent = parent_of(path);
    if (parent == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    bool done = host_exists(parent, ret, err);
    free(parent);
    return done;
}

/* Mode, owner and attributes of the file `as`; those of a new one where there is none. */
static bool dress(const struct outfile *out, const char *as, struct err *err)
{
    struct stat st;
    int fd = open(as, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && is_missing(errno))
        return fchmod(out->fd, 0644) == 0 || err_errno(err, errno, "cannot give %s its mode", as);
    if (fd < 0)
        return err_errno(err, errno, "cannot read %s", as);
    bool done = (fstat(fd, &st) == 0 && fchown(out->fd, st.st_uid, st.st_gid) == 0 &&
                 fchmod(out->fd, st.st_mode & 07777) == 0) ||
                err_errno(err, errno, "cannot give %s its mode", out->shown);
    done = done && attributes_copy(fd, out->fd, as, err);
    (void)close(fd);
    return done;
}

static bool put(const char *path, const char *as, const void *bytes, size_t len, struct err *err)
{
    struct outfile out;

    if (!outfile_open(&out, path, err))
        return false;
    if (!dress(&out, as, err) || !outfile_write(&out, bytes, len, err)) {
        outfile_discard(&out);
        return false;
    }
    return outfile_commit(&out, err) ||
           (errno == EPERM && err_prefix(err, "is it immutable (lsattr)?"));
}

bool host_write(const char *path, const void *bytes, size_t len, struct err *err)
{
    return make_parent(path, err) && put(path, path, bytes, len, err);
}

bool host_copy(const char *from, const char *to, struct err *err)
{
    OWNED_BUF(text, OUTPUT_MAX);
    bool exists;

    if (!host_read(from, &text, &exists, err))
        return false;
    if (!exists)
        return err_set(err, STATUS_TRANSIENT, "%s has gone", from);
    return put(to, from, text.data, text.len, err);
}

bool host_sha256(const char *path, char out[SHA256_HEX + 1], struct err *err)
{
    OWNED_BUF(text, OUTPUT_MAX);
    struct sha256 hash;
    bool exists;

    out[0] = '\0';
    if (!host_read(path, &text, &exists, err))
        return false;
    if (!exists)
        return true;
    sha256_init(&hash);
    sha256_add(&hash, text.data, text.len);
    sha256_hex(&hash, out);
    return true;
}

static bool sync_parent(const char *path, struct err *err)
{
    char *parent = parent_of(path);
    int fd = parent == NULL ? -1 : open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;

    if (!done)
        (void)err_errno(err, errno, "cannot make %s durable", path);
    if (fd >= 0)
        (void)close(fd);
    free(parent);
    return done;
}

bool host_link(const char *path, const char *target, struct err *err)
{
    char temporary[PATH_MAX];

    if ((size_t)snprintf(temporary, sizeof temporary, "%s.new", path) >= sizeof temporary)
        return err_set(err, STATUS_USAGE, "%s: too long a path", path);
    if (!make_parent(path, err) || !host_remove(temporary, err))
        return false;
    if (symlink(target, temporary) != 0 || rename(temporary, path) != 0)
        return err_errno(err, errno, "cannot link %s", path);
    return sync_parent(path, err);
}

bool host_rename(const char *from, const char *to, struct err *err)
{
    return (rename(from, to) == 0 || err_errno(err, errno, "cannot rename %s to %s", from, to)) &&
           sync_parent(to, err);
}

bool host_move(const char *from, const char *to, struct err *err)
{
    if (!make_parent(to, err))
        return false;
    if (rename(from, to) == 0)
        return sync_parent(to, err);
    return errno == EXDEV ? host_copy(from, to, err)
                          : err_errno(err, errno, "cannot rename %s to %s", from, to);
}

bool host_link_target(const char *path, char **ret, struct err *err)
{
    char target[PATH_MAX];
    ssize_t len = readlink(path, target, sizeof target - 1);

    *ret = NULL;
    if (len < 0) /* EINVAL: no link */
        return is_missing(errno) || errno == EINVAL ||
               err_errno(err, errno, "cannot read the link %s", path);
    *ret = strndup(target, (size_t)len);
    return *ret != NULL || err_set(err, STATUS_TRANSIENT, "out of memory");
}

bool host_remove(const char *path, struct err *err)
{
    if (unlink(path) == 0)
        return sync_parent(path, err);
    return is_missing(errno) || err_errno(err, errno, "cannot remove %s", path);
}

void host_sweep(const char *path)
{
    /* Names as temporary.h and older installers make them. We hold the lock, so nobody is writing
     * one. */
    static const char *const shapes[] = {
        HEX4 HEX4 HEX4 HEX4,
        "[0-9]*-[0-9]*",
    };
    const char *slash = strrchr(path, '/');
    int dir_len = slash == NULL ? 0 : (int)(slash + 1 - path);
    char pattern[PATH_MAX];
    glob_t found;

    for (size_t shape = 0; shape < sizeof shapes / sizeof *shapes; shape++) {
        (void)snprintf(pattern, sizeof pattern, "%.*s.%s.%s.tmp", dir_len, path, path + dir_len,
                       shapes[shape]);
        if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc; i++)
            (void)unlink(found.gl_pathv[i]);
        globfree(&found);
    }
}

/* The last line of what a program wrote: there it says why it failed. */
static const char *last_line(const struct buf *out, char line[LAST_LINE_MAX])
{
    size_t end = out->len;

    while (end > 0 && (out->data[end - 1] == '\n' || out->data[end - 1] == ' '))
        end--;
    size_t start = end;
    while (start > 0 && out->data[start - 1] != '\n')
        start--;
    if (start == end)
        return "it said nothing";
    return err_quote(line, LAST_LINE_MAX, out->data + start, end - start);
}

static bool start_program(const char *const argv[], const int outputs[2], pid_t *ret,
                          struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&files, outputs[0], 1);
    (void)posix_spawn_file_actions_adddup2(&files, outputs[1], 2);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &all);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID);
    int failed = posix_spawnp(ret, argv[0], &files, &attributes, (char *const *)argv, environ);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&files);
    return failed == 0 || err_errno(err, failed, "cannot run %s", argv[0]);
}

static bool take(struct pollfd *from, struct buf *into, struct err *err)
{
    if (from->fd < 0 || from->revents == 0)
        return true;
    if (!buf_reserve(into, READ_SIZE))
        return buf_ok(into, err);
    ssize_t got = read(from->fd, into->data + into->len, READ_SIZE);
    if (got > 0)
        buf_grown(into, (size_t)got);
    else if (got == 0)
        from->fd = -1;
    return true;
}

/* Reads until the program has ended: processes that it leaves behind may keep its outputs open for
 * ever. */
static bool collect(const int ends[2], pid_t pid, double deadline, struct buf *into[2],
                    int *ret_status, struct err *err)
{
    struct pollfd from[2] = {{.fd = ends[0], .events = POLLIN}, {.fd = ends[1], .events = POLLIN}};

    for (bool ended = false;;) {
        bool silent = from[0].fd < 0 && from[1].fd < 0;
        int ready = poll(from, 2, ended ? 0 : silent ? ENDING_MS : POLL_MS);
        if (ready > 0 && !(take(&from[0], into[0], err) && take(&from[1], into[1], err))) {
            (void)kill(-pid, SIGKILL);
            (void)waitpid(pid, ret_status, 0);
            return false;
        }
        if (ended && ready <= 0)
            return true;
        ended = ended || waitpid(pid, ret_status, WNOHANG) == pid;
        if (!ended && machine_seconds() > deadline) {
            (void)kill(-pid, SIGKILL);
            (void)waitpid(pid, ret_status, 0);
            return err_set(err, STATUS_TRANSIENT, "not done in time");
        }
    }
}

bool host_run(const char *const argv[], uint64_t timeout_ms, struct buf *out, struct err *err)
{
    OWNED_BUF(errors, OUTPUT_MAX);
    struct buf *into[2] = {out, &errors};
    char line[LAST_LINE_MAX];
    int output[2], error[2], status = 0;
    pid_t pid;

    if (pipe2(output, O_CLOEXEC) != 0)
        return err_errno(err, errno, "cannot make a pipe");
    if (pipe2(error, O_CLOEXEC) != 0) {
        (void)close(output[0]);
        (void)close(output[1]);
        return err_errno(err, errno, "cannot make a pipe");
    }
    bool done = start_program(argv, (int[2]){output[1], error[1]}, &pid, err);
    (void)close(output[1]);
    (void)close(error[1]);
    if (done && !collect((int[2]){output[0], error[0]}, pid,
                         machine_seconds() + (double)timeout_ms / 1e3, into, &status, err))
        done = err_prefix(err, "%s", argv[0]);
    (void)close(output[0]);
    (void)close(error[0]);
    if (!done || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
        return done;
    return err_set(err, STATUS_REFUSED, "%s failed (%s %d): %s", argv[0],
                   WIFEXITED(status) ? "status" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
                   last_line(errors.len > 0 ? &errors : out, line));
}

bool host_socket_answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    bool answers = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)close(fd);
    return answers;
}
