/*
 * This node in Kubernetes: what the kubelet sees of it, its label, events about it, and pods that
 * prove what runs. NULL stands for "no Kubernetes" everywhere, and everything then succeeds.
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

/* The API answers, and the node it names is the machine we run on: they share the boot id. */
bool node_check(struct node *node, struct err *err);

/* The containerd of that version is the one that runs the node's pods. */
bool node_check_runtime(struct node *node, const struct containerd_version *program,
                        struct err *err);

/* Sets the label; NULL removes it. Written only where it differs. */
bool node_label(struct node *node, const char *value, struct err *err);

/* What `kubectl get events` shows. A failure is logged and not more. */
void node_event(struct node *node, bool warning, const char *reason, const char *message);

/* Waits until the node is ready and its kubelet lists both runtimes, or neither. */
bool node_await_runtimes(struct node *node, bool listed, struct err *err);

/*
 * A pod on this node must end well: in the handler, whose RuntimeClass gvisor-smoke-HANDLER asks
 * for no label, gvisor_probe must find gVisor; NULL is the node's default runtime.
 */
bool node_smoke(struct node *node, const char *handler, struct err *err);

#endif
