/* gvisor_installer's configuration: the same options for all commands. */
#ifndef GVISOR_INSTALLER_OPTIONS_INSTALL_OPTIONS_H
#define GVISOR_INSTALLER_OPTIONS_INSTALL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/options.h"
#include "gvisor_installer/containerd/containerd_config.h"
#include "gvisor_installer/containerd/fragments.h"

enum systemd_choice { SYSTEMD_AUTO, SYSTEMD_YES, SYSTEMD_NO };
enum output_format { OUTPUT_TEXT, OUTPUT_JSON };

struct install_options {
    const char *chroot; /* NULL: this is the node's own file system */
    const char *config, *containerd, *drop_in;
    const char *prefix;
    char prefix_text[CONFIG_PATH_MAX]; /* without needless slashes */
    const char *handler, *sealed_handler;
    int systemd_cgroup; /* enum systemd_choice */
    const char *release, *payload, *archive, *archive_sha512;
    char payload_release[128]; /* what release is without an option: the payload's own name */
    const char *service, *restart_command, *socket;
    uint64_t timeout_ms, lock_wait_ms, every_ms;
    const char *node, *label, *smoke_namespace, *smoke_image, *smoke_args, *account;
    bool ready, force;
    int format; /* enum output_format */
    struct common_options common;
};

/* argv[0] is the command's name. Texts are borrowed from argv and the environment. */
enum options_outcome install_options_read(struct install_options *ret, int argc, char **argv,
                                          struct err *err);

#endif
