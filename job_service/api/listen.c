#include "job_service/api/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/num.h"

enum { HOST_MAX = 256, BACKLOG = 1024 };

static bool split(const char *text, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(text, ':');
    const char *from = text;
    uint64_t number;

    if (colon == NULL || !num_u64(colon + 1, &number) || number > 65535)
        return false;
    size_t len = (size_t)(colon - text);
    if (text[0] == '[' && len >= 2 && colon[-1] == ']') {
        from++;
        len -= 2;
    } else if (memchr(text, ':', len) != NULL) {
        return false;
    }
    if (len == 0 || len >= HOST_MAX)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static bool open_one(const struct addrinfo *address, int *ret_fd, int *ret_errno)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
        *ret_fd = fd;
        return true;
    }
    *ret_errno = errno;
    if (fd >= 0)
        (void)close(fd);
    return false;
}

bool listen_open(const char *text, int *ret_fd, uint16_t *ret_port, struct err *err)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    char host[HOST_MAX];
    const char *port;
    int errnum = 0;

    if (!split(text, host, &port))
        return err_set(err, STATUS_USAGE, "'%s' is not ADDRESS:PORT, such as 127.0.0.1:8080", text);
    int failed = getaddrinfo(host, port, &hints, &addresses);
    if (failed != 0)
        return err_set(err, failed == EAI_AGAIN ? STATUS_TRANSIENT : STATUS_USAGE,
                       "cannot listen on %s: %s", text, gai_strerror(failed));
    bool done = false;
    for (const struct addrinfo *one = addresses; one != NULL && !done; one = one->ai_next)
        done = open_one(one, ret_fd, &errnum);
    freeaddrinfo(addresses);
    if (!done)
        return err_errno(err, errnum, "cannot listen on %s", text);
    if (getsockname(*ret_fd, (struct sockaddr *)&bound, &len) != 0) {
        (void)close(*ret_fd);
        return err_errno(err, errno, "cannot listen on %s", text);
    }
    *ret_port = ntohs(bound.ss_family == AF_INET6
                          ? ((const struct sockaddr_in6 *)(const void *)&bound)->sin6_port
                          : ((const struct sockaddr_in *)(const void *)&bound)->sin_port);
    return true;
}

bool listen_is_loopback(const char *text)
{
    return strncmp(text, "127.", 4) == 0 || strncmp(text, "[::1]:", 6) == 0 ||
           strncmp(text, "localhost:", 10) == 0;
}
