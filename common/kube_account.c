#include "common/kube_account.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/whole.h"

static bool read_at(int directory, const char *name, struct buf *out, struct err *err)
{
    char shown[64];

    (void)snprintf(shown, sizeof shown, "the service account's %s", name);
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "cannot open %s", shown);
    bool done = whole_read(fd, shown, out, err);
    (void)close(fd);
    return done;
}

static bool find_api(struct kube_account *account, struct err *err)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");

    if (host == NULL || host[0] == '\0')
        return err_set(err, STATUS_USAGE, "KUBERNETES_SERVICE_HOST is not set: run in a pod");
    bool v6 = strchr(host, ':') != NULL;
    int len = snprintf(account->base, sizeof account->base, "https://%s%s%s:%s", v6 ? "[" : "",
                       host, v6 ? "]" : "", port == NULL || port[0] == '\0' ? "443" : port);
    return len < (int)sizeof account->base ||
           err_set(err, STATUS_USAGE, "KUBERNETES_SERVICE_HOST is too long");
}

bool kube_account_open(struct kube_account *ret, const char *directory, struct err *err)
{
    OWNED_BUF(token, KUBE_TOKEN_MAX);
    OWNED_BUF(authority, KUBE_CA_MAX);

    ret->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ret->directory < 0)
        return err_errno(err, errno, "cannot open %s", directory);
    if (find_api(ret, err) && kube_account_read(ret, &token, &authority, err))
        return true;
    kube_account_close(ret);
    return false;
}

void kube_account_close(struct kube_account *account)
{
    (void)close(account->directory);
}

bool kube_account_read(const struct kube_account *account, struct buf *token, struct buf *authority,
                       struct err *err)
{
    if (!read_at(account->directory, "token", token, err) ||
        !read_at(account->directory, "ca.crt", authority, err))
        return false;
    token->len = strcspn(token->data, "\r\n");
    token->data[token->len] = '\0';
    return true;
}
