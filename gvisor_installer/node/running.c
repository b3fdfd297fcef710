#include "gvisor_installer/node/running.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gvisor_installer/containerd/daemon_args.h"
#include "gvisor_installer/node/host.h"

enum { CMDLINE_MAX = 1 << 17, FILE_MAX = CONFIG_SIZE_MAX + (1 << 17) };

/* 0: nobody answers there, or somebody whom we cannot see. */
static long peer_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t len = sizeof peer;

    if (strlen(path) >= sizeof address.sun_path)
        return 0;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    bool done = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0;
    (void)close(fd);
    return done ? peer.pid : 0;
}

/* As the process sees the path. */
static bool absolute(long pid, const char *path, char out[CONFIG_PATH_MAX])
{
    char link[64], directory[CONFIG_PATH_MAX];

    if (path[0] == '/')
        return snprintf(out, CONFIG_PATH_MAX, "%s", path) < CONFIG_PATH_MAX;
    (void)snprintf(link, sizeof link, "/proc/%ld/cwd", pid);
    ssize_t len = readlink(link, directory, sizeof directory);
    return len > 0 &&
           snprintf(out, CONFIG_PATH_MAX, "%.*s/%s", (int)len, directory, path) < CONFIG_PATH_MAX;
}

/* Whether the configuration has containerd answer on that socket. */
static bool answers_on(const char *config, const char *socket)
{
    OWNED_BUF(text, FILE_MAX);
    struct containerd_config read;
    struct err ignored = {0};
    bool exists;

    if (!host_read(config, &text, &exists, &ignored) || !exists ||
        !containerd_config_read(&read, config, text.data, text.len, &ignored))
        return false;
    const char *address = containerd_address(&read);
    bool same = host_same(address == NULL ? CONTAINERD_DEFAULT_SOCKET : address, socket);
    containerd_config_free(&read);
    return same;
}

/* Whether the process is a containerd and, where a socket is given, has that address. */
static bool look(long pid, const char *socket, struct running *ret)
{
    OWNED_BUF(line, CMDLINE_MAX);
    struct daemon_args args;
    struct err ignored = {0};
    char path[64];
    bool exists;

    *ret = (struct running){0};
    (void)snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
    if (!host_read(path, &line, &exists, &ignored) || !exists ||
        !daemon_args_read(line.data, line.len, &args) || !absolute(pid, args.config, ret->config))
        return false;
    if (socket != NULL &&
        !(args.address != NULL ? host_same(args.address, socket) : answers_on(ret->config, socket)))
        return false;
    ret->pid = pid;
    return true;
}

void running_find(const char *socket, const char *config, struct running *ret)
{
    const long peer = peer_of(socket);
    struct running found;

    *ret = (struct running){0};
    if (peer != 0) {
        if (look(peer, NULL, &found))
            *ret = found;
        return;
    }
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        long pid = strtol(entry->d_name, NULL, 10);
        if (pid <= 0 || !look(pid, socket, &found))
            continue;
        *ret = found;
        if (host_same(found.config, config))
            break;
    }
    (void)closedir(processes);
}
