/*
 * Makes files, FIFOs, sockets and devices on a mount of the node. The report lists what was made,
 * so that a witness on the node can look for it.
 *
 * `gvisor_probe witness` prepares PATH: open/ (mode 01777), locked/ (0755, the witness's), canary
 * (a file with a token), decoy.sock (a listening socket) and decoy.fifo.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/observe/small_file.h"
#include "gvisor_probe/probes/host.h"
#include "gvisor_probe/probes/probe.h"
#include "gvisor_probe/words/cause.h"

void host_call(const struct probe_context *context, struct finding *ret, long rc, int dir)
{
    const int errnum = rc >= 0 ? 0 : errno;
    const struct seen_dir *seen = &context->self->dirs[dir];
    const struct identity identity = observed_identity(context->self);
    const struct refusal refusal = {
        .errnum = errnum,
        .filtered = context->self->status.seccomp == 2,
        .mount_read_only = context->self->path_read_only,
        .dac_denies = seen->exists && !dac_allows(seen->mode, seen->uid, seen->gid, &identity, 3),
    };

    found_errno(ret, errnum);
    ret->cause = cause_of(ret->result, &refusal);
}

bool host_enter(const struct probe_context *context, struct finding *ret)
{
    if (context->dir == NULL) {
        errno = context->dir_errnum;
        host_call(context, ret, -1, SEEN_OPEN);
        found_detail(ret, "no directory of its own could be made in open/");
        return false;
    }
    if (chdir(context->dir) == 0)
        return true;
    found_call(ret, -1);
    return false;
}

struct probe_write *host_write(struct finding *ret, const char *name, const char *kind)
{
    struct probe_write *write = &ret->writes[ret->write_count++];

    (void)snprintf(write->name, sizeof write->name, "%s", name);
    write->kind = kind;
    return write;
}

int host_create(const char *name)
{
    return open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* Writes the token, syncs it and reads it back. Returns 0, or -1 and errno. */
static int fill(int fd, const char *token)
{
    char back[PROBE_TOKEN_MAX] = "";
    const size_t len = strlen(token);

    if (write(fd, token, len) != (ssize_t)len || fsync(fd) != 0 || fchmod(fd, 0644) != 0 ||
        pread(fd, back, sizeof back - 1, 0) != (ssize_t)len)
        return -1;
    if (strcmp(back, token) != 0) {
        errno = EIO;
        return -1;
    }
    int dir = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        (void)fsync(dir); /* not supported by all file systems */
        (void)close(dir);
    }
    return 0;
}

static void run_file_write(const struct probe_context *context, const char *subject,
                           struct finding *ret)
{
    char token[PROBE_TOKEN_MAX];

    struct probe_write *write = host_write(ret, subject, "file");
    if (!host_enter(context, ret))
        return;
    probe_token(token, context->label, subject);
    int fd = host_create(subject);
    write->made = fd >= 0 && fill(fd, token) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_OPEN);
    if (write->made)
        found_detail(ret, "written, synced and read back");
}

static void run_locked_write(const struct probe_context *context, const char *subject,
                             struct finding *ret)
{
    char token[PROBE_TOKEN_MAX];

    struct probe_write *write = host_write(ret, context->label, "file");
    write->locked = true;
    if (chdir(context->path) != 0 || chdir("locked") != 0) {
        found_call(ret, -1);
        return;
    }
    probe_token(token, context->label, subject);
    int fd = host_create(context->label);
    write->made = fd >= 0 && fill(fd, token) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_LOCKED);
}

static void run_canary(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    char text[128];

    if (chdir(context->path) != 0) {
        found_call(ret, -1);
        return;
    }
    found_call(ret, read_small(subject, text, sizeof text));
    if (ret->result == RESULT_ALLOWED)
        found_value(ret, "%s", text);
}

static void run_fifo_create(const struct probe_context *context, const char *subject,
                            struct finding *ret)
{
    struct probe_write *write = host_write(ret, subject, "fifo");
    if (!host_enter(context, ret))
        return;
    write->made = mkfifo(subject, 0644) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_OPEN);
}

static void address_of(struct sockaddr_un *ret, const char *name)
{
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(ret->sun_path, sizeof ret->sun_path, "%s", name);
}

static void run_socket_create(const struct probe_context *context, const char *subject,
                              struct finding *ret)
{
    struct sockaddr_un address;

    struct probe_write *write = host_write(ret, subject, "socket");
    if (!host_enter(context, ret))
        return;
    address_of(&address, subject);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    write->made = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_OPEN);
}

/* subject: name, major and minor number, separated by blanks. */
static void run_device_create(const struct probe_context *context, const char *subject,
                              struct finding *ret)
{
    char name[PROBE_NAME_MAX];
    unsigned major = 0, minor = 0;

    (void)sscanf(subject, "%135s %u %u", name, &major, &minor);
    struct probe_write *write = host_write(ret, name, "chardev");
    if (!host_enter(context, ret))
        return;
    write->made = mknod(name, S_IFCHR | 0600, makedev(major, minor)) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_OPEN);
}

static void run_symlink_create(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    struct probe_write *write = host_write(ret, subject, "symlink");
    if (!host_enter(context, ret))
        return;
    write->made = symlink("nowhere", subject) == 0;
    host_call(context, ret, write->made ? 0 : -1, SEEN_OPEN);
}

/* Not a program, but a file of one line with the setuid bits. The run removes it. */
static void run_setuid_file(const struct probe_context *context, const char *subject,
                            struct finding *ret)
{
    char token[PROBE_TOKEN_MAX];
    struct stat st = {0};

    struct probe_write *write = host_write(ret, subject, "file");
    if (!host_enter(context, ret))
        return;
    probe_token(token, context->label, subject);
    int fd = host_create(subject);
    write->made = fd >= 0 && fill(fd, token) == 0;
    bool set = write->made && fchmod(fd, 06755) == 0 && fstat(fd, &st) == 0;
    host_call(context, ret, set ? 0 : -1, SEEN_OPEN);
    if (set)
        found_value(ret, "%05o", st.st_mode & 07777);
}

static void no_decoy(struct finding *ret)
{
    if (ret->errnum != ENOENT)
        return;
    *ret = (struct finding){.result = RESULT_SKIPPED, .cause = CAUSE_NONE};
    found_detail(ret, "no decoy: `gvisor_probe witness` sets it up");
}

static void run_socket_connect(const struct probe_context *context, const char *subject,
                               struct finding *ret)
{
    struct sockaddr_un address;

    if (chdir(context->path) != 0) {
        found_call(ret, -1);
        return;
    }
    address_of(&address, subject);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    found_call(ret, fd < 0 ? -1 : connect(fd, (struct sockaddr *)&address, sizeof address));
    if (ret->result == RESULT_ALLOWED && ret->errnum == 0)
        (void)!send(fd, context->label, strlen(context->label), MSG_NOSIGNAL); /* for the witness */
    if (ret->errnum == ECONNREFUSED)
        found_detail(ret, "nobody listens, or the runtime refuses: the witness knows");
    no_decoy(ret);
}

static void run_fifo_open(const struct probe_context *context, const char *subject,
                          struct finding *ret)
{
    if (chdir(context->path) != 0) {
        found_call(ret, -1);
        return;
    }
    found_call(ret, open(subject, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    no_decoy(ret);
}

static void run_lock_seen(const struct probe_context *context, const char *subject,
                          struct finding *ret)
{
    struct stat st;

    if (chdir(context->path) != 0) {
        found_call(ret, -1);
        return;
    }
    if (stat("decoys.json", &st) != 0) {
        found(ret, RESULT_SKIPPED);
        found_detail(ret, "nobody holds the lock: `gvisor_probe witness serve` does");
        return;
    }
    int fd = open(subject, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    found_call(ret, fd < 0 ? -1 : flock(fd, LOCK_SH | LOCK_NB));
    if (ret->errnum == EWOULDBLOCK) {
        found(ret, RESULT_DENIED);
        ret->cause = CAUSE_NONE;
    }
}

#define MAKES   .group = GROUP_HOST_OBJECTS, .safety = SAFETY_FILE, .needs_path = true
#define LOOKS   .group = GROUP_HOST_OBJECTS, .safety = SAFETY_READ, .needs_path = true
#define GOFER   "gVisor pkg/sentry/fsimpl/gofer, runsc/config/flags.go"
#define WITNESS "Only a witness on the node tells where it went. "

const struct probe probes_hostpath[] = {
    {.id = "host_file_write",
     MAKES,
     .subject = "host_file_write",
     .title = "a file written to the node",
     .does = "creates, writes, syncs and reads back a file in PATH/open/RUN-CELL",
     .evidence =
         WITNESS "gVisor lets regular files through by default; with overlay2=all:memory it "
                 "keeps them in the sandbox, and the write succeeds all the same.",
     .source = GOFER,
     .run = run_file_write},
    {.id = "host_locked_write",
     MAKES,
     .subject = "host_locked_write",
     .title = "a file in a directory of root's",
     .does = "tries to create PATH/locked/RUN-CELL",
     .evidence = "The control: EACCES by owner and mode, which both runtimes apply. Who shows this "
                 "as isolation shows Unix permissions.",
     .source = GOFER,
     .run = run_locked_write},
    {.id = "host_canary",
     LOOKS,
     .subject = "canary",
     .title = "a file of the node's",
     .does = "reads PATH/canary",
     .evidence =
         "A mounted path is readable under both: the mount is the hole, and it was asked for. "
         "The token proves that both sides saw the same directory.",
     .source = GOFER,
     .run = run_canary},
    {.id = "host_fifo_create",
     MAKES,
     .subject = "host_fifo_create",
     .title = "a FIFO on the node",
     .does = "mkfifo(3) in PATH/open/RUN-CELL",
     .evidence = WITNESS "On Linux the node sees it; gVisor keeps such nodes in the sandbox.",
     .source = GOFER,
     .run = run_fifo_create},
    {.id = "host_socket_create",
     MAKES,
     .subject = "host_socket_create",
     .title = "a socket on the node",
     .does = "bind(2) of a Unix socket in PATH/open/RUN-CELL",
     .evidence = WITNESS "On Linux a process of the node can connect to it; gVisor keeps it in the "
                         "sandbox (host-uds=none).",
     .source = GOFER,
     .run = run_socket_create},
    {.id = "host_device_create",
     MAKES,
     .subject = "host_device_create 1 3",
     .title = "a device node on the node",
     .does = "mknod(2) of character device 1:3, the null device",
     .evidence = "Linux asks CAP_MKNOD, gVisor's gofer makes none: refused under both.",
     .source = GOFER,
     .run = run_device_create},
    {.id = "host_whiteout_create",
     MAKES,
     .subject = "host_whiteout_create 0 0",
     .title = "an overlay's whiteout on the node",
     .does = "mknod(2) of character device 0:0",
     .evidence = WITNESS "Anybody may make it on Linux, and gVisor's gofer passes it through too.",
     .source = GOFER,
     .run = run_device_create},
    {.id = "host_symlink_create",
     MAKES,
     .subject = "host_symlink_create",
     .title = "a symbolic link on the node",
     .does = "symlink(2) in PATH/open/RUN-CELL",
     .evidence = WITNESS "Links are regular business: gVisor lets them through like files.",
     .source = GOFER,
     .run = run_symlink_create},
    {.id = "host_setuid_file",
     MAKES,
     .subject = "host_setuid_file",
     .title = "a file with set-user-ID bits on the node",
     .does = "creates a file of one line in PATH/open/RUN-CELL, mode 06755",
     .evidence = WITNESS "Under both the bits arrive: a danger of the mount that gVisor does not "
                         "remove.",
     .source = GOFER,
     .run = run_setuid_file},
    {.id = "host_socket_connect",
     LOOKS,
     .subject = "decoy.sock",
     .title = "a daemon of the node, by its socket",
     .does = "connect(2) to PATH/decoy.sock, mode 0777",
     .evidence =
         "The clearest denial by gVisor itself: no permission stands in the way, runc's pod is "
         "served, and host-uds=none refuses. ECONNREFUSED also means that nobody listens: the "
         "witness counts who came.",
     .source = GOFER,
     .run = run_socket_connect},
    {.id = "host_lock_seen",
     LOOKS,
     .subject = "canary",
     .title = "a lock that the node holds",
     .does = "flock(2) of PATH/canary, shared, while the witness has it locked",
     .evidence =
         "Refused on Linux: locks are the kernel's. gVisor grants it, because it keeps locks "
         "to the sandbox: looser here, and programs that trust them can spoil files.",
     .source = "gVisor pkg/sentry/vfs/lock.go",
     .run = run_lock_seen},
    {.id = "host_fifo_open",
     LOOKS,
     .subject = "decoy.fifo",
     .title = "a FIFO of the node",
     .does = "open(2) of PATH/decoy.fifo for reading and writing",
     .evidence = "No permission stands in the way: EPERM is gVisor's host-fifo=none.",
     .source = GOFER,
     .run = run_fifo_open},
    {.id = NULL},
};
