/* A pod's service account: the files that Kubernetes mounts, and where the API is. */
#ifndef COMMON_KUBE_ACCOUNT_H
#define COMMON_KUBE_ACCOUNT_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

enum { KUBE_TOKEN_MAX = 1 << 14, KUBE_CA_MAX = 1 << 18, KUBE_BASE_MAX = 512 };

struct kube_account {
    int directory;
    char base[KUBE_BASE_MAX]; /* https://HOST:PORT */
};

/* Reads both files once, so that what is missing is said at the start. */
bool kube_account_open(struct kube_account *ret, const char *directory, struct err *err);
void kube_account_close(struct kube_account *account);

/* The token's first line, and ca.crt, as they are now. */
bool kube_account_read(const struct kube_account *account, struct buf *token, struct buf *authority,
                       struct err *err);

#endif
