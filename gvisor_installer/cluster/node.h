/*
 * This node in Kubernetes: what the kubelet sees of it, its label, events about it, and pods that
 * prove what runs. Without Kubernetes the node is NULL: every call then does nothing and succeeds.
 */
#ifndef GVISOR_INSTALLER_CLUSTER_NODE_H
#define GVISOR_INSTALLER_CLUSTER_NODE_H

#include <stdbool.h>

#include "common/err.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/options/install_options.h"

struct node;

/* Opens the service account's files, which chroot() would hide. *ret is NULL without --node. */
bool node_open(const struct install_options *options, struct node **ret, struct err *err);
void node_close(struct node *node);

/* Checks that the API answers and that the node is this machine: its boot id is ours. */
bool node_check(struct node *node, struct err *err);

/* Checks that the containerd of that version is the one that runs the node's pods. */
bool node_check_runtime(struct node *node, const struct containerd_version *program,
                        struct err *err);

/* Sets the label, or removes it where value is NULL. Writes nothing when it is so already. */
bool node_label(struct node *node, const char *value, struct err *err);

/* Adds an event to what `kubectl get events` shows. A failure is only logged. */
void node_event(struct node *node, bool warning, const char *reason, const char *message);

/* Waits until the node is ready and its kubelet lists both runtimes, or neither. */
bool node_await_runtimes(struct node *node, bool listed, struct err *err);

/*
 * Runs a pod on this node, which must succeed. With a handler the pod uses the RuntimeClass
 * gvisor-smoke-HANDLER, which needs no label on the node, and gvisor_probe in it must find gVisor.
 * Without one (NULL) it uses the node's default runtime.
 */
bool node_smoke(struct node *node, const char *handler, struct err *err);

#endif
