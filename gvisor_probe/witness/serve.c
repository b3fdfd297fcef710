/* Serves the decoys, a Unix socket and a FIFO of the host, and records who reaches them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/json_out.h"
#include "common/log.h"
#include "common/outfile.h"
#include "common/stop.h"
#include "gvisor_probe/witness/witness.h"

enum {
    PATH_SIZE = 64,
    BATCH = 64,        /* events between two records */
    LAST_BATCHES = 64, /* handled after the stop, for events from before it */
    VISITS_MAX = 1000, /* connections that are recorded; further ones are only counted */
    SAID_MAX = 128,    /* bytes that are read from a connection */
    OPEN_MAX_AT_ONCE = 64,
    LOOK_MS = 250, /* between two checks whether to end */
};

/* A connection: the peer, as the host sees it, and the first line that it sent. */
struct visit {
    int fd; /* -1: closed */
    uid_t uid;
    gid_t gid;
    char said[SAID_MAX + 1];
    size_t said_len;
};

struct decoys {
    const char *path;
    int dir, epoll, listener, fifo, watch, canary;
    char token[WITNESS_TOKEN_LEN + 1];
    uint64_t accepts, fifo_opens, fifo_writers, fifo_bytes;
    bool events_lost;
    struct visit visits[VISITS_MAX];
    size_t visit_count, oldest_open;
};

/* A path through /proc, because bindat() does not exist and a socket's path has 107 bytes only. */
static const char *path_below(int dir, const char *name, char out[PATH_SIZE])
{
    (void)snprintf(out, PATH_SIZE, "/proc/self/fd/%d/%s", dir, name);
    return out;
}

static bool listen_to(struct decoys *decoys, int fd, uint64_t id, struct err *err)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = id};
    if (fd >= 0 && epoll_ctl(decoys->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    return err_errno(err, errno, "cannot wait for the decoys");
}

enum { ID_LISTENER = VISITS_MAX, ID_FIFO, ID_WATCH };

static bool open_socket(struct decoys *decoys, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    char path[PATH_SIZE];
    struct stat st;

    path_below(decoys->dir, WITNESS_SOCKET, path);
    memcpy(name.sun_path, path, strlen(path) + 1);
    if (fstatat(decoys->dir, WITNESS_SOCKET, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISSOCK(st.st_mode))
        (void)unlinkat(decoys->dir, WITNESS_SOCKET, 0);
    decoys->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (decoys->listener < 0 ||
        bind(decoys->listener, (const struct sockaddr *)&name, sizeof name) != 0 ||
        fchmodat(decoys->dir, WITNESS_SOCKET, 0777, 0) != 0 ||
        listen(decoys->listener, SOMAXCONN) != 0)
        return err_errno(err, errno, "cannot serve %s", WITNESS_SOCKET);
    return listen_to(decoys, decoys->listener, ID_LISTENER, err);
}

/* Opened for reading and writing, so that nobody waits in open(2). The watch starts after that. */
static bool open_fifo(struct decoys *decoys, struct err *err)
{
    char path[PATH_SIZE];
    struct stat st;

    decoys->fifo = openat(decoys->dir, WITNESS_FIFO, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (decoys->fifo < 0 || fstat(decoys->fifo, &st) != 0)
        return err_errno(err, errno, "cannot open %s", WITNESS_FIFO);
    if (!S_ISFIFO(st.st_mode))
        return err_set(err, STATUS_REFUSED, "%s is no FIFO", WITNESS_FIFO);
    decoys->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    path_below(decoys->dir, WITNESS_FIFO, path);
    if (decoys->watch < 0 ||
        inotify_add_watch(decoys->watch, path, IN_OPEN | IN_CLOSE_WRITE | IN_CLOSE_NOWRITE) < 0)
        return err_errno(err, errno, "cannot watch %s", WITNESS_FIFO);
    return listen_to(decoys, decoys->fifo, ID_FIFO, err) &&
           listen_to(decoys, decoys->watch, ID_WATCH, err);
}

/* An exclusive lock, which a process notices if its kernel shares locks with this one. */
static bool lock_canary(struct decoys *decoys, struct err *err)
{
    decoys->canary = openat(decoys->dir, WITNESS_CANARY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (decoys->canary >= 0 && flock(decoys->canary, LOCK_EX | LOCK_NB) == 0)
        return true;
    return err_errno(err, errno, "cannot lock %s", WITNESS_CANARY);
}

static void end_visit(struct visit *visit)
{
    if (visit->fd >= 0)
        (void)close(visit->fd);
    visit->fd = -1;
}

static void accept_visit(struct decoys *decoys)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    struct err ignored = {0};
    int fd = accept4(decoys->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    decoys->accepts++;
    if (decoys->visit_count == VISITS_MAX) {
        (void)close(fd);
        return;
    }
    struct visit *visit = &decoys->visits[decoys->visit_count];
    *visit = (struct visit){.fd = fd};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
        visit->uid = peer.uid;
        visit->gid = peer.gid;
    }
    if (!listen_to(decoys, fd, decoys->visit_count, &ignored))
        end_visit(visit);
    decoys->visit_count++;
    while (decoys->visit_count - decoys->oldest_open > OPEN_MAX_AT_ONCE)
        end_visit(&decoys->visits[decoys->oldest_open++]);
}

static void hear(struct visit *visit)
{
    ssize_t got = read(visit->fd, visit->said + visit->said_len, SAID_MAX - visit->said_len);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got > 0)
        visit->said_len += (size_t)got;
    char *end = memchr(visit->said, '\n', visit->said_len);
    if (end != NULL)
        visit->said_len = (size_t)(end - visit->said);
    if (got <= 0 || end != NULL || visit->said_len == SAID_MAX)
        end_visit(visit);
}

static void drain_fifo(struct decoys *decoys)
{
    char bytes[4096];
    ssize_t got = read(decoys->fifo, bytes, sizeof bytes);
    if (got > 0)
        decoys->fifo_bytes += (uint64_t)got;
}

static void count_opens(struct decoys *decoys)
{
    _Alignas(struct inotify_event) char bytes[4096];
    ssize_t got = read(decoys->watch, bytes, sizeof bytes);

    for (ssize_t at = 0; at < got;) {
        const struct inotify_event *event = (const struct inotify_event *)(bytes + at);
        decoys->fifo_opens += (event->mask & IN_OPEN) != 0;
        decoys->fifo_writers += (event->mask & IN_CLOSE_WRITE) != 0;
        decoys->events_lost |= (event->mask & IN_Q_OVERFLOW) != 0;
        at += (ssize_t)(sizeof *event + event->len);
    }
}

static void handle(struct decoys *decoys, uint64_t id)
{
    if (id == ID_LISTENER)
        accept_visit(decoys);
    else if (id == ID_FIFO)
        drain_fifo(decoys);
    else if (id == ID_WATCH)
        count_opens(decoys);
    else if (decoys->visits[id].fd >= 0)
        hear(&decoys->visits[id]);
}

/* Handles up to BATCH waiting events; returns how many. */
static int handle_waiting(struct decoys *decoys)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(decoys->epoll, events, BATCH, 0);
    for (int i = 0; i < count; i++)
        handle(decoys, events[i].data.u64);
    return count;
}

static bool write_record(const struct decoys *decoys, bool serving, struct buf *record,
                         struct err *err)
{
    struct json_out out = {.buf = record, .layout = JSON_INDENTED};

    buf_clear(record);
    json_open(&out, NULL, '{');
    json_text(&out, "token", decoys->token);
    json_bool(&out, "serving", serving);
    json_u64(&out, "accepts", decoys->accepts);
    json_open(&out, "connections", '[');
    for (size_t i = 0; i < decoys->visit_count; i++) {
        json_open(&out, NULL, '{');
        json_u64(&out, "uid", decoys->visits[i].uid);
        json_u64(&out, "gid", decoys->visits[i].gid);
        json_bytes(&out, "said", decoys->visits[i].said, decoys->visits[i].said_len);
        json_close(&out, '}');
    }
    json_close(&out, ']');
    json_u64(&out, "fifo_opens", decoys->fifo_opens);
    json_u64(&out, "fifo_writers", decoys->fifo_writers);
    json_u64(&out, "fifo_bytes", decoys->fifo_bytes);
    json_bool(&out, "events_lost", decoys->events_lost);
    json_close(&out, '}');
    return json_done(&out, err);
}

/* Replaces the file as a whole; its first appearance says that the decoys are served. */
static bool publish(const struct decoys *decoys, bool serving, struct buf *record, struct err *err)
{
    return write_record(decoys, serving, record, err) &&
           outfile_put_in(decoys->path, WITNESS_DECOYS, record->data, record->len, err);
}

static bool is_gone(const struct decoys *decoys)
{
    struct stat st;
    return fstat(decoys->dir, &st) == 0 && st.st_nlink == 0;
}

static bool asked_to_end(const struct decoys *decoys)
{
    return is_gone(decoys) || faccessat(decoys->dir, WITNESS_END, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Serves until asked to end. */
static bool attend(struct decoys *decoys, struct buf *record, struct err *err)
{
    while (!asked_to_end(decoys)) {
        int ready = stop_wait(decoys->epoll, POLLIN, LOOK_MS, err);
        if (ready < 0)
            return stop_requested();
        if (ready > 0) {
            (void)handle_waiting(decoys);
            if (!publish(decoys, true, record, err))
                return is_gone(decoys);
        }
    }
    return true;
}

static bool serve(struct decoys *decoys, struct buf *record, struct err *err)
{
    const struct err unwritten = {STATUS_CANCELLED, "cancelled before the last record was there"};

    if (!publish(decoys, true, record, err))
        return false;
    log_info("the decoys in %s are served", decoys->path);
    if (!attend(decoys, record, err))
        return false;
    stop_finish(&unwritten, STOP_ENDS_MS); /* a stop is success if the last record is written */
    for (int i = 0; i < LAST_BATCHES && handle_waiting(decoys) > 0; i++) {
    }
    return is_gone(decoys) ? write_record(decoys, false, record, err)
                           : publish(decoys, false, record, err);
}

bool witness_serve(const char *path, struct buf *record, struct err *err)
{
    static struct decoys decoys;
    const char *fault;

    decoys = (struct decoys){
        .path = path, .epoll = -1, .listener = -1, .fifo = -1, .watch = -1, .canary = -1};
    decoys.dir = witness_open(path, err);
    if (decoys.dir < 0)
        return err_prefix(err, "witness serve");
    witness_read_canary(decoys.dir, decoys.token, &fault);
    if (fault != NULL)
        return err_set(err, STATUS_REFUSED, "witness serve: %s: %s; `witness prepare` makes it",
                       path, fault);
    (void)unlinkat(decoys.dir, WITNESS_DECOYS, 0);
    decoys.epoll = epoll_create1(EPOLL_CLOEXEC);
    bool done = open_socket(&decoys, err) && open_fifo(&decoys, err) && lock_canary(&decoys, err) &&
                serve(&decoys, record, err);
    for (size_t i = 0; i < decoys.visit_count; i++)
        end_visit(&decoys.visits[i]);
    const int descriptors[] = {decoys.canary,   decoys.watch, decoys.fifo,
                               decoys.listener, decoys.epoll, decoys.dir};
    for (size_t i = 0; i < sizeof descriptors / sizeof *descriptors; i++)
        if (descriptors[i] >= 0)
            (void)close(descriptors[i]);
    return done || err_prefix(err, "witness serve");
}
