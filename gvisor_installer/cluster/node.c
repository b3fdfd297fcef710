#include "gvisor_installer/cluster/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/civil_time.h"
#include "common/kube.h"
#include "common/kube_json.h"
#include "common/log.h"
#include "common/machine.h"
#include "common/pause.h"
#include "common/sha256.h"
#include "gvisor_installer/node/host.h"

enum { PATH_SIZE = 512, POLL_MS = 500, LOG_S = 20, NODE_HASH_LEN = 8, NODE_NAME_MAX = 253 };

struct node {
    const struct install_options *options;
    struct kube *kube;
    char path[PATH_SIZE];
    char uid[KUBE_UID_MAX];
};

bool node_open(const struct install_options *options, struct node **ret, struct err *err)
{
    *ret = NULL;
    if (options->node == NULL)
        return true;
    size_t len = strlen(options->node);
    if (len > NODE_NAME_MAX ||
        strspn(options->node, "abcdefghijklmnopqrstuvwxyz0123456789.-") != len)
        return err_set(err, STATUS_USAGE, "'%s' is not a node's name", options->node);
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL)
        return err_set(err, STATUS_TRANSIENT, "out of memory");
    node->options = options;
    (void)snprintf(node->path, sizeof node->path, "/api/v1/nodes/%s", options->node);
    node->kube = kube_open(options->account, err);
    if (node->kube == NULL) {
        free(node);
        return err_prefix(err, "--node");
    }
    *ret = node;
    return true;
}

void node_close(struct node *node)
{
    if (node != NULL)
        kube_close(node->kube);
    free(node);
}

static bool get_node(struct node *node, struct kube_node *ret, struct err *err)
{
    const char *const handlers[] = {node->options->handler, node->options->sealed_handler};
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    long status = 0;

    if (!kube_request(node->kube, "GET", node->path, NULL, &answer, &status, err))
        return false;
    if (status != 200)
        return err_set(err, STATUS_REFUSED, "Kubernetes knows no node %s", node->options->node);
    return kube_node_read(answer.data, answer.len, node->options->label, handlers, ret) ||
           err_set(err, STATUS_TRANSIENT, "what the API says about the node cannot be read");
}

bool node_check(struct node *node, struct err *err)
{
    OWNED_BUF(boot_id, 1 << 17);
    struct kube_node seen;
    bool exists;

    if (node == NULL)
        return true;
    if (!get_node(node, &seen, err) ||
        !host_read("/proc/sys/kernel/random/boot_id", &boot_id, &exists, err))
        return false;
    (void)snprintf(node->uid, sizeof node->uid, "%s", seen.uid);
    if (exists)
        boot_id.data[strcspn(boot_id.data, "\n")] = '\0';
    if (!exists || strcmp(boot_id.data, seen.boot_id) != 0)
        return err_set(err, STATUS_REFUSED,
                       "this machine is not the node %s: its boot id is %s, the node's is %s",
                       node->options->node, exists ? boot_id.data : "unknown", seen.boot_id);
    return true;
}

bool node_check_runtime(struct node *node, const struct containerd_version *program,
                        struct err *err)
{
    struct kube_node seen;

    return node == NULL ||
           (get_node(node, &seen, err) && containerd_version_is(program, seen.runtime, err));
}

static bool send_json(struct node *node, const char *method, const char *path,
                      const struct buf *body, struct buf *answer, long *ret_status, struct err *err)
{
    return buf_ok(body, err) &&
           kube_request(node->kube, method, path, body->data, answer, ret_status, err);
}

bool node_label(struct node *node, const char *value, struct err *err)
{
    OWNED_BUF(body, KUBE_REQUEST_MAX);
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    struct kube_node seen;
    long status = 0;

    if (node == NULL)
        return true;
    if (!get_node(node, &seen, err))
        return false;
    if (strcmp(seen.label, value == NULL ? "" : value) == 0)
        return true;
    kube_label_patch(&body, node->options->label, value);
    if (!send_json(node, "PATCH", node->path, &body, &answer, &status, err))
        return false;
    if (status != 200)
        return err_set(err, STATUS_TRANSIENT, "the node's label was not taken (%ld)", status);
    log_info("label %s is %s", node->options->label, value == NULL ? "gone" : value);
    return true;
}

void node_event(struct node *node, bool warning, const char *reason, const char *message)
{
    OWNED_BUF(body, KUBE_REQUEST_MAX);
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char now[CIVIL_TIME_LEN + 2] = "";
    struct err err = {0};
    long status = 0;

    if (node == NULL)
        return;
    civil_put_time(now, time(NULL));
    now[CIVIL_TIME_LEN] = 'Z';
    const struct kube_event event = {.node = node->options->node,
                                     .uid = node->uid,
                                     .reason = reason,
                                     .message = message,
                                     .time = now,
                                     .warning = warning};
    kube_event_json(&body, &event);
    if (!send_json(node, "POST", "/api/v1/namespaces/default/events", &body, &answer, &status,
                   &err))
        log_warn("no event was written: %s", err.text);
}

bool node_await_runtimes(struct node *node, bool listed, struct err *err)
{
    struct kube_node seen;

    if (node == NULL)
        return true;
    const double deadline = machine_seconds() + (double)node->options->timeout_ms / 1e3;
    for (bool first = true;; first = false) {
        if (!get_node(node, &seen, err))
            return false;
        if (seen.ready && !seen.lists_runtimes) {
            log_warn("this kubelet does not list its runtimes: only pods can tell");
            return true;
        }
        if (seen.ready && seen.has[0] == listed && seen.has[1] == listed)
            return true;
        if (machine_seconds() > deadline)
            return err_set(err, STATUS_EXPECTATION,
                           !seen.ready ? "the node is not ready"
                           : listed    ? "the kubelet does not see gVisor's runtimes"
                                       : "the kubelet still sees gVisor's runtimes");
        if (first)
            log_info("waiting for the kubelet to see %s",
                     listed ? "gVisor" : "that gVisor is gone");
        pause_for(POLL_MS);
    }
}

/* --- pods that prove it ----------------------------------------------------------------------- */

static bool remove_pod(struct node *node, const char *path, struct err *err)
{
    const double deadline = machine_seconds() + (double)node->options->timeout_ms / 1e3;
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    long status = 0;

    for (const char *method = "DELETE";; method = "GET") {
        if (!kube_request(node->kube, method, path, NULL, &answer, &status, err))
            return false;
        if (status == 404)
            return true;
        if (machine_seconds() > deadline)
            return err_set(err, STATUS_TRANSIENT, "%s does not go away", path);
        pause_for(POLL_MS);
    }
}

static bool await_pod(struct node *node, const char *path, struct err *err)
{
    const double deadline = machine_seconds() + (double)node->options->timeout_ms / 1e3;
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    struct kube_pod seen = {0};
    long status = 0;

    for (;;) {
        if (!kube_request(node->kube, "GET", path, NULL, &answer, &status, err))
            return false;
        if (status != 200 || !kube_pod_read(answer.data, answer.len, &seen))
            return err_set(err, STATUS_TRANSIENT, "it has gone");
        if (seen.phase == POD_SUCCEEDED)
            return true;
        if (seen.phase == POD_FAILED || machine_seconds() > deadline)
            return err_set(err, STATUS_EXPECTATION, "%s%s",
                           seen.phase == POD_FAILED ? "" : "not done in time: ", seen.why);
        pause_for(POLL_MS);
    }
}

static bool read_verdict(struct node *node, const char *path, struct err *err)
{
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char log[PATH_SIZE], conclusion[KUBE_UID_MAX];
    long status = 0;

    (void)snprintf(log, sizeof log, "%.480s/log", path);
    /* The log's end may come later than the pod's. */
    const double deadline = machine_seconds() + LOG_S;
    for (;;) {
        if (!kube_request(node->kube, "GET", log, NULL, &answer, &status, err))
            return false;
        if (status == 200 &&
            kube_conclusion_read(answer.data, answer.len, conclusion, sizeof conclusion))
            break;
        if (machine_seconds() > deadline)
            return err_set(err, STATUS_EXPECTATION, "it left no report of gvisor_probe");
        pause_for(POLL_MS);
    }
    if (strcmp(conclusion, "confirmed") == 0 || strcmp(conclusion, "likely") == 0)
        return true;
    return err_set(err, STATUS_EXPECTATION, "gvisor_probe finds no gVisor in it: %s", conclusion);
}

static bool run_pod(struct node *node, const struct kube_smoke *smoke, const char *path,
                    struct err *err)
{
    OWNED_BUF(body, KUBE_REQUEST_MAX);
    OWNED_BUF(answer, KUBE_ANSWER_MAX);
    char pods[PATH_SIZE];
    long status = 0;

    (void)snprintf(pods, sizeof pods, "/api/v1/namespaces/%s/pods", smoke->namespace);
    kube_smoke_json(&body, smoke);
    if (!send_json(node, "POST", pods, &body, &answer, &status, err))
        return false;
    if (status != 201)
        return err_set(err, STATUS_TRANSIENT, "it was not created (%ld): %.300s", status,
                       answer.data);
    return await_pod(node, path, err) &&
           (smoke->runtime_class == NULL || read_verdict(node, path, err));
}

bool node_smoke(struct node *node, const char *handler, struct err *err)
{
    char name[PATH_SIZE], path[PATH_SIZE], class[PATH_SIZE], hex[SHA256_HEX + 1];
    struct err ignored = {0};
    struct sha256 hash;

    if (node == NULL)
        return true;
    /* Told apart by node, and of a length that is allowed whatever the node is called. */
    sha256_init(&hash);
    sha256_add(&hash, node->options->node, strlen(node->options->node));
    sha256_hex(&hash, hex);
    (void)snprintf(name, sizeof name, "%s-%.*s", handler == NULL ? "default" : handler,
                   NODE_HASH_LEN, hex);
    (void)snprintf(class, sizeof class, "gvisor-smoke-%s", handler == NULL ? "" : handler);
    (void)snprintf(path, sizeof path, "/api/v1/namespaces/%.200s/pods/%.200s",
                   node->options->smoke_namespace, name);
    const struct kube_smoke smoke = {
        .name = name,
        .namespace = node->options->smoke_namespace,
        .node = node->options->node,
        .runtime_class = handler == NULL ? NULL : class,
        .image = node->options->smoke_image,
        .args = handler == NULL ? "--version" : node->options->smoke_args,
        .deadline_s = (unsigned)(node->options->timeout_ms / 1000),
    };
    log_info("running a pod in %s", handler == NULL ? "the default runtime" : handler);
    bool done = remove_pod(node, path, err) && run_pod(node, &smoke, path, err);
    (void)remove_pod(node, path, &ignored);
    return done ||
           err_prefix(err, "the pod in %s", handler == NULL ? "the default runtime" : handler);
}
