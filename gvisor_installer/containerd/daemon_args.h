/* The command line of a containerd that runs. Pure. */
#ifndef GVISOR_INSTALLER_CONTAINERD_DAEMON_ARGS_H
#define GVISOR_INSTALLER_CONTAINERD_DAEMON_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define CONTAINERD_DEFAULT_CONFIG "/etc/containerd/config.toml"
#define CONTAINERD_DEFAULT_SOCKET "/run/containerd/containerd.sock"

struct daemon_args {
    const char *config;  /* borrowed; where it says none the default */
    const char *address; /* borrowed; NULL: what its configuration says */
};

/*
 * bytes are /proc/PID/cmdline, each argument ended by a NUL, the last too. False for any program
 * but containerd, and for a containerd that runs a command such as `config dump`.
 */
bool daemon_args_read(const char *bytes, size_t len, struct daemon_args *ret);

#endif
