/*
 * Who manages the pods' control groups, asked as containerd asks itself when the kubelet wants to
 * know (internal/cri/server/runtime_config_linux.go). Pure.
 */
#ifndef GVISOR_INSTALLER_CONTAINERD_CONTROL_GROUPS_H
#define GVISOR_INSTALLER_CONTAINERD_CONTROL_GROUPS_H

#include <stdbool.h>
#include <stddef.h>

#include "gvisor_installer/containerd/containerd_config.h"

enum control_groups { CONTROL_GROUPS_UNSAID, CONTROL_GROUPS_SYSTEMD, CONTROL_GROUPS_CGROUPFS };

/*
 * The default runtime is asked first, then the others by name; the first that has options of runc
 * decides. dump is what `containerd config dump` says. It does not tell empty options, which
 * decide, from absent ones, which do not: that is looked up in the files, whose tables bear the
 * names of version `names`. skipped are names of runtimes that do not count.
 */
enum control_groups control_groups_of(const struct containerd_config *dump,
                                      const struct containerd_config *const files[],
                                      size_t file_count, int64_t names, const char *const skipped[],
                                      size_t skipped_count);

/* The runtime of pods that ask for none; *ret_exists: it is defined. NULL: nothing is said. */
const char *default_runtime(const struct containerd_config *dump, bool *ret_exists);

#endif
