/* What is said to the Kubernetes API and read from its answers. Pure. */
#ifndef COMMON_KUBE_JSON_H
#define COMMON_KUBE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"

enum { KUBE_UID_MAX = 64, KUBE_TEXT_MAX = 1024, KUBE_REQUEST_MAX = 1 << 20 };

struct kube_node {
    char uid[KUBE_UID_MAX], boot_id[KUBE_UID_MAX];
    char runtime[KUBE_UID_MAX * 2]; /* its runtime and version: containerd://2.2.9 */
    char label[KUBE_UID_MAX];       /* of the key that was asked for; empty: there is none */
    bool ready;
    bool lists_runtimes; /* kubelets before 1.31 do not */
    bool has[2];         /* the two handlers */
};

/* Reads a Node object; false when it is not one. */
bool kube_node_read(const char *json, size_t len, const char *label_key,
                    const char *const handlers[2], struct kube_node *ret);

enum pod_phase { POD_WAITING, POD_SUCCEEDED, POD_FAILED };

struct kube_pod {
    enum pod_phase phase;
    char why[KUBE_TEXT_MAX]; /* what keeps it waiting, or how it ended; may be empty */
};
bool kube_pod_read(const char *json, size_t len, struct kube_pod *ret);

/*
 * The conclusion of gvisor_probe's report, which is one line of a log that has others too, in
 * whatever order the two outputs came; false when there is none.
 */
bool kube_conclusion_read(const char *log, size_t len, char *out, size_t size);

/* What to send. value NULL: the label goes. */
void kube_label_patch(struct buf *out, const char *key, const char *value);

struct kube_event {
    const char *node, *uid, *reason, *message, *time; /* RFC 3339 */
    bool warning;
};
void kube_event_json(struct buf *out, const struct kube_event *event);

struct kube_smoke {
    const char *name, *namespace, *node, *runtime_class; /* runtime_class NULL: the default */
    const char *image, *args;                            /* args at blanks */
    unsigned deadline_s;
};
void kube_smoke_json(struct buf *out, const struct kube_smoke *smoke);

#endif
