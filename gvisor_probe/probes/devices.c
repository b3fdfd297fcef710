/* What a pod was given of the node: devices, sockets of container runtimes, tokens. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gvisor_probe/observe/observed.h"
#include "gvisor_probe/probes/probe.h"

/* Opened for reading only, so that nothing can be written by mistake. */
static void run_device(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    const struct identity identity = observed_identity(context->self);
    struct stat st;

    found_call(ret, open(subject, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (ret->errnum == EACCES && stat(subject, &st) == 0 &&
        !dac_allows(st.st_mode, st.st_uid, st.st_gid, &identity, 4))
        ret->cause = CAUSE_DAC;
}

static void run_runtime_sockets(const struct probe_context *context, const char *subject,
                                struct finding *ret)
{
    static const char *const paths[] = {
        "/run/containerd/containerd.sock",
        "/var/run/docker.sock",
        "/run/crio/crio.sock",
        "/run/podman/podman.sock",
        "/run/k3s/containerd/containerd.sock",
        "/var/lib/kubelet/pki",
    };
    char list[FINDING_TEXT_MAX] = "";

    (void)context, (void)subject;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct stat st;
        size_t len = strlen(list);
        if (stat(paths[i], &st) == 0)
            (void)snprintf(list + len, sizeof list - len, "%s%s", len > 0 ? " " : "", paths[i]);
    }
    found(ret, list[0] == '\0' ? RESULT_ABSENT : RESULT_ALLOWED);
    found_value(ret, "%s", list);
}

static void run_token(const struct probe_context *context, const char *subject, struct finding *ret)
{
    struct stat st;

    (void)context;
    found_call(ret, stat(subject, &st));
    if (ret->result == RESULT_ALLOWED)
        found_value(ret, st.st_size > 0 ? "mounted" : "empty");
    found_detail(ret, "looked at with stat(2), never read");
}

enum { METADATA_WAIT_MS = 300 };

static void run_metadata(const struct probe_context *context, const char *subject,
                         struct finding *ret)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(80)};
    int failed = 0;
    socklen_t len = sizeof failed;

    if (!context->network) {
        found(ret, RESULT_SKIPPED);
        found_detail(ret, "sends packets: ask for it with --network");
        return;
    }
    (void)inet_pton(AF_INET, subject, &to.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        found_call(ret, -1);
        return;
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        found_call(ret, -1);
        return;
    }
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    if (poll(&wait, 1, METADATA_WAIT_MS) <= 0) {
        found(ret, RESULT_ABSENT);
        found_detail(ret, "no answer within %d ms", METADATA_WAIT_MS);
        return;
    }
    (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len);
    found_errno(ret, failed);
}

#define ROW     .group = GROUP_HOST_OBJECTS, .safety = SAFETY_READ
#define OPENS   .does = "open(2) for reading", .run = run_device
#define DEVICES "Kubernetes gives pods no such node unless they are privileged: the pod's merit. "

const struct probe probes_devices[] = {
    {.id = "device_kvm",
     ROW,
     OPENS,
     .title = "the hypervisor",
     .subject = "/dev/kvm",
     .evidence = DEVICES,
     .source = "man 2 open"},
    {.id = "device_mem",
     ROW,
     OPENS,
     .title = "physical memory",
     .subject = "/dev/mem",
     .evidence = DEVICES,
     .source = "man 4 mem"},
    {.id = "device_kmsg",
     ROW,
     OPENS,
     .title = "the kernel's log as a device",
     .subject = "/dev/kmsg",
     .evidence = DEVICES,
     .source = "Linux Documentation/ABI/testing/dev-kmsg"},
    {.id = "device_fuse",
     ROW,
     OPENS,
     .title = "file systems in user space",
     .subject = "/dev/fuse",
     .evidence = DEVICES "gVisor has one of its own, with no host code behind it: looser here.",
     .source = "gVisor pkg/sentry/fsimpl/fuse"},
    {.id = "device_tun",
     ROW,
     OPENS,
     .title = "network tunnels",
     .subject = "/dev/net/tun",
     .evidence = DEVICES "gVisor has one of its own, with no host code behind it: looser here.",
     .source = "gVisor pkg/sentry/devices/tundev"},
    {.id = "device_vhost_net",
     ROW,
     OPENS,
     .title = "the kernel's side of virtual networks",
     .subject = "/dev/vhost-net",
     .evidence = DEVICES,
     .source = "man 2 open"},
    {.id = "runtime_sockets",
     ROW,
     .title = "sockets of container runtimes",
     .does = "stat(2) of the usual paths of containerd, Docker, CRI-O, Podman and the kubelet",
     .evidence = "Whoever may connect owns the node. It is there only when the pod mounts it: the "
                 "same under every runtime.",
     .source = "Kubernetes, Pod Security Standards",
     .run = run_runtime_sockets},
    {.id = "service_token",
     ROW,
     .title = "the pod's API token",
     .does = "stat(2) of the service account's token; it is not read",
     .evidence = "A setting of the pod, the same under every runtime.",
     .source = "Kubernetes, automountServiceAccountToken",
     .subject = "/var/run/secrets/kubernetes.io/serviceaccount/token",
     .run = run_token},
    {.id = "metadata_address",
     .group = GROUP_HOST_OBJECTS,
     .safety = SAFETY_NETWORK,
     .title = "the cloud's metadata service",
     .does = "connect(2) to port 80 of 169.254.169.254, with --network only; nothing is asked",
     .evidence = "A matter of network policies, the same under every runtime.",
     .source = "RFC 3927; the clouds' instance metadata pages",
     .subject = "169.254.169.254",
     .run = run_metadata},
    {.id = NULL},
};
