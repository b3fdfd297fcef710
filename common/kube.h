/*
 * The Kubernetes API as a service account in a pod sees it: HTTPS to KUBERNETES_SERVICE_HOST with
 * the account's token, which is read again for each request because it is renewed.
 */
#ifndef COMMON_KUBE_H
#define COMMON_KUBE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

enum { KUBE_ANSWER_MAX = 8 << 20 };

struct kube;

/* directory holds token and ca.crt; it stays reachable after a chroot(). NULL on failure. */
struct kube *kube_open(const char *directory, struct err *err);
void kube_close(struct kube *kube);

/*
 * One request; path begins with /api, body is JSON or NULL (of PATCH a merge patch). The answer and
 * its HTTP status come back for 2xx, 404 and 409; everything else is an error: TRANSIENT for what
 * may pass, and that was tried for a while, else REFUSED with the API's message.
 */
bool kube_request(struct kube *kube, const char *method, const char *path, const char *body,
                  struct buf *answer, long *ret_status, struct err *err);

#endif
