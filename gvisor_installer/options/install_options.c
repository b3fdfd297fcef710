#include "gvisor_installer/options/install_options.h"

#include <stdlib.h>
#include <string.h>

#include "gvisor_installer/release/release.h"

enum { HANDLER_NAME_MAX = 63 };

/* As Kubernetes names handlers, and fit for TOML and for file names: a DNS label. */
static bool option_handler(void *target, const char *text, const struct option_spec *spec,
                           struct err *err)
{
    size_t len = strlen(text);

    if (!option_text(target, text, spec, err))
        return false;
    if (len > HANDLER_NAME_MAX || text[0] == '-' || text[len - 1] == '-' ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return err_set(err, STATUS_USAGE,
                       "'%s' is not a runtime name: lower-case letters, digits and dashes", text);
    return true;
}

/* What goes into other people's configuration, quoted, must need no quoting. */
static bool option_path(void *target, const char *text, const struct option_spec *spec,
                        struct err *err)
{
    if (!option_text(target, text, spec, err))
        return false;
    const char *up = strstr(text, "/..");
    while (up != NULL && up[3] != '\0' && up[3] != '/')
        up = strstr(up + 1, "/..");
    if (text[0] != '/' || text[strcspn(text, "\"\\*?[")] != '\0' || up != NULL)
        return err_set(err, STATUS_USAGE,
                       "'%s' is not an absolute path without .., quotes, backslashes and wildcards",
                       text);
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            return err_set(err, STATUS_USAGE, "control characters in a path");
    return true;
}

static bool option_release(void *target, const char *text, const struct option_spec *spec,
                           struct err *err)
{
    return option_text(target, text, spec, err) &&
           (release_name_valid(text) ||
            err_set(err, STATUS_USAGE,
                    "'%s' is not a release like 20260914.0: letters, digits and . _ -", text));
}

#define FIELD(member) .offset = offsetof(struct install_options, member)

static const struct option_spec specs[] = {
    {.name = "chroot",
     .arg = "DIR",
     .parse = option_path,
     FIELD(chroot),
     .help = "the node's root directory, as a container sees it; all other paths are below it"},
    {.name = "config",
     .arg = "FILE",
     .fallback = "/etc/containerd/config.toml",
     .parse = option_path,
     FIELD(config),
     .help = "containerd's configuration"},
    {.name = "containerd",
     .arg = "FILE",
     .fallback = "containerd",
     .parse = option_text,
     FIELD(containerd),
     .help = "the node's containerd, by name or path: it is asked for its version and whether it "
             "can read the new configuration"},
    {.name = "drop-in",
     .arg = "FILE",
     .parse = option_path,
     FIELD(drop_in),
     .help = "where the runtimes are defined, for containerd 2; default: 60-gvisor.toml in the "
             "directory that the configuration imports, or in conf.d beside it"},
    {.name = "prefix",
     .arg = "DIR",
     .fallback = "/opt/gvisor_installer",
     .parse = option_path,
     FIELD(prefix),
     .help = "where gVisor, its options and the installer's notes go"},
    {.name = "handler",
     .arg = "NAME",
     .fallback = "runsc",
     .parse = option_handler,
     FIELD(handler),
     .help = "the runtime as RuntimeClasses name it"},
    {.name = "sealed-handler",
     .arg = "NAME",
     .fallback = "runsc-sealed",
     .parse = option_handler,
     FIELD(sealed_handler),
     .help = "the runtime whose writes stay in the sandbox, those to hostPaths too"},
    {.name = "systemd-cgroup",
     .arg = "auto|yes|no",
     .fallback = "auto",
     .parse = option_choice,
     .choices = "auto|yes|no",
     FIELD(systemd_cgroup),
     .help = "whether systemd manages the pods' control groups; auto: as the runtimes say"},
    {.name = "release",
     .arg = "NAME",
     .parse = option_release,
     FIELD(release),
     .help = "gVisor's, such as 20260914.0; `runsc --version` must contain it; default: what the "
             "payload's file RELEASE says"},
    {.name = "payload",
     .arg = "DIR",
     .fallback = "/gvisor",
     .parse = option_path,
     FIELD(payload),
     .help = "gVisor's programs: runsc, containerd-shim-runsc-v1, gvisor-bin/; not below --chroot"},
    {.name = "archive",
     .arg = "FILE|URL",
     .parse = option_text,
     FIELD(archive),
     .help = "take them from a gvisor.tar.bz2 instead; not below --chroot; a URL is https"},
    {.name = "archive-sha512",
     .arg = "HEX",
     .parse = option_text,
     FIELD(archive_sha512),
     .help = "the archive's digest, from a source other than the archive's own"},
    {.name = "service",
     .arg = "UNIT",
     .fallback = "containerd.service",
     .parse = option_text,
     FIELD(service),
     .help = "what systemd restarts; of k3s: k3s.service or k3s-agent.service"},
    {.name = "restart-command",
     .arg = "COMMAND",
     .parse = option_text,
     FIELD(restart_command),
     .help = "run by the node's /bin/sh instead of systemctl; returns when containerd is back"},
    {.name = "socket",
     .arg = "FILE",
     .fallback = "/run/containerd/containerd.sock",
     .parse = option_path,
     FIELD(socket),
     .help = "where containerd answers"},
    {.name = "timeout",
     .arg = "TIME",
     .fallback = "3m",
     .parse = option_duration,
     FIELD(timeout_ms),
     .min = 1000,
     .max = 3600000,
     .help = "for each wait: for containerd, for the kubelet, for a pod"},
    {.name = "lock-wait",
     .arg = "TIME",
     .fallback = "60s",
     .parse = option_duration,
     FIELD(lock_wait_ms),
     .max = 3600000,
     .help = "for another installer on this node to end"},
    {.name = "every",
     .arg = "TIME",
     .fallback = "0s",
     .parse = option_duration,
     FIELD(every_ms),
     .max = 86400000,
     .help = "verify again and again until stopped; 0s: once"},
    {.name = "node",
     .arg = "NAME",
     .parse = option_text,
     FIELD(node),
     .env_alias = "NODE_NAME",
     .help = "this node in Kubernetes: label it, tell of changes in events, run pods to see; "
             "without it nothing is asked of Kubernetes"},
    {.name = "label",
     .arg = "KEY",
     .fallback = "gvisor.argo-steps/ready",
     .parse = option_text,
     FIELD(label),
     .help = "of the node: true when pods can run, else false"},
    {.name = "smoke-namespace",
     .arg = "NAME",
     .fallback = "gvisor-smoke",
     .parse = option_text,
     FIELD(smoke_namespace),
     .help = "where the pods run that prove it"},
    {.name = "smoke-image",
     .arg = "IMAGE",
     .fallback = "gvisor_probe:latest",
     .parse = option_text,
     FIELD(smoke_image),
     .help = "their image"},
    {.name = "smoke-args",
     .arg = "ARGS",
     .fallback = "run --format=json --runtime=gvisor --only=identity",
     .parse = option_text,
     FIELD(smoke_args),
     .help = "their arguments, with blanks between: they print a report of gvisor_probe"},
    {.name = "service-account",
     .arg = "DIR",
     .fallback = "/var/run/secrets/kubernetes.io/serviceaccount",
     .parse = option_path,
     FIELD(account),
     .help = "token and ca.crt for the API; not below --chroot"},
    {.name = "ready",
     .parse = option_flag,
     FIELD(ready),
     .help = "of status: status 5 unless gVisor is installed and settled",
     .argv_only = true},
    {.name = "force",
     .parse = option_flag,
     FIELD(force),
     .help = "of uninstall: also while pods run in gVisor; nothing can end them properly then",
     .argv_only = true},
    {.name = "format",
     .arg = "text|json",
     .fallback = "text",
     .parse = option_choice,
     .choices = "text|json",
     FIELD(format),
     .help = "of what check and status print"},
    COMMON_OPTIONS(struct install_options, common),
    {0},
};

/* It becomes part of other names, and a slash at its end would follow a link. */
static bool tidy_prefix(struct install_options *options, struct err *err)
{
    enum { LONGEST_NAME = 320 }; /* below it */
    char *to = options->prefix_text;

    if (strlen(options->prefix) > CONFIG_PATH_MAX - LONGEST_NAME)
        return err_set(err, STATUS_USAGE, "--prefix is longer than %d bytes",
                       CONFIG_PATH_MAX - LONGEST_NAME);
    for (const char *from = options->prefix; *from != '\0'; from++) {
        const char *end = from + strspn(from + 1, ".") + 1;
        bool needless = *from == '/' && end - from <= 2 && (*end == '/' || *end == '\0');
        if (!needless)
            *to++ = *from;
        else
            from = end - 1;
    }
    if (to == options->prefix_text)
        *to++ = '/';
    *to = '\0';
    options->prefix = options->prefix_text;
    return true;
}

enum options_outcome install_options_read(struct install_options *ret, int argc, char **argv,
                                          struct err *err)
{
    static const char *const summaries[][2] = {
        {"check", "Say what install would change on this node, and change nothing."},
        {"install", "Make gVisor a runtime of this node's containerd, or undo what was begun."},
        {"verify", "Say whether gVisor is installed as it should be, and works."},
        {"uninstall", "Take gVisor out again, as if it had never been there."},
        {"status", "Say what the installer noted about this node."},
    };
    struct program_info info = {.env_prefix = "GVISOR_INSTALLER", .name = "gvisor_installer"};
    struct operands operands;

    for (size_t i = 0; i < sizeof summaries / sizeof *summaries; i++)
        if (strcmp(summaries[i][0], argv[0]) == 0)
            info.summary = summaries[i][1];
    *ret = (struct install_options){0};
    enum options_outcome outcome = options_read(&info, specs, ret, &operands, argc, argv, err);
    if (outcome == OPTIONS_RUN && !tidy_prefix(ret, err))
        return OPTIONS_BAD;
    if (outcome == OPTIONS_RUN && strcmp(ret->handler, ret->sealed_handler) == 0) {
        (void)err_set(err, STATUS_USAGE, "--handler and --sealed-handler are the same: %s",
                      ret->handler);
        return OPTIONS_BAD;
    }
    return outcome;
}
