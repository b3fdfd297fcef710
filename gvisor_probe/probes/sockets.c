/* Which protocols of the kernel can be reached through sockets. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gvisor_probe/probes/probe.h"

enum { NETLINK_PROTOCOLS = 23 };

/* subject: family, type and protocol. */
static void run_socket(const struct probe_context *context, const char *subject,
                       struct finding *ret)
{
    int number[3];
    char *at;

    (void)context;
    for (int i = 0; i < 3; i++, subject = at)
        number[i] = (int)strtol(subject, &at, 10);
    found_call(ret, socket(number[0], number[1] | SOCK_CLOEXEC, number[2]));
    if (ret->errnum == EINVAL) /* the family does not have the protocol */
        found(ret, RESULT_ABSENT);
}

static void run_netlink(const struct probe_context *context, const char *subject,
                        struct finding *ret)
{
    char list[128] = "";
    int first_errno = 0;

    (void)context, (void)subject;
    for (int protocol = 0; protocol < NETLINK_PROTOCOLS; protocol++) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        size_t len = strlen(list);
        if (fd < 0) {
            first_errno = first_errno == 0 ? errno : first_errno;
            continue;
        }
        (void)close(fd);
        (void)snprintf(list + len, sizeof list - len, "%s%d", len > 0 ? " " : "", protocol);
    }
    if (list[0] == '\0')
        found_errno(ret, first_errno);
    found_value(ret, "%s", list);
    found_detail(ret, "protocols that opened, of 0 to %d", NETLINK_PROTOCOLS - 1);
}

#define ROW     .group = GROUP_KERNEL_SURFACE, .safety = SAFETY_READ
#define FILTERS "containerd contrib/seccomp/seccomp_default.go; gVisor pkg/sentry/socket"

const struct probe probes_sockets[] = {
    {.id = "socket_alg",
     ROW,
     .title = "the kernel's crypto (AF_ALG)",
     .does = "socket(AF_ALG, SOCK_SEQPACKET, 0)",
     .evidence = "EPERM comes from seccomp: the pod's merit. EAFNOSUPPORT: this kernel has no such "
                 "code, or has not loaded it.",
     .source = FILTERS,
     .subject = "38 5 0",
     .run = run_socket},
    {.id = "socket_vsock",
     ROW,
     .title = "the channel to the hypervisor (AF_VSOCK)",
     .does = "socket(AF_VSOCK, SOCK_STREAM, 0)",
     .evidence = "On a virtual machine it passes by network policies. EPERM is seccomp's, "
                 "EAFNOSUPPORT the kernel's.",
     .source = FILTERS,
     .subject = "40 1 0",
     .run = run_socket},
    {.id = "socket_xdp",
     ROW,
     .title = "express packets (AF_XDP)",
     .does = "socket(AF_XDP, SOCK_RAW, 0)",
     .evidence = "Linux asks for CAP_NET_RAW, so EPERM says nothing of the runtime.",
     .source = "man 7 packet; Linux net/xdp/xsk.c",
     .subject = "44 3 0",
     .run = run_socket},
    {.id = "socket_packet",
     ROW,
     .title = "raw frames (AF_PACKET)",
     .does = "socket(AF_PACKET, SOCK_RAW, 0)",
     .evidence = "Needs CAP_NET_RAW under both: the pod's merit.",
     .source = "man 7 packet",
     .subject = "17 3 0",
     .run = run_socket},
    {.id = "socket_icmp_raw",
     ROW,
     .title = "raw ICMP",
     .does = "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)",
     .evidence = "Needs CAP_NET_RAW under both: the pod's merit.",
     .source = "man 7 raw",
     .subject = "2 3 1",
     .run = run_socket},
    {.id = "socket_ping",
     ROW,
     .title = "unprivileged ping",
     .does = "socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP)",
     .evidence =
         "Linux asks ping_group_range. gVisor allows it inside its own network stack: looser "
         "here, and no host code behind it.",
     .source = "man 7 icmp; gVisor pkg/sentry/socket/netstack",
     .subject = "2 2 1",
     .run = run_socket},
    {.id = "netlink_census",
     ROW,
     .title = "which netlink protocols there are",
     .does = "socket(AF_NETLINK, SOCK_RAW, 0 to 22)",
     .evidence = "Each is a parser in the node's kernel that any pod may talk to; no permission "
                 "guards the opening. gVisor has two of its own, 0 and 15.",
     .source = "gVisor pkg/sentry/socket/netlink; man 7 netlink",
     .run = run_netlink},
    {.id = NULL},
};
